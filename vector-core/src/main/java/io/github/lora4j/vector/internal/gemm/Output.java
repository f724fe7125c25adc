package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import io.github.lora4j.vector.Gemm;
import java.lang.foreign.MemorySegment;

/** Where sums over a piece of k go: C = α·sums + bias + addend for the first piece, C += α·sums for the others; after the last, what follows. */
final class Output {

  private final MemorySegment bias;
  private final MemorySegment addend;
  private final MemorySegment c;
  private final MemorySegment scratch;
  private final int n;
  private final float alpha;
  private final boolean hasBias;
  private final boolean hasAddend;
  private final Gemm.Then then;

  Output(Gemm.Spec spec, Gemm.Operands operands, Gemm.Then then) {
    bias = operands.bias();
    addend = operands.addend();
    c = operands.c();
    scratch = operands.scratch();
    n = spec.n();
    alpha = (float) spec.alpha();
    hasBias = VectorGemms.present(bias);
    hasAddend = VectorGemms.present(addend);
    this.then = then;
  }

  /** Takes the tile, rows of {@code width} floats in scratch, of panel {@code panel} to C. */
  void store(boolean first, boolean last, int row, int live, int panel, int width, long tile) {
    int column = panel * RowTiles.COLUMNS;
    int columns = Panels.columns(panel, n);
    long rowBytes = bytes(n);
    long to = bytes((long) row * n + column);
    if (!first) {
      Epilogue.storeAdd(scratch, tile, width, live, columns, alpha, c, to, rowBytes, c, to, rowBytes);
    } else if (hasAddend) {
      Epilogue.storeAdd(scratch, tile, width, live, columns, alpha, addend, to, rowBytes, c, to, rowBytes);
      if (hasBias) {
        Epilogue.addRow(bias, bytes(column), live, columns, c, to, rowBytes);
      }
    } else if (hasBias) {
      Epilogue.storeAdd(scratch, tile, width, live, columns, alpha, bias, bytes(column), 0, c, to, rowBytes);
    } else {
      Epilogue.store(scratch, tile, width, live, columns, alpha, c, to, rowBytes);
    }
    if (last && then != Gemm.Then.NOTHING) {
      for (int i = 0; i < live; i++) {
        long at = (long) (row + i) * n + column;
        then.run(at, at + columns);
      }
    }
  }
}
