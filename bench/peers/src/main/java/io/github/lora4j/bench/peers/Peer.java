package io.github.lora4j.bench.peers;

/** A library that multiplies matrices. Made once per process, with its number of threads set; where that throws, the library is missing. */
interface Peer {

  /** Name and version, as the table says it. */
  String name();

  /** What becomes of the weight: packed or transposed once, packed at each call, or read where it lies. */
  String weight();

  /** Threads the library itself says it uses. */
  int threads();

  /**
   * Lays out the operands as the library wants them, outside of what is timed.
   *
   * @param x [m, k], row-major
   * @param w [n, k], row-major
   */
  Product product(int m, int n, int k, float[] x, float[] w);

  /** The version in the name of the jar that {@code type} came from: the libraries agree on no other place. */
  static String version(Class<?> type) {
    String path = type.getProtectionDomain().getCodeSource().getLocation().getPath();
    return path.replaceFirst(".*?-(\\d[^/]*?)(-linux-x86_64)?\\.jar$", "$1");
  }

  /** Y[m,n] = X[m,k] W[n,k]^T with operands laid out. */
  interface Product extends AutoCloseable {

    /** One product; this is what is timed. */
    void run();

    /** The last product's Y, [m, n] row-major. */
    float[] result();

    @Override
    void close();
  }
}
