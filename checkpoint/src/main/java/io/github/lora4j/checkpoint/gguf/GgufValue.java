package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The value of a key, with the type that the file says: {@link Long} for whole numbers (the bits of one that is unsigned and of 64 bits),
 * {@link Float}, {@link Double}, {@link Boolean}, {@link String}, or {@link Items}.
 *
 * @param kind the type in the file
 * @param value as {@code kind} says
 */
public record GgufValue(Kind kind, Object value) {

  /** Types of values; the number in files is the {@link #ordinal}. */
  public enum Kind {
    /** Unsigned, 8 bits. */
    U8(1),
    /** Signed, 8 bits. */
    I8(1),
    /** Unsigned, 16 bits. */
    U16(2),
    /** Signed, 16 bits. */
    I16(2),
    /** Unsigned, 32 bits. */
    U32(4),
    /** Signed, 32 bits. */
    I32(4),
    /** Single precision. */
    F32(4),
    /** A byte that is 0 or 1. */
    BOOL(1),
    /** UTF-8 text behind its length. */
    STRING(0),
    /** Values of one type behind their number. */
    ARRAY(0),
    /** Unsigned, 64 bits. */
    U64(8),
    /** Signed, 64 bits. */
    I64(8),
    /** Double precision. */
    F64(8);

    private static final List<Kind> ALL = List.of(values());

    private final int bytes;

    Kind(int bytes) {
      this.bytes = bytes;
    }

    /** The type of a number in a file. */
    public static Optional<Kind> of(long id) {
      return id >= 0 && id < ALL.size() ? Optional.of(ALL.get((int) id)) : Optional.empty();
    }

    /** Bytes of a value; 0 for texts and arrays, whose size varies. */
    public int bytes() {
      return bytes;
    }

    /** Whether values are whole numbers. */
    public boolean whole() {
      return switch (this) {
        case U8, I8, U16, I16, U32, I32, U64, I64 -> true;
        case F32, F64, BOOL, STRING, ARRAY -> false;
      };
    }
  }

  /**
   * The values of an array.
   *
   * @param kind the type of all of them
   * @param values as {@code kind} says; arrays hold {@link Items} again
   */
  public record Items(Kind kind, List<?> values) {}

  /** Checks that the value is of the Java class that its type has. */
  public GgufValue {
    boolean fits = switch (kind) {
      case U8, I8, U16, I16, U32, I32, U64, I64 -> value instanceof Long;
      case F32 -> value instanceof Float;
      case F64 -> value instanceof Double;
      case BOOL -> value instanceof Boolean;
      case STRING -> value instanceof String;
      case ARRAY -> value instanceof Items;
    };
    if (!fits) {
      throw new ConfigException("a GGUF value of type %s cannot be a %s".formatted(kind, value.getClass().getSimpleName()));
    }
  }

  /** Text. */
  public static GgufValue of(String text) {
    return new GgufValue(Kind.STRING, text);
  }

  /** A number that is not negative, in 32 bits: what counts and ids are. */
  public static GgufValue u32(long value) {
    if (value < 0 || value > 0xFFFF_FFFFL) {
      throw new ConfigException("%d is no unsigned number of 32 bits".formatted(value));
    }
    return new GgufValue(Kind.U32, value);
  }

  /** A number of single precision. */
  public static GgufValue of(float value) {
    return new GgufValue(Kind.F32, value);
  }

  /** Yes or no. */
  public static GgufValue of(boolean value) {
    return new GgufValue(Kind.BOOL, value);
  }

  /** Texts. */
  public static GgufValue texts(List<String> texts) {
    return new GgufValue(Kind.ARRAY, new Items(Kind.STRING, List.copyOf(texts)));
  }

  /** Signed numbers of 32 bits. */
  public static GgufValue i32s(int... values) {
    return new GgufValue(Kind.ARRAY, new Items(Kind.I32, Arrays.stream(values).asLongStream().boxed().toList()));
  }

  /** Numbers of single precision. */
  public static GgufValue f32s(float... values) {
    Float[] boxed = new Float[values.length];
    Arrays.setAll(boxed, i -> values[i]);
    return new GgufValue(Kind.ARRAY, new Items(Kind.F32, List.of(boxed)));
  }

  /** The value for people: long arrays and texts are cut. */
  @Override
  public String toString() {
    return switch (value) {
      case Items items -> "%s[%d]".formatted(items.kind(), items.values().size());
      case Long number when kind == Kind.U64 -> Long.toUnsignedString(number);
      default -> io.github.lora4j.vector.Names.printable(value.toString());
    };
  }
}
