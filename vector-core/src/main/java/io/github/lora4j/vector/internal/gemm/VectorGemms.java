package io.github.lora4j.vector.internal.gemm;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;

/**
 * Matrix products in F32 with the Vector API; the methods are those of {@link io.github.lora4j.vector.Kernels}.
 *
 * <p>NT and NN read A where it lies and B from panels, packed once or at each call; see {@link PanelGemm} and {@link Panels}, and
 * {@link FewRowsGemm} for one to four rows. TN is {@link StripGemm}. NT and NN with a side as short as LoRA's rank have kernels of their own,
 * which read the long operand once at memory's speed: {@link NarrowGemm}, {@link ShallowGemm}.
 */
public final class VectorGemms {

  private static final String GRAAL_INLINES = "jdk.graal.MaximumInliningSize";

  private VectorGemms() {}

  /** Lanes and tiles, for people. */
  public static String describe() {
    String what = "%d float lanes, %d registers, tiles %dx%d and %dx%d".formatted(Lanes.COUNT, Lanes.MANY_REGISTERS ? 32 : 16,
        RowTiles.ROWS, RowTiles.COLUMNS, StripTiles.ROWS, StripTiles.COLUMNS);
    if (Simd.GRAAL) {
      what += ", Graal's compiler: C2 is faster";
      if (System.getProperty(GRAAL_INLINES) == null) {
        what += ", and gelu or exp run a hundred times slower without -D" + GRAAL_INLINES
            + "=10000 -Djdk.graal.SmallCompiledLowLevelGraphSize=100000";
      }
    }
    return what;
  }

  public static long packedBytes(int rows, int cols, WeightFormat storage) {
    return Memory.align(Packed.of(storage).packedBytes(rows, cols));
  }

  public static void pack(int rows, int cols, MemorySegment source, MemorySegment panels, WeightFormat storage) {
    Packed weight = Packed.of(storage);
    checkSize("source", source, Lanes.bytes((long) rows * cols));
    checkSize("panels", panels, weight.packedBytes(rows, cols));
    weight.pack(rows, cols, source, panels);
  }

  public static void packStored(int rows, int cols, MemorySegment blocks, MemorySegment panels, WeightFormat storage) {
    Packed weight = Packed.of(storage);
    checkSize("blocks", blocks, rows * WeightFormats.rowBytes(storage, cols));
    checkSize("panels", panels, weight.packedBytes(rows, cols));
    weight.packStored(rows, cols, blocks, panels);
  }

  /** Whether packing moves elements of this format; others lie row by row as before. */
  public static boolean inPanels(WeightFormat format) {
    return Packed.of(format) instanceof PackedElements;
  }

  /** out[i] += row {@code id} of a packed table of elements in panels. */
  public static void addRow(Kernels.Table table, int id, MemorySegment out, int i, int cols) {
    ((PackedElements) Packed.of(table.format())).addRow(table.rows(), table.packed(), id, out, i, cols);
  }

  public static long gemmScratchBytes(Gemm.Spec spec, int threads) {
    if (spec.form() == Form.TN) {
      return StripGemm.scratchBytes(spec, threads);
    }
    if (ShallowGemm.suits(spec)) {
      return ShallowGemm.scratchBytes(spec);
    }
    if (NarrowGemm.suits(spec)) {
      return NarrowGemm.scratchBytes(spec, threads);
    }
    Packed weight = weight(spec);
    long bytes = PanelGemm.scratchBytes(spec, weight, threads);
    if (!FewRowsGemm.suits(spec)) {
      return bytes;
    }
    return Math.max(bytes, weight instanceof PackedBlocks blocks ? BlockRowsGemm.scratchBytes(blocks, spec.k(), threads)
        : Math.max(FewRowsGemm.scratchBytes(threads), PlainGemm.scratchBytes(threads)));
  }

  public static Gemm gemm(Gemm.Spec spec, Gemm.Operands operands) {
    return gemm(spec, operands, Gemm.Then.NOTHING);
  }

