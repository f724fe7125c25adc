package io.github.lora4j.train.internal.parquet;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.CharacterCodingException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.UUID;

/**
 * What the values of a column are.
 *
 * @param length bytes of each, where that is fixed
 * @param meaning what a value stands for
 * @param scale decimal places; of times, units of a second
 */
record Kind(Physical physical, int length, Meaning meaning, int scale) {

  /** How values are stored, in the format's order. */
  enum Physical {
    BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY
  }

  /** What values stand for. */
  enum Meaning {
    /** As they are; bytes that are UTF-8 are a text, as writers that say nothing mean it. */
    PLAIN,
    TEXT, UNSIGNED, DECIMAL, DATE, TIME, TIMESTAMP, UUID, HALF
  }

  private static final int MILLI = 1_000;
  private static final int MICRO = 1_000_000;
  private static final int NANO = 1_000_000_000;

  /** Bytes that are no text: nothing that is learnt from is such, but a file may hold them. */
  record Binary(int bytes) {
    @Override
    public String toString() {
      return bytes + " bytes that are no text";
    }
  }

  static Kind of(Thrift field, Input in, String path) {
    long type = field.number(1, -1);
    if (type < 0 || type >= Physical.values().length) {
      throw in.wrong("column %s has a type %d that does not exist".formatted(path, type));
    }
    Physical physical = Physical.values()[(int) type];
    long length = physical == Physical.FIXED_LEN_BYTE_ARRAY ? field.number(2, 0) : 0;
    if (physical == Physical.FIXED_LEN_BYTE_ARRAY && (length < 1 || length > 1 << 20)) {
      throw in.wrong("column %s has values of %d bytes; from 1 to 1,048,576 are read".formatted(path, length));
    }
    Kind kind = field.struct(10).map(logical -> logical(logical, physical, (int) length))
        .orElseGet(() -> converted((int) field.number(6, -1), (int) field.number(7, 0), physical, (int) length));
    if (Math.abs((long) kind.scale) > NANO || kind.meaning == Meaning.DECIMAL && (kind.scale < 0 || kind.scale > 1 << 10)) {
      throw in.wrong("column %s has decimals of scale %d".formatted(path, kind.scale));
    }
    return kind;
  }

  private static Kind logical(Thrift logical, Physical physical, int length) {
    for (int id : new int[] {1, 4, 12}) {
      if (logical.has(id)) {
        return new Kind(physical, length, Meaning.TEXT, 0);
      }
    }
    if (logical.struct(5).isPresent()) {
      return new Kind(physical, length, Meaning.DECIMAL, (int) logical.struct(5).get().number(1, 0));
    }
    for (int id : new int[] {7, 8}) {
      if (logical.struct(id).isPresent()) {
        Thrift unit = logical.struct(id).get().struct(2, "unit of time");
        return new Kind(physical, length, id == 7 ? Meaning.TIME : Meaning.TIMESTAMP, unit.has(1) ? MILLI : unit.has(2) ? MICRO : NANO);
      }
    }
    boolean unsigned = logical.struct(10).filter(integer -> !integer.yes(2, true)).isPresent();
    return new Kind(physical, length, logical.has(6) ? Meaning.DATE : unsigned ? Meaning.UNSIGNED : logical.has(14) ? Meaning.UUID
        : logical.has(15) ? Meaning.HALF : Meaning.PLAIN, 0);
  }

  private static Kind converted(int type, int scale, Physical physical, int length) {
    return switch (type) {
      case 0, 4, 19 -> new Kind(physical, length, Meaning.TEXT, 0);
      case 5 -> new Kind(physical, length, Meaning.DECIMAL, scale);
      case 6 -> new Kind(physical, length, Meaning.DATE, 0);
      case 7, 8 -> new Kind(physical, length, Meaning.TIME, type == 7 ? MILLI : MICRO);
      case 9, 10 -> new Kind(physical, length, Meaning.TIMESTAMP, type == 9 ? MILLI : MICRO);
      case 11, 12, 13, 14 -> new Kind(physical, length, Meaning.UNSIGNED, 0);
      default -> new Kind(physical, length, Meaning.PLAIN, 0); // the others say nothing that matters here
    };
  }

  /** A stored value as a JSON value. */
  Object value(Object stored, Input in) {
    return switch (stored) {
      case byte[] bytes -> ofBytes(bytes, in);
      case Integer number -> ofNumber(number, number & 0xFFFFFFFFL);
      case Long number -> ofNumber(number, number);
      case Object other -> other;
    };
  }

  private Object ofNumber(Number stored, long unsigned) {
    long value = stored.longValue();
    return switch (meaning) {
      case UNSIGNED -> unsigned >= 0 ? (Object) unsigned : new BigInteger(Long.toUnsignedString(unsigned));
      case DECIMAL -> BigDecimal.valueOf(value, scale);
      case DATE -> LocalDate.ofEpochDay((int) value).toString();
      case TIME -> LocalTime.ofNanoOfDay(Math.floorMod(value, 86_400L * scale) * (NANO / scale)).toString();
      case TIMESTAMP -> Instant.EPOCH.plus(Math.floorDiv(value, (long) scale), ChronoUnit.SECONDS)
          .plusNanos(Math.floorMod(value, scale) * (long) (NANO / scale))
          .atOffset(ZoneOffset.UTC).format(DateTimeFormatter.ISO_LOCAL_DATE_TIME);
      case PLAIN, TEXT, UUID, HALF -> stored;
    };
  }

  private Object ofBytes(byte[] bytes, Input in) {
    return switch (meaning) {
      case DECIMAL -> bytes.length == 0 ? BigDecimal.ZERO : new BigDecimal(new BigInteger(bytes), scale);
      case UUID -> bytes.length == 16 ? uuid(bytes) : new Binary(bytes.length);
      case HALF -> bytes.length == 2 ? (Object) Float.float16ToFloat((short) (bytes[0] & 0xFF | bytes[1] << 8)) : new Binary(bytes.length);
      case TEXT -> {
        try {
          yield Input.text(bytes);
        } catch (CharacterCodingException e) {
          throw in.wrong("a text is not UTF-8");
        }
      }
      case PLAIN, UNSIGNED, DATE, TIME, TIMESTAMP -> {
        try {
          yield physical == Physical.INT96 ? new Binary(bytes.length) : Input.text(bytes);
        } catch (CharacterCodingException e) {
          yield new Binary(bytes.length);
        }
      }
    };
  }

  private static String uuid(byte[] bytes) {
    java.nio.ByteBuffer buffer = java.nio.ByteBuffer.wrap(bytes);
    return new UUID(buffer.getLong(), buffer.getLong()).toString();
  }
}
