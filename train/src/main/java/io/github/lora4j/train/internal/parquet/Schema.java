package io.github.lora4j.train.internal.parquet;

import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.List;

/** Makes the {@link Shape} of rows from the flat list of fields in a file's footer. */
final class Schema {

  private static final int DEEPEST = 32;
  private static final int OPTIONAL = 1;
  private static final int REPEATED = 2;
  private static final int MAP = 1;
  private static final int MAP_KEY_VALUE = 2;
  private static final int LIST = 3;
  private static final int LOGICAL_MAP = 2;
  private static final int LOGICAL_LIST = 3;

  private final Input in;
  private final List<Thrift> fields;
  private final List<Shape.Leaf> leaves = new ArrayList<>();
  private int next;

  private Schema(Input in, List<Thrift> fields) {
    this.in = in;
    this.fields = fields;
  }

  /** Rows and their columns. */
  record Rows(Shape.Struct row, List<Shape.Leaf> columns) {}

  static Rows of(Input in, List<Thrift> fields) {
    Schema schema = new Schema(in, fields);
    Thrift root = schema.field();
    Shape.Struct row = schema.struct(root, new Place("", 0, 0, 0), 0);
    if (schema.next != fields.size()) {
      throw in.wrong("is broken: %d of the %d fields of its schema belong to nothing".formatted(fields.size() - schema.next, fields.size()));
    }
    return new Rows(row, List.copyOf(schema.leaves));
  }

  /**
   * Where a field stands.
   *
   * @param depth fields around it
   */
  private record Place(String path, int definition, int repetition, int depth) {
    Place inside(String name, boolean optional, boolean repeated) {
      return new Place(path.isEmpty() ? name : path + "." + name, definition + (optional || repeated ? 1 : 0), repetition + (repeated ? 1 : 0),
          depth + 1);
    }
  }

  private Thrift field() {
    if (next == fields.size()) {
      throw in.wrong("is broken: its schema ends within a group of fields");
    }
    return fields.get(next++);
  }

  private int children(Thrift field) {
    return in.checked("the number of fields in a group", field.number(5, 0), fields.size() - next);
  }

  /** A field and all below it. */
  private Shape read(Thrift field, Place around) {
    if (around.depth > DEEPEST) {
      throw in.wrong("its columns are nested more than %d times".formatted(DEEPEST));
    }
    int repetition = (int) field.number(3, 0);
    Place at = around.inside(Names.printable(field.text(4)), repetition == OPTIONAL, false);
    if (repetition == REPEATED) {
      // A list without a group around it: it is always there.
      return new Shape.Elements(around.definition, around.repetition + 1, bare(field, around.inside(field.text(4), false, true)));
    }
    if (field.has(1)) {
      return leaf(field, at);
    }
    boolean list = field.number(6, -1) == LIST || field.struct(10).filter(type -> type.has(LOGICAL_LIST)).isPresent();
    long converted = field.number(6, -1);
    boolean map = converted == MAP || converted == MAP_KEY_VALUE || field.struct(10).filter(type -> type.has(LOGICAL_MAP)).isPresent();
    boolean repeated = next < fields.size() && fields.get(next).number(3, 0) == REPEATED && field.number(5, 0) == 1;
    return list && repeated ? list(at) : map && repeated ? map(at) : struct(field, at, repetition == OPTIONAL ? at.definition : 0);
  }

  private Shape list(Place at) {
    Thrift repeated = field();
    Place inside = at.inside(repeated.text(4), false, true);
    // The format's rules for files from before lists had three levels.
    boolean element = repeated.has(1) || repeated.number(5, 0) != 1 || repeated.text(4).equals("array") || repeated.text(4).endsWith("_tuple");
    if (!element) {
      children(repeated);
    }
    return new Shape.Elements(at.definition, at.repetition + 1, element ? bare(repeated, inside) : read(field(), inside));
  }

  private Shape map(Place at) {
    Thrift repeated = field();
    if (repeated.number(5, 0) != 2) {
      throw in.wrong("column %s is a map of %d parts, not of keys and values".formatted(at.path, repeated.number(5, 0)));
    }
    Place inside = at.inside(repeated.text(4), false, true);
    Shape key = read(field(), inside);
    return new Shape.Pairs(at.definition, at.repetition + 1, key, read(field(), inside));
  }

  /** A field whose own repetition is dealt with. */
  private Shape bare(Thrift field, Place at) {
    return field.has(1) ? leaf(field, at) : struct(field, at, 0);
  }

  private Shape.Struct struct(Thrift field, Place at, int definition) {
    List<String> names = new ArrayList<>();
    List<Shape> shapes = new ArrayList<>();
    int children = children(field);
    for (int i = 0; i < children; i++) {
      Thrift child = field();
      if (names.contains(child.text(4))) {
        throw in.wrong("has several columns %s.%s".formatted(at.path, Names.printable(child.text(4))));
      }
      names.add(child.text(4));
      shapes.add(read(child, at));
    }
    if (children == 0) {
      throw in.wrong("has %s without any fields".formatted(at.path.isEmpty() ? "rows" : "a column " + at.path));
    }
    return new Shape.Struct(definition, List.copyOf(names), List.copyOf(shapes));
  }

  private Shape.Leaf leaf(Thrift field, Place at) {
    Shape.Leaf leaf = new Shape.Leaf(at.path, leaves.size(), at.definition, at.repetition, Kind.of(field, in, at.path));
    leaves.add(leaf);
    return leaf;
  }
}
