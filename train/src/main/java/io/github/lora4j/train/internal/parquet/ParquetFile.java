package io.github.lora4j.train.internal.parquet;

import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads the rows of a Parquet file, one page of each column at a time: flat and nested columns, dictionaries, both versions of data pages, snappy,
 * gzip and lz4. What it does not read, it says.
 */
public final class ParquetFile {

  private static final String MAGIC = "PAR1";
  private static final int LARGEST_FOOTER = 1 << 25;

  private ParquetFile() {}

  /** Takes a row with its number, from 1. */
  public interface Taker {
    /**
     * A row.
     *
     * @param values by the columns' names: texts, numbers, booleans, lists, maps, or null. Fields of nested values that are null are left out, for a
     *     column gives all of its values the same fields
     */
    void take(int number, Map<String, Object> values);
  }

  /** Whether a file begins and ends as Parquet files do. */
  public static boolean is(Path path) throws IOException {
    try (SourceFile file = SourceFile.open(path)) {
      return file.size() >= 12 && magic(file, 0) && magic(file, file.size() - 4);
    }
  }

  private static boolean magic(SourceFile file, long at) {
    return new String(file.part(at, 4, file.path().toString()).bytes(4), StandardCharsets.ISO_8859_1).equals(MAGIC);
  }

  /**
   * Reads all rows.
   *
   * @throws FormatException naming file and column where the file is broken or has what is not read
   */
  public static void read(Path path, Taker rows) throws IOException {
    try (SourceFile file = SourceFile.open(path)) {
      Input in = footer(file);
      Thrift footer = Thrift.read(in);
      Schema.Rows schema = Schema.of(in, footer.structs(2));
      long number = 0;
      for (Thrift group : footer.structs(4)) {
        long count = group.number(3, "how many rows a group has");
        if (count < 0 || number + count > Integer.MAX_VALUE) {
          throw in.wrong("has %d rows; at most %d are read".formatted(number + count, Integer.MAX_VALUE));
        }
        group(file, schema, group, new Span((int) number, (int) count), rows);
        number += count;
      }
      if (number != footer.number(3, "how many rows there are")) {
        throw in.wrong("is broken: its groups have %d rows, it says %d".formatted(number, footer.number(3, 0)));
      }
    }
  }

  /** Rows of a group: how many there were before it. */
  private record Span(int before, int count) {}

  private static void group(SourceFile file, Schema.Rows schema, Thrift group, Span span, Taker rows) {
    List<Thrift> chunks = group.structs(1);
    if (chunks.size() != schema.columns().size()) {
      throw new FormatException("%s: is broken: %d columns in its groups, %d in its schema".formatted(file.path(), chunks.size(),
          schema.columns().size()));
    }
    if (span.count == 0) {
      return;
    }
    List<Column> columns = new ArrayList<>();
    for (Shape.Leaf leaf : schema.columns()) {
      String where = "%s, column %s".formatted(file.path(), leaf.path());
      Thrift chunk = chunks.get(leaf.index());
      if (!chunk.text(1).isEmpty()) {
        throw new FormatException(where + ": lies in another file, which is not read");
      }
      if (chunk.has(8) || chunk.struct(3).isEmpty()) {
        throw new FormatException(where + ": is encrypted or not there");
      }
      columns.add(new Column(file, leaf, chunk.struct(3).get(), where));
    }
    Assembly assembly = new Assembly(columns);
    for (int i = 0; i < span.count; i++) {
      rows.take(span.before + i + 1, assembly.row(schema.row()));
    }
    assembly.end();
  }

  private static Input footer(SourceFile file) {
    String where = file.path().toString();
    if (file.size() < 12) {
      throw new FormatException(where + ": is no Parquet file: it has only %d bytes".formatted(file.size()));
    }
    Input ends = file.part(file.size() - 8, 8, where);
    int length = ends.i32();
    String magic = new String(ends.bytes(4), StandardCharsets.ISO_8859_1);
    if (magic.equals("PARE")) {
      throw new FormatException(where + ": is encrypted, which is not read");
    }
    if (!magic.equals(MAGIC)) {
      throw new FormatException(where + ": is no Parquet file, or not the whole of one: it does not end with " + MAGIC);
    }
    if (length < 1 || length > Math.min(LARGEST_FOOTER, file.size() - 12)) {
      throw new FormatException("%s: is broken: a footer of %s bytes in a file of %d; at most %d are read".formatted(where,
          Integer.toUnsignedString(length), file.size(), LARGEST_FOOTER));
    }
    return file.part(file.size() - 8 - length, length, where);
  }
}
