package io.github.lora4j.bench.peers;

import org.ejml.EjmlVersion;
import org.ejml.concurrency.EjmlConcurrency;
import org.ejml.data.FMatrixRBlock;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.block.MatrixOps_FDRB;
import org.ejml.dense.block.MatrixOps_MT_FDRB;
import org.ejml.dense.row.CommonOps_FDRM;
import org.ejml.dense.row.CommonOps_MT_FDRM;

/** EJML, pure Java without the Vector API. */
final class Ejml implements Peer {

  private final int threads;
  private final boolean blocks;

  /** With {@code blocks}, X, W and Y are EJML's matrices of square blocks, which are faster; otherwise they are row-major. */
  Ejml(int threads, boolean blocks) {
    this.threads = threads;
    this.blocks = blocks;
    EjmlConcurrency.setMaxThreads(threads);
  }

  @Override
  public String name() {
    return "EJML " + EjmlVersion.VERSION + (blocks ? " blocks" : "");
  }

  @Override
  public String weight() {
    return blocks ? "cut into blocks once, X and Y too" : "read where it lies";
  }

  @Override
  public int threads() {
    return threads;
  }

  @Override
  public Product product(int m, int n, int k, float[] x, float[] w) {
    FMatrixRMaj input = FMatrixRMaj.wrap(m, k, x);
    FMatrixRMaj weight = FMatrixRMaj.wrap(n, k, w);
    FMatrixRMaj output = new FMatrixRMaj(m, n);
    return blocks ? new Blocks(threads, block(input), block(weight), block(output)) : new Rows(threads, input, weight, output);
  }

  private static FMatrixRBlock block(FMatrixRMaj rows) {
    FMatrixRBlock blocks = new FMatrixRBlock(rows.numRows, rows.numCols);
    MatrixOps_FDRB.convert(rows, blocks);
    return blocks;
  }

  private record Rows(int threads, FMatrixRMaj x, FMatrixRMaj w, FMatrixRMaj y) implements Product {

    @Override
    public void run() {
      if (threads == 1) {
        CommonOps_FDRM.multTransB(x, w, y);
      } else {
        CommonOps_MT_FDRM.multTransB(x, w, y);
      }
    }

    @Override
    public float[] result() {
      return y.data.clone();
    }

    @Override
    public void close() {}
  }

  private record Blocks(int threads, FMatrixRBlock x, FMatrixRBlock w, FMatrixRBlock y) implements Product {

    @Override
    public void run() {
      if (threads == 1) {
        MatrixOps_FDRB.multTransB(x, w, y);
      } else {
        MatrixOps_MT_FDRB.multTransB(x, w, y);
      }
    }

    @Override
    public float[] result() {
      return MatrixOps_FDRB.convert(y, new FMatrixRMaj(y.numRows, y.numCols)).data;
    }

    @Override
    public void close() {}
  }
}
