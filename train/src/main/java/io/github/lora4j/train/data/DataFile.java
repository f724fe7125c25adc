package io.github.lora4j.train.data;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import io.github.lora4j.train.internal.parquet.ParquetFile;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Philox;
import io.github.lora4j.vector.ResourceException;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.zip.ZipException;

/**
 * Reads rows of TSV (one row per line, no quoting, as GLUE distributes it), CSV (RFC 4180), JSON lines and JSON arrays of objects, and for
 * typed rows plain text, which is one row; each may be compressed by gzip. Parquet files are known by their first bytes as well. The first line of
 * TSV and CSV is a header, unless columns are given as numbers.
 */
public final class DataFile {

  private DataFile() {}

  /**
   * Rows drawn from a file.
   *
   * @param rows in the order of the file
   * @param of how many the file has
   */
  public record Sample(List<Row> rows, long of) {
    /** Whether these are all rows. */
    public boolean whole() {
      return rows.size() == of;
    }
  }

  /**
   * Reads all rows, whatever the limit.
   *
   * @throws FormatException naming file and line for a missing column, a short line, broken JSON, bytes that are not UTF-8, or no rows at all
   */
  public static List<Row> read(Path file, DataSpec spec) {
    List<Row> rows = new ArrayList<>();
    forEach(file, spec, rows::add);
    return rows;
  }

  /** As many rows as the limit says, each with the same chance, so that a sorted file does not lose its classes; all without a limit. */
  public static Sample sample(Path file, DataSpec spec, long seed) {
    List<Row> rows = new ArrayList<>();
    long[] seen = new long[1];
    int[] random = new int[4];
    forEach(file, spec, row -> {
      long i = seen[0]++;
      if (spec.limit() == 0 || rows.size() < spec.limit()) {
        rows.add(row);
        return;
      }
      // Vitter's algorithm R. "ROWS" keeps these counters apart from those of shuffling, dropout and initialisation.
      Philox.generate((int) i, (int) (i >>> 32), 0, 0x524F5753, (int) seed, (int) (seed >>> 32), random);
      long at = Long.remainderUnsigned((random[0] & 0xFFFFFFFFL) << 32 | random[1] & 0xFFFFFFFFL, i + 1);
      if (at < rows.size()) {
        rows.set((int) at, row);
      }
    });
    rows.sort(Comparator.comparingInt(Row::line));
    return new Sample(rows, seen[0]);
  }

  /** Where a row stands, for messages: "train.jsonl, line 7"; Parquet files have rows, not lines. */
  public static String place(Path file, int line) {
    return "%s, %s %d".formatted(file, file.toString().toLowerCase(Locale.ROOT).endsWith(".parquet") ? "row" : "line", line);
  }

  private static void forEach(Path file, DataSpec spec, Consumer<Row> to) {
    boolean[] any = new boolean[1];
    Consumer<Row> rows = row -> {
      any[0] = true;
      to.accept(row);
    };
    try {
      DataSpec.Format kind = ParquetFile.is(file) ? DataSpec.Format.PARQUET : spec.formatOf(file.getFileName().toString());
      Rows.Maker make = Rows.of(file, spec);
      if (kind == DataSpec.Format.PARQUET) {
        ParquetFile.read(file, (number, values) -> rows.accept(make.ofValues(number, values)));
      } else {
        text(file, kind, make, rows);
      }
    } catch (CharacterCodingException e) {
      throw new FormatException("%s is not UTF-8 text%s; convert it first, for example by `iconv -f ENCODING -t UTF-8`".formatted(file,
          Utf8.firstWrongLine(file)), e);
    } catch (java.nio.file.NoSuchFileException e) {
      throw new FormatException("%s does not exist".formatted(file), e);
    } catch (ZipException | EOFException e) {
      throw new FormatException("%s is not a whole gzip file: %s".formatted(file, e.getMessage()), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
    if (!any[0]) {
      throw new FormatException("%s has no rows of data".formatted(file));
    }
  }

  private static void text(Path file, DataSpec.Format kind, Rows.Maker make, Consumer<Row> rows) throws IOException {
    try (BufferedReader reader = Utf8.reader(file)) {
      switch (kind) {
        case TSV -> tsv(reader, make, rows);
        case CSV -> csv(file, reader, make, rows);
        case JSONL -> JsonRows.read(file, reader, (line, json) -> rows.accept(make.ofJson(line, json)));
        case TXT -> rows.accept(make.ofText(reader.readAllAsString()));
        case PARQUET -> throw new IllegalStateException("is no text");
      }
    }
  }

  private static void tsv(BufferedReader reader, Rows.Maker make, Consumer<Row> rows) throws IOException {
    boolean first = true;
    int number = 0;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      number++;
      List<String> fields = Arrays.asList(Utf8.withoutMark(number, line).split("\t", -1));
      if (first) {
        first = false;
        if (make.header(fields)) {
          continue;
        }
      }
      if (!line.isBlank()) {
        rows.accept(make.ofFields(number, fields));
      }
    }
  }

  private static void csv(Path file, BufferedReader text, Rows.Maker make, Consumer<Row> rows) throws IOException {
    text.mark(1);
    if (text.read() != '\uFEFF') {
      text.reset();
    }
    try (CsvReader<CsvRecord> reader = CsvReader.builder().ofCsvRecord(text)) {
      boolean first = true;
      for (CsvRecord record : reader) {
        if (first) {
          first = false;
          if (make.header(record.getFields())) {
            continue;
          }
        }
        rows.accept(make.ofFields((int) record.getStartingLineNumber(), record.getFields()));
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (CsvParseException e) {
      throw new FormatException("%s: broken CSV: %s".formatted(file, e.getMessage()), e);
    }
  }
}
