package io.github.lora4j.checkpoint.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of GGUF files whose counts, lengths, types and offsets are not to be believed: the file, the key or tensor, what was found and expected. */
class GgufHostileTest {

  @TempDir
  private Path directory;

  /** Two keys that the writer was given, one of its own for the alignment, two tensors. */
  private byte[] valid() throws IOException {
    Path file = directory.resolve("valid.gguf");
    new GgufWriter(64).key("general.architecture", GgufValue.of("llama")).key("list", GgufValue.i32s(1, 2, 3))
        .add(new GgufTensor("a.weight", GgmlType.F32, List.of(3L, 5L)), MemorySegment.ofArray(new float[15]))
        .add(new GgufTensor("b.weight", GgmlType.Q8_0, List.of(2L, 64L)), MemorySegment.ofArray(new byte[136])).write(file);
    return Files.readAllBytes(file);
  }

  private String said(byte[] bytes) throws IOException {
    Path file = directory.resolve("hostile.gguf");
    Files.write(file, bytes);
    FormatException e = assertThrows(FormatException.class, () -> GgufFile.open(file));
    assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
    return e.getMessage();
  }

  /** Bytes behind the first place of a text, or from the beginning of the file, and what is said then. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "|0|47475545|does not begin with \"GGUF\"",
      "|4|01000000|is GGUF of version 1, which llama.cpp gave up as well",
      "|4|00000003|is big-endian (its version reads as 50331648)",
      "|4|09000000|is GGUF of version 9; versions 2 and 3 are read",
      "|8|ffffffffffffff7f|says it has 9223372036854775807 tensors",
      "|8|ffffffffffffffff|says it has 18446744073709551615 tensors",
      "|16|0000000000000080|says it has 9223372036854775808 keys",
      "|16|0000010000000000|says it has 65536 keys",
      "|24|ffffffffffffffff|the name of key 0: a text of 18446744073709551615 bytes",
      "general.architecture|4|ffffffffffffff7f|key general.architecture: a text of 9223372036854775807 bytes",
      "general.architecture|0|63000000|key general.architecture: values of type 99 are unknown, types are 0 to 12",
      "general.alignment|4|00000000|general.alignment must be a power of two of type U32, got 0",
      "general.alignment|4|03000000|general.alignment must be a power of two of type U32, got 3",
      "list|4|0d000000|key list: the elements: values of type 13 are unknown",
      "list|4|09000000|key list: an array of",
      "list|8|ffffffffffffff3f|key list: an array of 4611686018427387903 elements of type I32; the file ends before",
      "list|8|ffffffffffffffff|key list: an array of 18446744073709551615 elements of type I32; the file ends before",
      "a.weight|0|05000000|tensor a.weight has 5 dimensions, at most 4 are possible",
      "a.weight|0|ffffffff|tensor a.weight has 4294967295 dimensions",
      "a.weight|4|0000000000000080|a.weight",
      "a.weight|4|ffffffffffffff7f|a.weight",
      "a.weight|4|0000000001000000|is cut off: tensor a.weight (F32 [3, 4294967296]",
      "a.weight|20|05000000|tensor a.weight has type 5, which ggml has removed or which is newer than this program",
      "a.weight|20|e7030000|tensor a.weight has type 999",
      "a.weight|20|0c000000|a.weight",
      "a.weight|24|4000000000000000|tensor a.weight: its offset 64 leaves a gap behind the tensors before it; expected 0",
      "b.weight|24|0000000000000000|tensor b.weight: its offset 0 overlaps the tensors before it; expected 64",
      "b.weight|24|2000000000000000|tensor b.weight: its offset 32 is no multiple of the alignment 64; expected 64",
      "b.weight|24|c0ffffffffffff7f|tensor b.weight: its offset 9223372036854775744 leaves a gap",
      "b.weight|24|c0ffffffffffffff|tensor b.weight: its offset 18446744073709551552 is absurd",
  })
  void isRefusedByName(String behind, int at, String hex, String expected) throws IOException {
    byte[] bytes = valid();
    byte[] edit = HexFormat.of().parseHex(hex);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int from = behind == null ? 0 : text.indexOf(behind) + behind.length();
    System.arraycopy(edit, 0, bytes, from + at, edit.length);
    String said = said(bytes);
    assertTrue(said.contains(expected), said);
  }

  /** The edits above go where they are meant to: without one the file is read. */
  @Test
  void theFileThatIsEditedIsValid() throws IOException {
    valid();
    try (GgufFile file = GgufFile.open(directory.resolve("valid.gguf"))) {
      assertEquals(List.of("a.weight", "b.weight"), file.tensors().stream().map(GgufTensor::name).toList());
      assertEquals(64, file.alignment());
    }
  }
}
