package io.github.lora4j.vector;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * How frozen weights are stored: in blocks of a fixed number of values in a fixed number of bytes, such as 32 values of 8 bits behind a scale of
 * 16. The blocks of a matrix run along its rows; a row starts a block, and the last block of a row is filled up with zeros where the columns are
 * no multiple of {@link #blockValues}.
 *
 * <p>A format is a service: the class, with a public constructor without parameters, is named in a file
 * {@code META-INF/services/io.github.lora4j.vector.WeightFormat} of its jar; then {@code weights: NAME} of a recipe chooses it. A weight's
 * format may also be an instance of its own, with tables that its file has; formats are therefore compared by {@code equals}. Kernels decode a
 * weight piece by piece and multiply in F32, with formats of {@link Elements} by tiles of their own.
 *
 * <p>Offsets are in bytes. A block is decoded the same wherever it lies; neither method looks at bytes beyond its blocks or floats beyond
 * {@code count}, and decoding does not allocate, since it is part of a training step. {@link WeightFormats#checked} tries this.
 */
public interface WeightFormat {

  // No default methods here: initialising Elements would then initialise this interface, which makes Elements, and two threads could wait for
  // each other.

  /** Four bytes a value. */
  WeightFormat F32 = new Elements(DType.F32);
  /** Eight bytes a value: what the reference kernels compute with. */
  WeightFormat F64 = new Elements(DType.F64);
  /** IEEE 754's half. */
  WeightFormat F16 = new Elements(DType.F16);
  /** The upper half of an F32. */
  WeightFormat BF16 = new Elements(DType.BF16);

  /** What a module registers that brings several formats, or formats with parameters: named in {@code META-INF/services} in place of the formats. */
  interface Provider {

    /** The formats that a recipe can name. */
    List<WeightFormat> formats();
  }

  /** The name in recipes: small letters, digits, hyphens and underscores. */
  String name();

  /** Values of a block. */
  int blockValues();

  /** Bytes of a block. */
  int blockBytes();

  /** Writes the first {@code count} values of the blocks that begin at {@code at}; the last block may be wanted in part. */
  void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count);

  /** Writes the blocks, from {@code at} on, that hold {@code count} values; what the last block has no value for is 0. */
  void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count);
}
