package io.github.lora4j.lora.internal;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/** Float elements of any storage type as double, and back with the check that they are finite. */
public final class Elements {

  private static final int CHUNK = 4096;

  private Elements() {}

  /** Reads elements from {@code offset} on. */
  public static void load(DType type, MemorySegment from, long offset, double[] to) {
    io.github.lora4j.vector.Elements elements = elements(type);
    for (int i = 0; i < to.length; i++) {
      to[i] = elements.get(from, offset + i);
    }
  }

  /**
   * Writes elements, rounded to the type (to F16 and BF16 by way of F32, as in PyTorch).
   *
   * @param name of the tensor, for the error
   * @throws FormatException when one is not finite
   */
  public static void store(String name, DType type, double[] from, MemorySegment to, long offset) {
    io.github.lora4j.vector.Elements elements = elements(type);
    for (int i = 0; i < from.length; i++) {
      long at = offset + i;
      elements.set(to, at, from[i]);
      double stored = elements.get(to, at);
      if (!Double.isFinite(stored)) {
        throw notFinite(name, type, at, stored);
      }
    }
  }

  /** Converts elements to another type. */
  public static void convert(String name, DType type, MemorySegment from, DType to, MemorySegment target) {
    long elements = from.byteSize() / type.bytes();
    for (long done = 0; done < elements; done += CHUNK) {
      double[] part = new double[(int) Math.min(CHUNK, elements - done)];
      load(type, from, done, part);
      store(name, to, part, target, done);
    }
  }

  /** Refuses elements that are not finite: what the type was too narrow for. */
  public static void requireFinite(String name, DType type, MemorySegment data) {
    io.github.lora4j.vector.Elements elements = elements(type);
    for (long i = 0; i < data.byteSize() / type.bytes(); i++) {
      if (!Double.isFinite(elements.get(data, i))) {
        throw notFinite(name, type, i, elements.get(data, i));
      }
    }
  }

  private static FormatException notFinite(String name, DType type, long at, double value) {
    return new FormatException(("merge: element %d of %s becomes %s as %s; the adapter or the base is broken, or the type too narrow for it: "
        + "F32 and BF16 hold larger numbers than F16").formatted(at, name, value, type));
  }

  /** A checksum of the bytes. */
  public static long checksum(MemorySegment data) {
    CRC32C sum = new CRC32C();
    for (long done = 0; done < data.byteSize(); done += 1 << 30) {
      sum.update(data.asSlice(done, Math.min(1 << 30, data.byteSize() - done)).asByteBuffer());
    }
    return sum.getValue();
  }

  private static io.github.lora4j.vector.Elements elements(DType type) {
    if (!type.isFloat()) {
      throw new FormatException("merge: the base's tensor is stored as " + type + "; only F32, F64, F16 and BF16 can be written");
    }
    return new io.github.lora4j.vector.Elements(type);
  }
}
