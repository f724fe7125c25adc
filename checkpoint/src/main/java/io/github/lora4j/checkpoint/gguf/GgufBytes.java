package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.checkpoint.internal.SourceFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;

/** The beginning of a GGUF file, read from front to back. No length is believed before the file is known to hold that many bytes. */
final class GgufBytes {

  private static final int WINDOW = 1 << 16;
  private static final int MAX_TEXT = 1 << 24;
  private static final int MAX_TEXTS = 1 << 22;
  private static final int MAX_ARRAY_BYTES = 1 << 26;
  private static final long MAX_BYTES = 1L << 28;
  private static final int MAX_DEPTH = 4;

  private final SourceFile file;
  private final byte[] window = new byte[WINDOW];
  private long windowAt;
  private int windowLength;
  private long position;
  private long texts;

  GgufBytes(SourceFile file) {
    this.file = file;
  }

  /** Where the next byte lies. */
  long position() {
    return position;
  }

  /** An unsigned number of 32 bits. */
  long u32(String what) {
    return (Long) number(take(4, what), 0, GgufValue.Kind.U32);
  }

  /** The bits of a number of 64. */
  long u64(String what) {
    return (Long) number(take(8, what), 0, GgufValue.Kind.U64);
  }

  /** How many of something follow, each of which takes some bytes at least. */
  long count(String what, long most, int least) {
    long count = u64("the number of " + what);
    if (count < 0 || count > most || count > (file.size() - position) / least) {
      throw file.broken("says it has %s %s; the %d bytes of the file hold at most %d".formatted(Long.toUnsignedString(count), what, file.size(),
          Math.min(most, (file.size() - position) / least)));
    }
    return count;
  }

