package io.github.lora4j.bench.peers;

import org.bytedeco.openblas.global.openblas;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * ND4J on its OpenBLAS: {@code mmuli} into a Y that is there already. Y is column-major, because {@code mmuli} would otherwise compute into
 * a column-major array of its own and copy.
 */
final class Nd4jGemm implements Peer {

  Nd4jGemm(int threads) {
    Nd4j.getEnvironment().setMaxThreads(threads);
    Nd4j.getEnvironment().setMaxMasterThreads(threads);
    Nd4j.factory().blas().setMaxThreads(threads);
  }

  @Override
  public String name() {
    return "ND4J " + Peer.version(Nd4j.class) + ", " + Nd4j.factory().blas().getBlasVendor() + " " + Peer.version(openblas.class);
  }

  @Override
  public String weight() {
    return "packed at each call";
  }

  @Override
  public int threads() {
    return Nd4j.factory().blas().getMaxThreads();
  }

  @Override
  public Product product(int m, int n, int k, float[] x, float[] w) {
    INDArray input = Nd4j.create(x, new long[] {m, k}, 'c');
    INDArray rows = Nd4j.create(w, new long[] {n, k}, 'c');
    INDArray weight = rows.transpose();
    INDArray output = Nd4j.create(new long[] {m, n}, 'f');
    return new Product() {
      @Override
      public void run() {
        input.mmuli(weight, output);
      }

      @Override
      public float[] result() {
        return output.dup('c').data().asFloat();
      }

      @Override
      public void close() {
        output.close();
        rows.close();
        input.close();
      }
    };
  }
}
