package io.github.lora4j.train.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.train.rows.TypedRows;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes rows of what a file holds: of the columns that are named, or of whole rows. */
final class Rows {

  private Rows() {}

  /** Makes the rows of one file. */
  interface Maker {
    /** Looks at the first line of a file of columns; says whether it is a header. */
    boolean header(List<String> first);

    Row ofFields(int line, List<String> fields);

    Row ofJson(int line, JsonNode object);

    Row ofText(String text);

    Row ofValues(int number, Map<String, Object> values);
  }

  static Maker of(Path file, DataSpec spec) {
    return spec.typed().isPresent() ? new OfWhole(file, spec.typedRows()) : new OfColumns(file, spec);
  }

  private static final class OfColumns implements Maker {
    private final Path file;
    private final DataSpec spec;
    private @Nullable Columns columns;

    OfColumns(Path file, DataSpec spec) {
      this.file = file;
      this.spec = spec;
    }

    @Override
    public boolean header(List<String> first) {
      Columns found = Columns.of(file, spec, first);
      columns = found;
      return found.header();
    }

    @Override
    public Row ofFields(int line, List<String> fields) {
      return java.util.Objects.requireNonNull(columns, "the first line is looked at first").row(line, fields);
    }

    @Override
    public Row ofJson(int line, JsonNode object) {
      return JsonRows.row(file, line, object, spec);
    }

    @Override
    public Row ofValues(int number, Map<String, Object> values) {
      return JsonRows.row(file, number, JsonRows.node(values), spec);
    }

    @Override
    public Row ofText(String text) {
      throw new ConfigException("%s: a plain text has no columns; tasks on texts such as causal_lm read it".formatted(file));
    }
  }

  private static final class OfWhole implements Maker {
    private final Path file;
    private final TypedRows typed;
    private List<String> names = List.of();

    OfWhole(Path file, TypedRows typed) {
      this.file = file;
      this.typed = typed;
    }

    @Override
    public boolean header(List<String> first) {
      names = first.stream().map(String::strip).toList();
      if (names.stream().distinct().count() < names.size()) {
        throw new FormatException("%s has several columns of one name; its header is %s".formatted(file, "[" + Names.list(names) + "]"));
      }
      return true;
    }

    @Override
    public Row ofFields(int line, List<String> fields) {
      if (fields.size() != names.size()) {
        throw new FormatException("%s, line %d: %d columns, expected %d".formatted(file, line, fields.size(), names.size()));
      }
      Map<String, Object> values = new LinkedHashMap<>();
      for (int i = 0; i < names.size(); i++) {
        values.put(names.get(i), fields.get(i));
      }
      return row(line, values);
    }

    @Override
    public Row ofJson(int line, JsonNode object) {
      return row(line, JsonRows.map(object));
    }

    @Override
    public Row ofText(String text) {
      String whole = Utf8.withoutMark(1, text);
      if (whole.isBlank()) {
        throw new FormatException("%s has no rows of data".formatted(file));
      }
      return row(1, Map.of("text", whole));
    }

    @Override
    public Row ofValues(int number, Map<String, Object> values) {
      return row(number, values);
    }

    private Row row(int line, Map<String, Object> values) {
      return Row.of(line, typed.read(DataFile.place(file, line), values));
    }
  }
}
