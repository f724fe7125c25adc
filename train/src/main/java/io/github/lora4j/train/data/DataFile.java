package io.github.lora4j.train.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Reads rows of TSV (one row per line, no quoting, as GLUE distributes it), CSV (RFC 4180) and JSON lines. The first line of TSV
 * and CSV is a header, unless columns are given as numbers.
 */
public final class DataFile {

  private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private DataFile() {}

  /**
   * Reads all rows.
   *
   * @throws FormatException naming file and line for a missing column, a short line, broken JSON, or no rows at all
   */
  public static List<Row> read(Path file, DataSpec spec) {
    List<Row> rows = new ArrayList<>();
    try {
      switch (spec.formatOf(file.getFileName().toString())) {
        case TSV -> tsv(file, spec, rows);
        case CSV -> csv(file, spec, rows);
        case JSONL -> jsonl(file, spec, rows);
      }
    } catch (CharacterCodingException e) {
      throw new FormatException("%s is not UTF-8 text; convert it first".formatted(file), e);
    } catch (java.nio.file.NoSuchFileException e) {
      throw new FormatException("%s does not exist".formatted(file), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
    if (rows.isEmpty()) {
      throw new FormatException("%s has no rows of data".formatted(file));
    }
    return rows;
  }

  private static boolean full(DataSpec spec, List<Row> rows) {
    return spec.limit() > 0 && rows.size() >= spec.limit();
  }

  private static void tsv(Path file, DataSpec spec, List<Row> rows) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      Columns columns = null;
      int number = 0;
      for (String line = reader.readLine(); line != null && !full(spec, rows); line = reader.readLine()) {
        number++;
        String[] fields = withoutMark(number, line).split("\t", -1);
        if (columns == null) {
          columns = Columns.of(file, spec, Arrays.asList(fields));
          if (columns.header) {
            continue;
          }
        }
        if (!line.isBlank()) {
          rows.add(columns.row(number, Arrays.asList(fields)));
        }
      }
    }
  }

  private static void csv(Path file, DataSpec spec, List<Row> rows) throws IOException {
    try (BufferedReader text = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        CsvReader<CsvRecord> reader = CsvReader.builder().ofCsvRecord(text)) {
      text.mark(1);
      if (text.read() != '\uFEFF') {
        text.reset();
      }
      Columns columns = null;
      for (CsvRecord record : reader) {
        if (full(spec, rows)) {
          return;
        }
        if (columns == null) {
          columns = Columns.of(file, spec, record.getFields());
          if (columns.header) {
            continue;
          }
        }
        rows.add(columns.row((int) record.getStartingLineNumber(), record.getFields()));
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (CsvParseException e) {
      throw new FormatException("%s: broken CSV: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static void jsonl(Path file, DataSpec spec, List<Row> rows) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      int number = 0;
      for (String line = reader.readLine(); line != null && !full(spec, rows); line = reader.readLine()) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        JsonNode node;
        try {
          node = JSON.readTree(withoutMark(number, line));
        } catch (JsonProcessingException e) {
          throw new FormatException("%s, line %d: not valid JSON: %s".formatted(file, number, e.getOriginalMessage()), e);
        }
        if (!node.isObject()) {
          throw new FormatException("%s, line %d: expected one JSON object a line, got %s".formatted(file, number, node.getNodeType()));
        }
        List<String> labels = new ArrayList<>();
        if (spec.label().isPresent()) {
          JsonNode label = field(file, number, node, spec.label().get());
          if (label.isArray()) {
            for (JsonNode item : label) {
              labels.add(text(file, number, item, spec.label().get()));
            }
          } else {
            labels.add(text(file, number, label, spec.label().get()));
          }
        }
        Optional<String> pair = Optional.empty();
        if (spec.textPair().isPresent()) {
          pair = Optional.of(text(file, number, field(file, number, node, spec.textPair().get()), spec.textPair().get()));
        }
        rows.add(new Row(number, text(file, number, field(file, number, node, spec.text()), spec.text()), pair, labels));
      }
    }
  }

  /** A line without the byte order mark that a file may begin with. */
  private static String withoutMark(int number, String line) {
    return number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line;
  }

  private static String text(Path file, int line, JsonNode value, String key) {
    if (!value.isValueNode() || value.isNull()) {
      throw new FormatException("%s, line %d: \"%s\" must be text, a number or a boolean, got %s".formatted(file, line, key, value));
    }
    return value.asText();
  }

  private static JsonNode field(Path file, int line, JsonNode node, String key) {
    JsonNode value = node.get(key);
    if (value == null || value.isNull()) {
      List<String> keys = new ArrayList<>();
      node.fieldNames().forEachRemaining(keys::add);
      throw new FormatException("%s, line %d: no key \"%s\"; the keys are %s".formatted(file, line, key, keys));
    }
    return value;
  }

  /** Positions of the wanted columns. */
  private record Columns(Path file, boolean header, int width, int text, int pair, int label) {

    private static final String NUMBER = "\\d{1,9}";

    static Columns of(Path file, DataSpec spec, List<String> first) {
      boolean numbered = spec.text().matches(NUMBER);
      return new Columns(file, !numbered, first.size(), find(file, first, spec.text(), numbered),
          spec.textPair().map(c -> find(file, first, c, numbered)).orElse(-1),
          spec.label().map(c -> find(file, first, c, numbered)).orElse(-1));
    }

    private static int find(Path file, List<String> first, String column, boolean numbered) {
      if (numbered && column.matches(NUMBER)) {
        int index = Integer.parseInt(column) - 1;
        if (index < 0 || index >= first.size()) {
          throw new FormatException("%s has %d columns, but column %s was asked for".formatted(file, first.size(), column));
        }
        return index;
      }
      int index = first.indexOf(column);
      if (index < 0) {
        throw new FormatException("%s has no column \"%s\"; its header is %s (for a file without a header give column numbers, from 1)"
            .formatted(file, column, first));
      }
      return index;
    }

    Row row(int line, List<String> fields) {
      int last = Math.max(text, Math.max(pair, label));
      if (fields.size() <= last) {
        throw new FormatException("%s, line %d: %d columns, expected %d".formatted(file, line, fields.size(), width));
      }
      return new Row(line, fields.get(text), pair < 0 ? Optional.empty() : Optional.of(fields.get(pair)),
          label < 0 ? List.of() : List.of(fields.get(label)));
    }
  }
}
