package io.github.lora4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PyTorch files that are cut off, damaged, hostile, or hold more than tensors. */
class BrokenTorchTest {

  @TempDir Path directory;

  private static void refused(Path file, String... parts) {
    String message = assertThrows(FormatException.class, () -> {
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        for (String name : checkpoint.names()) {
          MemorySegment target = MemorySegment.ofArray(new float[(int) checkpoint.info(name).elements()]);
          checkpoint.read(name, DType.F32, target);
        }
      }
    }).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), "expected '" + part + "' in: " + message);
    }
    assertTrue(message.contains(file.getFileName().toString()), message);
  }

  @Test
  void whatIsNoStateDictOfTensors() {
    refused(TorchTest.file("nested.pt"), "key model", "expected a tensor, got a dictionary");
    refused(TorchTest.file("lone.pt"), "single value");
    refused(TorchTest.file("module.pt"), "torch.nn.modules.linear.Linear", "ever executed", "state_dict");
    refused(TorchTest.file("complex.pt"), "torch.ComplexFloatStorage");
    refused(TorchTest.file("expanded.pt"), "repeats elements", "contiguous()");
    refused(TorchTest.file("old.bin"), "before 1.6", "torch.save(torch.load(file), file)");
  }

  @Test
  void nothingIsExecuted() throws IOException {
    refused(pickle("cos\nsystem\n(X\u0004\0\0\0true\u0085R."), "os.system", "ever executed");
    refused(pickle("cbuiltins\neval\n."), "builtins.eval");
    refused(pickle("\u008c\u0002os\u008c\u0006system\u0093."), "os.system");
    refused(pickle("ctorch._utils\n_rebuild_device_tensor_from_numpy\n."), "_rebuild_device_tensor_from_numpy");
    refused(pickle("(K\u0001o."), "opcode 0x6f");
    refused(pickle("(i__main__\nX\n."), "opcode 0x69");
  }

  @Test
  void brokenPickles() throws IOException {
    refused(pickle(""), "data.pkl", "cut off");
    refused(pickle("X\u00ff\u00ff\u00ff\u007f"), "cut off");
    refused(pickle("h\u0005."), "refers to value 5");
    refused(pickle("."), "where there is none");
    refused(pickle("u."), "where there is none");
    refused(pickle("}(K\u0001u."), "no value");
    refused(pickle("}()K\u0001u."), "neither text nor an integer");
    refused(pickle("}}."), "too many");
    refused(pickle("\u0080\u0009}."), "protocol 9");
    refused(pickle("]K\u0001s."), "where there is none");
    refused(pickle("\u008a\u0009" + "x".repeat(9) + "."), "integer of 9 bytes");
  }

  /** {"w": a tensor of these numbers on a storage of four floats}, as torch.save writes it. */
  private static String tensor(String storage, int offset, String shape, String strides) {
    return "}X\u0001\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\0" + storage
        + "X\u0003\0\0\0cpuK\u0004tQ" + "K" + (char) offset + shape + strides + "\u0089}tRs.";
  }

  @Test
  void tensorsOutsideOfTheirStorage() throws IOException {
    refused(pickle(tensor("0", 1, "K\u0004\u0085", "K\u0001\u0085")), "reaches outside", "[4]");
    refused(pickle(tensor("0", 0, "K\u0002\u0085", "K\u0004\u0085")), "reaches outside");
    refused(pickle(tensor("0", 0, "K\u0002\u0085", "J\u00ff\u00ff\u00ff\u00ff\u0085")), "reaches outside");
    refused(pickle(tensor("0", 0, "K\u0002\u0085", ")")), "do not fit");
    String huge = "\u008a\u0008" + "\u00ff".repeat(7) + "\u007f";
    refused(pickle(tensor("0", 0, huge + "\u0085", "K\u0001\u0085")), "absurd");
    refused(pickle(tensor("0", 0, "K\u0002" + huge + "\u0086", "K\0K\0\u0086")), "absurd");
    refused(pickle(tensor("7", 0, "K\u0004\u0085", "K\u0001\u0085")), "tensor w", "no entry data/7");
    refused(archive(tensor("0", 0, "K\u0004\u0085", "K\u0001\u0085"), 12, false), "tensor w", "holds 12 bytes, expected 4 elements of F32");
  }

  @Test
  void compressedEntriesMayBeBombs() throws IOException {
    refused(archive(tensor("0", 0, "K\u0004\u0085", "K\u0001\u0085"), 16, true), "data.pkl", "never compresses");
  }

  @Test
  void damagedFiles() throws IOException {
    byte[] bytes = Files.readAllBytes(pickle(tensor("0", 0, "K\u0004\u0085", "K\u0001\u0085")));
    byte[] changed = bytes.clone();
    String latin = new String(bytes, StandardCharsets.ISO_8859_1);
    changed[latin.indexOf("ABCD")] ^= 1;
    refused(write(changed), "entry x/data/0 is damaged", "tensor w");
    for (int length : new int[] {0, 3, 40, bytes.length / 2, bytes.length - 1}) {
      refused(write(Arrays.copyOf(bytes, length)));
    }
    refused(write("nothing that torch wrote".getBytes(StandardCharsets.US_ASCII)), "no file that torch.save wrote");
  }

  /** Whatever the damage, the answer is an error of ours or a tensor of the size that was asked for. */
  @Test
  void anyByteMayBeWrong() throws IOException {
    byte[] bytes = Files.readAllBytes(TorchTest.file("metadata.pth"));
    Random random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 400; i++) {
      byte[] changed = bytes.clone();
      changed[random.nextInt(bytes.length)] = (byte) random.nextInt();
      try (Checkpoint checkpoint = Checkpoint.open(write(changed))) {
        for (String name : checkpoint.names()) {
          TensorInfo info = checkpoint.info(name);
          assertTrue(info.bytes() <= bytes.length, info.toString());
          checkpoint.read(name, info.dtype(), MemorySegment.ofArray(new byte[(int) info.bytes()]));
        }
      } catch (FormatException e) {
        refused++;
      }
    }
    assertTrue(refused > 40, "only " + refused + " refused");
  }

  private Path write(byte[] content) throws IOException {
    Path file = directory.resolve("m" + HexFormat.of().toHexDigits(System.nanoTime()) + ".bin");
    return Files.write(file, content);
  }

  private Path pickle(String text) throws IOException {
    return archive(text, 16, false);
  }

  private Path archive(String pickle, int storageBytes, boolean compressed) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      put(zip, "x/data.pkl", pickle.getBytes(StandardCharsets.ISO_8859_1), compressed);
      ByteBuffer data = ByteBuffer.allocate(storageBytes).order(ByteOrder.LITTLE_ENDIAN).put("ABCD".getBytes(StandardCharsets.US_ASCII));
      put(zip, "x/data/0", data.array(), false);
    }
    return write(bytes.toByteArray());
  }

  private static void put(ZipOutputStream zip, String name, byte[] content, boolean compressed) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    if (!compressed) {
      entry.setMethod(ZipEntry.STORED);
      entry.setSize(content.length);
      CRC32 checksum = new CRC32();
      checksum.update(content);
      entry.setCrc(checksum.getValue());
    }
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
