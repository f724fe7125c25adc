package io.github.lora4j.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** The formats that weights can be stored in, rows of them, and the test that one keeps to its blocks. */
public final class WeightFormats {

  /** Blocks that a format is tried on. */
  private static final int TRIED = 3;
  private static final byte UNTOUCHED = 0x5A;

  private WeightFormats() {}

  /**
   * The format of a name: {@code f32}, {@code f16}, {@code bf16} or one that a module brings.
   *
   * @throws ConfigException for another name, with those there are; when two formats have one name; see {@link #checked} too
   */
  public static WeightFormat named(String name) {
    Map<String, WeightFormat> all = all();
    return Optional.ofNullable(all.get(name))
        .orElseThrow(() -> new ConfigException("weights must be one of %s, got \"%s\"".formatted(String.join(", ", all.keySet()),
            Names.printable(name))));
  }

  /** The formats by name. */
  static Map<String, WeightFormat> all() {
    List<WeightFormat> formats = new ArrayList<>(List.of(WeightFormat.F32, WeightFormat.F16, WeightFormat.BF16));
    ServiceLoader.load(WeightFormat.class).forEach(formats::add);
    ServiceLoader.load(WeightFormat.Provider.class).forEach(provider -> formats.addAll(provider.formats()));
    return byName(formats);
  }

  static Map<String, WeightFormat> byName(List<WeightFormat> formats) {
    Map<String, WeightFormat> all = new TreeMap<>();
    for (WeightFormat format : formats) {
      WeightFormat other = all.putIfAbsent(checked(format).name(), format);
      if (other != null) {
        throw new ConfigException("two weight formats have the name \"%s\": %s and %s; remove one of them from the class path"
            .formatted(format.name(), other.getClass().getName(), format.getClass().getName()));
      }
    }
    return all;
  }

  /** Blocks of a row. */
  public static int rowBlocks(WeightFormat format, int cols) {
    return (int) (((long) cols + format.blockValues() - 1) / format.blockValues());
  }

  /** Bytes of a row. */
  public static long rowBytes(WeightFormat format, int cols) {
    return (long) rowBlocks(format, cols) * format.blockBytes();
  }

  /** Encodes the rows of a matrix, which are dense elements of a type. */
  public static void encode(WeightFormat format, int rows, int cols, Elements from, MemorySegment source, MemorySegment blocks) {
    long elements = (long) rows * cols;
    if (format instanceof Elements to) {
      from.convert(source, to, blocks, elements);
    } else if (from.equals(WeightFormat.F32)) {
      for (int i = 0; i < rows; i++) {
        format.encode(source, (long) i * cols * Float.BYTES, blocks, i * rowBytes(format, cols), cols);
      }
    } else {
      try (Memory memory = new Memory("encoding a weight")) {
        MemorySegment floats = memory.allocate(elements * Float.BYTES, "floats");
        Elements to = new Elements(DType.F32);
        from.convert(source, to, floats, elements);
        encode(format, rows, cols, to, floats, blocks);
      }
    }
  }

  /**
   * The format, once it has shown on a few blocks that it reads and writes nothing else, and that a block means the same wherever it lies.
   *
   * @throws ConfigException that names the class
   */
  public static WeightFormat checked(WeightFormat format) {
    if (format instanceof Elements) {
      return format;
    }
    if (!format.name().matches("[a-z0-9_-]+") || format.blockValues() < 1 || format.blockBytes() < 1) {
      throw broken(format, ("has the name \"%s\" and blocks of %d values in %d bytes; a name has small letters, digits, - and _, a block at least "
          + "one of each")
          .formatted(format.name(), format.blockValues(), format.blockBytes()));
    }
    try (Arena arena = Arena.ofConfined()) {
      int values = format.blockValues();
      int bytes = format.blockBytes();
      MemorySegment floats = arena.allocate((long) TRIED * values * Float.BYTES, 64);
      for (int i = 0; i < TRIED * values; i++) {
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i + 1) * (1 + i / values));
      }
      MemorySegment blocks = arena.allocate((long) TRIED * bytes, 64);
      guarded(format, "encode", blocks, 0, (long) TRIED * bytes, () -> format.encode(floats, 0, blocks, 0, TRIED * values));
      MemorySegment all = arena.allocate(floats.byteSize(), 64);
      guarded(format, "decode", all, 0, all.byteSize(), () -> format.decode(blocks, 0, all, 0, TRIED * values));
      // Each block alone, at the very end of its memory; and a part of it.
      for (int block = 0; block < TRIED; block++) {
        MemorySegment end = arena.allocate((long) (block + 1) * bytes, 64);
        MemorySegment.copy(blocks, (long) block * bytes, end, (long) block * bytes, bytes);
        for (int count : new int[] {values, (values + 1) / 2}) {
          MemorySegment out = arena.allocate((long) (block * values + count) * Float.BYTES, 64);
          long to = (long) block * values * Float.BYTES;
          long at = (long) block * bytes;
          guarded(format, "decode", out, to, (long) count * Float.BYTES, () -> format.decode(end, at, out, to, count));
          if (out.asSlice(to).mismatch(all.asSlice(to, (long) count * Float.BYTES)) >= 0) {
            throw broken(format, "decode gives a block other values alone than among others: it reads past its block");
          }
          MemorySegment part = floats.asSlice(to, (long) count * Float.BYTES);
          MemorySegment again = arena.allocate((long) (block + 1) * bytes, 64);
          guarded(format, "encode", again, at, bytes, () -> format.encode(part, 0, again, at, count));
          if (count == values && again.asSlice(at).mismatch(blocks.asSlice(at, bytes)) >= 0) {
            throw broken(format, "encode gives a block other bytes alone than among others: it reads past its values");
          }
        }
      }
    }
    return format;
  }

  /** Runs one method, which must write nothing but [from, from + length) of the target. */
  private static void guarded(WeightFormat format, String method, MemorySegment target, long from, long length, Runnable call) {
    target.fill(UNTOUCHED);
    try {
      call.run();
    } catch (IndexOutOfBoundsException e) {
      throw new ConfigException(message(format, method + " reads or writes past its block: " + e.getMessage()), e);
    }
    for (long i = 0; i < target.byteSize(); i++) {
      if ((i < from || i >= from + length) && target.get(ValueLayout.JAVA_BYTE, i) != UNTOUCHED) {
        throw broken(format, method + " writes past its block");
      }
    }
  }

  private static ConfigException broken(WeightFormat format, String problem) {
    return new ConfigException(message(format, problem));
  }

  private static String message(WeightFormat format, String problem) {
    return "weight format %s (%s): %s".formatted(format.name(), format.getClass().getName(), problem);
  }
}
