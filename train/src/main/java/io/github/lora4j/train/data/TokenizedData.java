package io.github.lora4j.train.data;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/**
 * Examples as token ids, ready to be packed.
 *
 * @param ids token ids of each sequence; example e has sequences [e·n, (e + 1)·n) with n = sequencesPerExample
 * @param types sentence numbers of each token
 * @param labels one encoded label per example
 * @param truncated sequences that were cut to the length limit
 */
public record TokenizedData(List<int[]> ids, List<int[]> types, float[][] labels, int sequencesPerExample, int truncated) {

  /**
   * Tokenises rows. With one sequence per example a pair of texts becomes one sequence with a separator; with two, each text is a
   * sequence of its own.
   */
  public static TokenizedData of(Path file, List<Row> rows, Tokenizer tokenizer, Labels labels, int sequencesPerExample, int maxLength) {
    List<int[]> ids = new ArrayList<>();
    List<int[]> types = new ArrayList<>();
    float[][] encoded = new float[rows.size()][];
    int truncated = 0;
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      encoded[i] = labels.encode(file, row);
      List<Encoding> encodings;
      if (sequencesPerExample == 2) {
        String pair = row.pair().orElseThrow(() -> new FormatException("%s, line %d: no second text".formatted(file, row.line())));
        encodings = List.of(tokenizer.encode(row.text(), maxLength), tokenizer.encode(pair, maxLength));
      } else {
        encodings = List.of(row.pair().isPresent() ? tokenizer.encode(row.text(), row.pair().get(), maxLength)
            : tokenizer.encode(row.text(), maxLength));
      }
      for (Encoding encoding : encodings) {
        truncated += encoding.truncated() ? 1 : 0;
        ids.add(encoding.ids());
        types.add(encoding.typeIds());
      }
    }
    return new TokenizedData(ids, types, encoded, sequencesPerExample, truncated);
  }

  /** Texts to be embedded or classified, without labels. */
  public static TokenizedData of(List<String> texts, Tokenizer tokenizer, int maxLength) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      rows.add(new Row(i + 1, texts.get(i), java.util.Optional.empty(), List.of()));
    }
    return of(Path.of("input"), rows, tokenizer, new Labels(Labels.Kind.NONE, List.of()), 1, maxLength);
  }

  /** Number of examples. */
  public int size() {
    return labels.length;
  }

  /** Tokens of one example. */
  public int tokens(int example) {
    int sum = 0;
    for (int s = 0; s < sequencesPerExample; s++) {
      sum += ids.get(example * sequencesPerExample + s).length;
    }
    return sum;
  }

  /** Tokens of all examples. */
  public long tokens() {
    return ids.stream().mapToLong(a -> a.length).sum();
  }

  /** Tokens of the longest sequence. */
  public int longest() {
    return ids.stream().mapToInt(a -> a.length).max().orElse(0);
  }

  /** A checksum of ids and labels, to recognise the data a checkpoint was trained on. */
  public long checksum() {
    CRC32 crc = new CRC32();
    for (int i = 0; i < ids.size(); i++) {
      for (int id : ids.get(i)) {
        update(crc, id);
      }
      update(crc, -1);
    }
    for (float[] label : labels) {
      for (float value : label) {
        update(crc, Float.floatToRawIntBits(value));
      }
    }
    return crc.getValue();
  }

  private static void update(CRC32 crc, int word) {
    crc.update(word);
    crc.update(word >>> 8);
    crc.update(word >>> 16);
    crc.update(word >>> 24);
  }
}
