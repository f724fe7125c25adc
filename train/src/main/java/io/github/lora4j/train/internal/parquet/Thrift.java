package io.github.lora4j.train.internal.parquet;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A struct in Thrift's compact protocol: the values of its fields by their numbers. */
final class Thrift {

  private static final int DEEPEST = 32;
  private static final int TRUE = 1;
  private static final int FALSE = 2;

  private final Input in;
  private final Map<Integer, Object> fields = new HashMap<>();

  private Thrift(Input in, int depth) {
    this.in = in;
    if (depth > DEEPEST) {
      throw in.wrong("is broken: its description is nested more than %d times".formatted(DEEPEST));
    }
    int id = 0;
    for (int head = in.u8(); head != 0; head = in.u8()) {
      id = head >>> 4 == 0 ? (int) in.zigzag() : id + (head >>> 4);
      int type = head & 15;
      fields.put(id, type == TRUE ? Boolean.TRUE : type == FALSE ? Boolean.FALSE : value(type, depth));
    }
  }

  /** Reads a struct, to its end. */
  static Thrift read(Input in) {
    return new Thrift(in, 0);
  }

  private Object value(int type, int depth) {
    return switch (type) {
      case TRUE, FALSE -> in.u8() == 1;
      case 3 -> (long) (byte) in.u8();
      case 4, 5, 6 -> in.zigzag();
      case 7 -> Double.longBitsToDouble(in.i64());
      case 8 -> in.bytes(in.count("a text's length", in.remaining()));
      case 9, 10 -> list(depth);
      case 11 -> map(depth);
      case 12 -> new Thrift(in, depth + 1);
      default -> throw in.wrong("is broken: there is no Thrift type %d".formatted(type));
    };
  }

  private List<Object> list(int depth) {
    int head = in.u8();
    int size = head >>> 4 == 15 ? in.count("a list's length", in.remaining()) : head >>> 4;
    List<Object> list = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      list.add(value(head & 15, depth + 1));
    }
    return list;
  }

  /** Nothing that is read here is in a map. */
  private Object map(int depth) {
    int size = in.count("a map's length", in.remaining());
    int types = size == 0 ? 0 : in.u8();
    for (int i = 0; i < size; i++) {
      value(types >>> 4, depth + 1);
      value(types & 15, depth + 1);
    }
    return Map.of();
  }

  boolean has(int id) {
    return fields.containsKey(id);
  }

  /** A number that must be there. */
  long number(int id, String what) {
    if (fields.get(id) instanceof Long number) {
      return number;
    }
    throw in.wrong("is broken: it does not say %s".formatted(what));
  }

  long number(int id, long otherwise) {
    return fields.get(id) instanceof Long number ? number : otherwise;
  }

  boolean yes(int id, boolean otherwise) {
    return fields.get(id) instanceof Boolean is ? is : otherwise;
  }

  String text(int id) {
    return fields.get(id) instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : "";
  }

  Optional<Thrift> struct(int id) {
    return fields.get(id) instanceof Thrift struct ? Optional.of(struct) : Optional.empty();
  }

  /** A struct that must be there. */
  Thrift struct(int id, String what) {
    return struct(id).orElseThrow(() -> in.wrong("is broken: it has no %s".formatted(what)));
  }

  /** Structs of a list; none where it is not there. */
  List<Thrift> structs(int id) {
    List<Thrift> structs = new ArrayList<>();
    if (fields.get(id) instanceof List<?> list) {
      for (Object item : list) {
        if (!(item instanceof Thrift struct)) {
          throw in.wrong("is broken: a list of structs holds something else");
        }
        structs.add(struct);
      }
    }
    return structs;
  }
}
