package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** The zip archive inside a PyTorch file: its entries, read whole and checked against their checksums. */
final class TorchArchive implements AutoCloseable {

  /** Some 100 bytes a tensor; this is room for half a million. */
  private static final long LARGEST_PICKLE = 64L << 20;

  /** How files begin that PyTorch wrote before 1.6: a pickled number. */
  private static final byte[] OLD = {(byte) 0x80, 2, (byte) 0x8A, 0x0A, 0x6C, (byte) 0xFC, (byte) 0x9C, 0x46, (byte) 0xF9};

  private final Path path;
  private final ZipFile zip;
  private final String folder;
  private final long size;

  private TorchArchive(Path path, ZipFile zip, String folder, long size) {
    this.path = path;
    this.zip = zip;
    this.folder = folder;
    this.size = size;
  }

  static TorchArchive open(Path path) {
    long size;
    try (SourceFile file = new SourceFile(path)) {
      size = file.size();
      byte[] head = new byte[(int) Math.min(OLD.length, size)];
      file.read(0, MemorySegment.ofArray(head));
      if (Arrays.equals(head, OLD)) {
        throw file.broken("is in the format of PyTorch before 1.6; rewrite it once in Python: torch.save(torch.load(file), file)");
      }
      if (head.length < 4 || head[0] != 'P' || head[1] != 'K') {
        throw file.broken("is no file that torch.save wrote: it does not begin as a zip archive");
      }
    }
    try {
      ZipFile zip = new ZipFile(path.toFile());
      try {
        List<String> pickles = zip.stream().map(ZipEntry::getName).filter(n -> n.matches("[^/]*/data\\.pkl")).toList();
        if (pickles.size() != 1) {
          throw new FormatException("%s: expected one entry NAME/data.pkl, got %d; is it a file that torch.save wrote?".formatted(path,
              pickles.size()));
        }
        String name = pickles.getFirst();
        TorchArchive archive = new TorchArchive(path, zip, name.substring(0, name.length() - "data.pkl".length()), size);
        archive.requireLittleEndian();
        return archive;
      } catch (RuntimeException | Error e) {
        zip.close();
        throw e;
      }
    } catch (ZipException e) {
      throw new FormatException(path + ": is cut off or no zip archive: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new ResourceException(path + ": cannot be read: " + e, e);
    }
  }

  Path path() {
    return path;
  }

  /** The pickle that describes the tensors. */
  byte[] pickle() {
    ZipEntry entry = entry("data.pkl");
    if (entry.getSize() > LARGEST_PICKLE) {
      throw broken("data.pkl is %d bytes long; at most %d are read".formatted(entry.getSize(), LARGEST_PICKLE));
    }
    byte[] text = new byte[(int) entry.getSize()];
    read(entry, MemorySegment.ofArray(text));
    return text;
  }

  /** Checks that the storage of a tensor is there in full; nothing is read. */
  void requireStorage(String tensor, TorchTensor.Storage storage) {
    if (zip.getEntry(folder + "data/" + storage.key()) == null) {
      throw broken("tensor %s: its elements are missing, there is no entry data/%s".formatted(tensor, storage.key()));
    }
    ZipEntry entry = entry("data/" + storage.key());
    int bytes = storage.type().dtype().bytes();
    if (storage.elements() > Long.MAX_VALUE / bytes || entry.getSize() != storage.elements() * bytes) {
      throw broken("tensor %s: entry data/%s holds %d bytes, expected %d elements of %s".formatted(tensor, storage.key(), entry.getSize(),
          storage.elements(), storage.type().dtype()));
    }
  }

  /** Fills the target with a storage's bytes. */
  void read(String tensor, TorchTensor.Storage storage, MemorySegment target) {
    requireStorage(tensor, storage);
    try {
      read(entry("data/" + storage.key()), target);
    } catch (FormatException e) {
      throw new FormatException(e.getMessage() + " (tensor " + tensor + ")", e);
    }
  }

  private void requireLittleEndian() {
    if (zip.getEntry(folder + "byteorder") != null) {
      byte[] order = new byte[(int) Math.min(16, entry("byteorder").getSize())];
      read(entry("byteorder"), MemorySegment.ofArray(order));
      if (!new String(order, StandardCharsets.US_ASCII).equals("little")) {
        throw broken("was written on a big-endian machine; rewrite it on a little-endian one");
      }
    }
  }

  private ZipEntry entry(String name) {
    ZipEntry entry = zip.getEntry(folder + name);
    // PyTorch never compresses, so no entry can be larger than the file: there is no room for a zip bomb.
    if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize() || entry.getSize() > size) {
      throw broken("entry %s is compressed or claims %d bytes in a file of %d; torch.save never compresses".formatted(name, entry.getSize(),
          size));
    }
    return entry;
  }

  private void read(ZipEntry entry, MemorySegment target) {
    CRC32 checksum = new CRC32();
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = zip.getInputStream(entry)) {
      for (long done = 0; done < target.byteSize();) {
        int n = in.read(buffer, 0, (int) Math.min(buffer.length, target.byteSize() - done));
        if (n < 0) {
          throw new EOFException("ends at byte " + done + " of " + target.byteSize());
        }
        checksum.update(buffer, 0, n);
        MemorySegment.copy(buffer, 0, target, ValueLayout.JAVA_BYTE, done, n);
        done += n;
      }
    } catch (EOFException | ZipException e) {
      throw new FormatException(path + ": entry " + entry.getName() + " is cut off: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new ResourceException(path + ": cannot be read: " + e, e);
    }
    if (checksum.getValue() != entry.getCrc()) {
      throw broken("entry %s is damaged: its checksum is %08x, the archive says %08x".formatted(entry.getName(), checksum.getValue(),
          entry.getCrc()));
    }
  }

  FormatException broken(String problem) {
    return new FormatException(path + ": " + problem);
  }

  @Override
  public void close() {
    try {
      zip.close();
    } catch (IOException e) {
      throw new ResourceException(path + ": cannot be closed: " + e, e);
    }
  }
}
