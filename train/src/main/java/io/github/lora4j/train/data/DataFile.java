package io.github.lora4j.train.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.BufferedReader;
import java.io.IOException;
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

  private static final ObjectMapper JSON = new ObjectMapper();

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
        String[] fields = (number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line).split("\t", -1);
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
    try (CsvReader<CsvRecord> reader = CsvReader.builder().ofCsvRecord(file)) {
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
          node = JSON.readTree(line);
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
            label.forEach(item -> labels.add(item.asText()));
          } else {
            labels.add(label.asText());
          }
        }
        Optional<String> pair = Optional.empty();
        if (spec.textPair().isPresent()) {
          pair = Optional.of(field(file, number, node, spec.textPair().get()).asText());
        }
        rows.add(new Row(number, field(file, number, node, spec.text()).asText(), pair, labels));
      }
    }
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

    static Columns of(Path file, DataSpec spec, List<String> first) {
      boolean numbered = spec.text().matches("\\d+");
      return new Columns(file, !numbered, first.size(), find(file, first, spec.text(), numbered),
          spec.textPair().map(c -> find(file, first, c, numbered)).orElse(-1),
          spec.label().map(c -> find(file, first, c, numbered)).orElse(-1));
    }

    private static int find(Path file, List<String> first, String column, boolean numbered) {
      if (numbered && column.matches("\\d+")) {
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