  /** A text behind its length. */
  String text(String what, int most) {
    long length = u64(what + ": the length");
    if (length < 0 || length > most) {
      throw file.broken("%s: a text of %s bytes; at most %d are read".formatted(what, Long.toUnsignedString(length), most));
    }
    ByteBuffer bytes = ByteBuffer.wrap(take((int) length, what));
    try {
      return length == 0 ? "" : StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT).decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw file.broken("%s: a text that is not UTF-8, at byte %d of the file".formatted(what, position - length), e);
    }
  }

  /** A type and a value of it. */
  GgufValue value(String what) {
    GgufValue.Kind kind = kind(what);
    return new GgufValue(kind, switch (kind) {
      case STRING -> text(what, MAX_TEXT);
      case ARRAY -> items(what, 1);
      case U8, I8, U16, I16, U32, I32, F32, BOOL, U64, I64, F64 -> {
        byte[] bytes = take(kind.bytes(), what);
        checkBools(kind, bytes, what);
        yield number(bytes, 0, kind);
      }
    });
  }

  private GgufValue.Kind kind(String what) {
    long id = u32(what + ": the type");
    return GgufValue.Kind.of(id).orElseThrow(() -> file.broken("%s: values of type %d are unknown, types are 0 to 12".formatted(what, id)));
  }

  private GgufValue.Items items(String what, int depth) {
    if (depth > MAX_DEPTH) {
      throw file.broken("%s: arrays in arrays, deeper than %d".formatted(what, MAX_DEPTH));
    }
    GgufValue.Kind kind = kind(what + ": the elements");
    int least = switch (kind) {
      case STRING -> 8;
      case ARRAY -> 12;
      case U8, I8, U16, I16, U32, I32, F32, BOOL, U64, I64, F64 -> kind.bytes();
    };
    long count = u64(what + ": the number of elements");
    if (count < 0 || count > (file.size() - position) / least) {
      throw file.broken("%s: an array of %s elements of type %s; the file ends before".formatted(what, Long.toUnsignedString(count), kind));
    }
    if (kind.bytes() > 0) {
      if (count * kind.bytes() > MAX_ARRAY_BYTES) {
        throw file.broken("%s: an array of %d bytes; at most %d are read".formatted(what, count * kind.bytes(), MAX_ARRAY_BYTES));
      }
      byte[] bytes = take((int) count * kind.bytes(), what);
      checkBools(kind, bytes, what);
      return new GgufValue.Items(kind, new Numbers(kind, bytes));
    }
    texts += count;
    if (texts > MAX_TEXTS) {
      throw file.broken("%s: more than %d texts and arrays in the file's arrays".formatted(what, MAX_TEXTS));
    }
    List<Object> values = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      values.add(kind == GgufValue.Kind.STRING ? text(what, MAX_TEXT) : items(what, depth + 1));
    }
    return new GgufValue.Items(kind, values);
  }

  private void checkBools(GgufValue.Kind kind, byte[] bytes, String what) {
    if (kind == GgufValue.Kind.BOOL) {
      for (byte value : bytes) {
        if (value != 0 && value != 1) {
          throw file.broken("%s: a bool that is %d, neither 0 nor 1".formatted(what, value & 0xFF));
        }
      }
    }
  }

  /** The next bytes. */
  private byte[] take(int length, String what) {
    if (length > file.size() - position) {
      throw file.broken("is cut off: %s needs %d bytes from byte %d on, the file has %d".formatted(what, length, position, file.size()));
    }
    if (position + length > MAX_BYTES) {
      throw file.broken("%s: keys and tensor table take more than %d bytes".formatted(what, MAX_BYTES));
    }
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      if (position < windowAt || position >= windowAt + windowLength) {
        windowAt = position;
        windowLength = (int) Math.min(WINDOW, file.size() - position);
        file.read(windowAt, MemorySegment.ofArray(window).asSlice(0, windowLength));
      }
      int from = (int) (position - windowAt);
      int n = Math.min(length - done, windowLength - from);
      System.arraycopy(window, from, bytes, done, n);
      done += n;
      position += n;
    }
    return bytes;
  }

  private static Object number(byte[] bytes, int at, GgufValue.Kind kind) {
    MemorySegment s = MemorySegment.ofArray(bytes);
    return switch (kind) {
      case U8 -> (long) bytes[at] & 0xFF;
      case I8 -> (long) bytes[at];
      case U16 -> (long) s.get(little(ValueLayout.JAVA_SHORT_UNALIGNED), at) & 0xFFFF;
      case I16 -> (long) s.get(little(ValueLayout.JAVA_SHORT_UNALIGNED), at);
      case U32 -> (long) s.get(little(ValueLayout.JAVA_INT_UNALIGNED), at) & 0xFFFF_FFFFL;
      case I32 -> (long) s.get(little(ValueLayout.JAVA_INT_UNALIGNED), at);
      case U64, I64 -> s.get(little(ValueLayout.JAVA_LONG_UNALIGNED), at);
      case F32 -> Float.intBitsToFloat(s.get(little(ValueLayout.JAVA_INT_UNALIGNED), at));
      case F64 -> Double.longBitsToDouble(s.get(little(ValueLayout.JAVA_LONG_UNALIGNED), at));
      case BOOL -> bytes[at] == 1;
      case STRING, ARRAY -> throw new AssertionError(kind);
    };
  }

  private static ValueLayout.OfShort little(ValueLayout.OfShort layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  private static ValueLayout.OfInt little(ValueLayout.OfInt layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  private static ValueLayout.OfLong little(ValueLayout.OfLong layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  /** Numbers as the file has them: an object each would take twenty times the bytes of the file. */
  private static final class Numbers extends AbstractList<Object> {
    private final GgufValue.Kind kind;
    private final byte[] bytes;

    Numbers(GgufValue.Kind kind, byte[] bytes) {
      this.kind = kind;
      this.bytes = bytes;
    }

    @Override
    public Object get(int index) {
      return number(bytes, java.util.Objects.checkIndex(index, size()) * kind.bytes(), kind);
    }

    @Override
    public int size() {
      return bytes.length / kind.bytes();
    }
  }
}