  public static Gemm gemm(Gemm.Spec spec, Gemm.Operands operands, Gemm.Then then) {
    if (then != Gemm.Then.NOTHING && !spec.packed()) {
      throw new IllegalArgumentException("only a product with a packed operand is followed by something: " + spec);
    }
    if (spec.form() == Form.TN) {
      if (spec.packed()) {
        throw new ConfigException("a TN product has no packed operand");
      }
      checkSize("A", operands.a(), Lanes.bytes((long) spec.rows() * spec.m()));
      checkSize("B", operands.b(), Lanes.bytes((long) spec.rows() * spec.n()));
      checkSize("C", operands.c(), Lanes.bytes((long) spec.m() * spec.n()));
      return new StripGemm(spec, operands);
    }
    Packed weight = weight(spec);
    long bytes = !spec.packed() ? Lanes.bytes((long) spec.n() * spec.k())
        : spec.form() == Form.NT ? weight.packedBytes(spec.n(), spec.k()) : weight.packedBytes(spec.k(), spec.n());
    checkSize("A", operands.a(), Lanes.bytes((long) spec.rows() * spec.k()));
    checkSize("B", operands.b(), bytes);
    checkSize("C", operands.c(), Lanes.bytes((long) spec.rows() * spec.n()));
    if (present(operands.bias())) {
      checkSize("bias", operands.bias(), Lanes.bytes(spec.n()));
    }
    if (present(operands.addend())) {
      checkSize("addend", operands.addend(), Lanes.bytes((long) spec.rows() * spec.n()));
    }
    if (ShallowGemm.suits(spec)) {
      return new ShallowGemm(spec, operands);
    }
    if (NarrowGemm.suits(spec)) {
      return new NarrowGemm(spec, operands);
    }
    Output output = new Output(spec, operands, then);
    PanelGemm panels = new PanelGemm(spec, operands, weight, output);
    if (!FewRowsGemm.suits(spec)) {
      return panels;
    }
    return switch (weight) {
      case PackedElements elements -> new FewRowsGemm(spec, operands, elements, panels, output);
      case PackedBlocks blocks -> blocks.fast() ? new BlockRowsGemm(spec, operands, blocks, panels, output) : panels;
    };
  }

  /** The same product; small ones are computed by plain loops until the JVM has compiled their kernels. */
  public static Gemm early(Gemm.Spec spec, Gemm.Operands operands, Gemm.Then then) {
    Gemm compiled = gemm(spec, operands, then);
    return compiled instanceof FewRowsGemm ? new EarlyGemm(spec, compiled, new PlainGemm(spec, operands, (PackedElements) weight(spec),
        new Output(spec, operands, then))) : compiled;
  }

  /** What is packed at each call is F32. */
  private static Packed weight(Gemm.Spec spec) {
    return spec.packed() ? Packed.of(spec.storage()) : PackedElements.F32;
  }

  /** The widest NT tile alone, again and again on the same operands: what a benchmark calls the micro-kernel's rate. */
  public static long tileFlops(MemorySegment a, MemorySegment b, MemorySegment t, int depth, int calls) {
    for (int i = 0; i < calls; i++) {
      RowTiles.run(RowTiles.VECTORS, a, 0, Lanes.bytes(depth), RowTiles.ROWS, b, 0, t, 0, depth);
    }
    return 2L * RowTiles.ROWS * RowTiles.COLUMNS * depth * calls;
  }

  static boolean present(MemorySegment segment) {
    return segment.address() != 0;
  }

  static void checkRows(Gemm.Spec spec, int rows) {
    if (rows < 0 || rows > spec.rows()) {
      throw new IllegalArgumentException("rows %d, but the product was prepared for at most %d".formatted(rows, spec.rows()));
    }
  }

  static void checkSize(String name, MemorySegment segment, long bytes) {
    if (segment.byteSize() < bytes) {
      throw new IllegalArgumentException("%s has %,d bytes, needs %,d".formatted(name, segment.byteSize(), bytes));
    }
  }
}
