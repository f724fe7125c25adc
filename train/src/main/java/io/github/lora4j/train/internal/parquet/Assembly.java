package io.github.lora4j.train.internal.parquet;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes rows of the entries of all columns. */
final class Assembly {

  private static final int MOST_IN_ROW = 1 << 20;

  private final List<Column> columns;
  private int elements;

  Assembly(List<Column> columns) {
    this.columns = columns;
  }

  /** The next row; its columns keep their nulls. */
  Map<String, Object> row(Shape.Struct row) {
    for (Column column : columns) {
      if (column.repetition() != 0) {
        throw column.wrong("is broken: a row begins within a list");
      }
    }
    elements = 0;
    Map<String, Object> values = new LinkedHashMap<>();
    for (int i = 0; i < row.fields().size(); i++) {
      values.put(row.names().get(i), read(row.fields().get(i)));
    }
    return values;
  }

  /** Behind the last row. */
  void end() {
    for (Column column : columns) {
      if (column.definition() >= 0) {
        throw column.wrong("is broken: it has more values than rows");
      }
    }
  }

  private @Nullable Object read(Shape shape) {
    return switch (shape) {
      case Shape.Leaf leaf -> columns.get(leaf.index()).next();
      case Shape.Struct struct -> struct(struct);
      case Shape.Elements list -> list(list);
      case Shape.Pairs pairs -> pairs(pairs);
    };
  }

  private int definition(Shape shape) {
    return columns.get(shape.first().index()).definition();
  }

  private @Nullable Object struct(Shape.Struct struct) {
    if (definition(struct) < struct.definition()) {
      skip(struct, struct.definition());
      return null;
    }
    Map<String, Object> values = new LinkedHashMap<>();
    for (int i = 0; i < struct.fields().size(); i++) {
      Object value = read(struct.fields().get(i));
      if (value != null) {
        values.put(struct.names().get(i), value);
      }
    }
    return values;
  }

  private @Nullable Object list(Shape.Elements list) {
    if (definition(list) <= list.definition()) {
      boolean there = definition(list) == list.definition();
      skip(list, list.definition() + 1);
      return there ? List.of() : null;
    }
    List<Object> values = new ArrayList<>();
    do {
      counted(list);
      values.add(read(list.element()));
    } while (goesOn(list, list.repetition()));
    return values;
  }

  private @Nullable Object pairs(Shape.Pairs pairs) {
    if (definition(pairs) <= pairs.definition()) {
      boolean there = definition(pairs) == pairs.definition();
      skip(pairs, pairs.definition() + 1);
      return there ? Map.of() : null;
    }
    Map<String, Object> values = new LinkedHashMap<>();
    do {
      counted(pairs);
      String key = String.valueOf(read(pairs.key()));
      Object value = read(pairs.value());
      if (value != null) {
        values.put(key, value);
      }
    } while (goesOn(pairs, pairs.repetition()));
    return values;
  }

  private void counted(Shape shape) {
    if (++elements > MOST_IN_ROW) {
      throw columns.get(shape.first().index()).wrong("a row has more than %d elements".formatted(MOST_IN_ROW));
    }
  }

  /** Whether another element follows; all columns of a list must say the same. */
  private boolean goesOn(Shape shape, int repetition) {
    boolean more = columns.get(shape.first().index()).repetition() == repetition;
    each(shape, column -> {
      if (column.repetition() == repetition != more || column.repetition() > repetition) {
        throw column.wrong("is broken: its lists are of other lengths than those of the columns beside it");
      }
    });
    return more;
  }

  /** Passes over what is not there; all columns of it must say so. */
  private void skip(Shape shape, int definition) {
    each(shape, column -> {
      if (column.definition() >= definition) {
        throw column.wrong("is broken: it has a value where the columns beside it have none");
      }
      column.next();
    });
  }

  private void each(Shape shape, java.util.function.Consumer<Column> to) {
    switch (shape) {
      case Shape.Leaf leaf -> to.accept(columns.get(leaf.index()));
      case Shape.Struct struct -> struct.fields().forEach(field -> each(field, to));
      case Shape.Elements list -> each(list.element(), to);
      case Shape.Pairs pairs -> {
        each(pairs.key(), to);
        each(pairs.value(), to);
      }
    }
  }
}
