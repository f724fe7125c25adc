package io.github.lora4j.lora.parameters;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.internal.Matrix;
import io.github.lora4j.lora.internal.Qr;
import io.github.lora4j.lora.internal.Svd;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;

/**
 * How A and B of one module start from its base weight, and how the weight changes then: W − s·B₀·A₀ for PiSSA and OLoRA. Everything
 * follows from the weight (and, for the randomised PiSSA, the seed), so it is computed anew wherever the base is loaded, and never stored.
 *
 * @param module the adapted module
 * @param a the parameter A [rank, in]
 * @param b the parameter B [out, rank]
 * @param init PiSSA, OLoRA or MiCA
 * @param rank rank of the update
 * @param scaling s
 */
public record BaseStart(ModuleInfo module, AdapterParameter a, AdapterParameter b, InitLoraWeights init, int rank, double scaling) {

  /** A₀ and B₀, rounded to what the program holds. */
  private record Factors(Matrix a, Matrix b) {}

  /** The base parameter. */
  public String weight() {
    return module.name() + ".weight";
  }

  /** The base parameter's shape in the program. */
  public Shape shape() {
    return embedding() ? Shape.of(module.in(), module.out()) : Shape.of(module.out(), module.in());
  }

  /**
   * Sets A and B.
   *
   * @param weight F32 in the program's layout
   * @throws FormatException when the weight is not finite
   */
  public void initialise(MemorySegment weight, long seed, AdapterValues values) {
    Factors factors = factors(program(weight), seed);
    factors.a.store(values.get(a.slot()));
    factors.b.store(values.get(b.slot()));
  }

  /**
   * Takes s·B₀·A₀ out of the weight, for those that change the base; leaves it alone otherwise.
   *
   * @param weight F32 in the program's layout
   * @param start what {@link #initialise} set
   */
  public void subtract(MemorySegment weight, AdapterValues start) {
    if (init.changesBase()) {
      Factors factors = new Factors(Matrix.of(rank, module.in(), start.get(a.slot())), Matrix.of(module.out(), rank, start.get(b.slot())));
      residual(program(weight), factors).store(weight);
    }
  }

  /** The same on a weight as its file stores it, with A₀ and B₀ computed from it. */
  public void subtract(DType type, MemorySegment weight, long seed) {
    double[] stored = new double[Math.multiplyExact(module.in(), module.out())];
    Elements.load(type, weight, 0, stored);
    boolean transposed = module.kind() != ModuleInfo.Kind.LINEAR;
    Matrix w = transposed ? new Matrix(module.in(), module.out(), stored).transpose() : new Matrix(module.out(), module.in(), stored);
    Matrix changed = residual(w, factors(w, seed));
    Elements.store(weight(), type, (transposed ? changed.transpose() : changed).data(), weight, 0);
  }

  private boolean embedding() {
    return module.kind() == ModuleInfo.Kind.EMBEDDING;
  }

  private Matrix program(MemorySegment weight) {
    Matrix w = Matrix.of(shape().rows(), shape().cols(), weight);
    return embedding() ? w.transpose() : w;
  }

  private Matrix residual(Matrix w, Factors factors) {
    return w.plus(-scaling, factors.b.times(factors.a));
  }

  private Factors factors(Matrix w, long seed) {
    try {
      return switch (init) {
        case InitLoraWeights.Pissa pissa -> pissa(pissa.iterations() < 0 ? Svd.of(w) : Svd.lowRank(w, random(seed), pissa.iterations()));
        case InitLoraWeights.Simple simple when simple == InitLoraWeights.Simple.OLORA -> {
          Qr qr = Qr.of(w);
          yield new Factors(rounded(qr.r().rows(0, rank)), rounded(qr.q().transpose().rows(0, rank).transpose()));
        }
        // MiCA, the only other one.
        default -> {
          Matrix left = Svd.of(w).u().transpose();
          yield new Factors(Matrix.zeros(rank, w.cols()), rounded(left.rows(left.rows() - rank, left.rows()).transpose()));
        }
      };
    } catch (FormatException e) {
      throw new FormatException(weight() + ": " + e.getMessage(), e);
    }
  }

  private Factors pissa(Svd svd) {
    double[] roots = new double[rank];
    for (int i = 0; i < rank; i++) {
      roots[i] = Math.sqrt(svd.s()[i] / scaling);
    }
    return new Factors(rounded(svd.vt().rows(0, rank).scaleRows(roots)),
        rounded(svd.u().transpose().rows(0, rank).scaleRows(roots).transpose()));
  }

  private Matrix random(long seed) {
    int side = Math.min(module.in(), module.out());
    try (Memory memory = new Memory("random projection")) {
      MemorySegment values = memory.allocate((long) side * rank * Float.BYTES, weight());
      new Initial.Normal(1).fill(weight(), seed, values);
      return Matrix.of(side, rank, values);
    }
  }

  private static Matrix rounded(Matrix matrix) {
    Matrix result = Matrix.zeros(matrix.rows(), matrix.cols());
    for (int i = 0; i < result.data().length; i++) {
      result.data()[i] = (float) matrix.data()[i];
    }
    return result;
  }
}
