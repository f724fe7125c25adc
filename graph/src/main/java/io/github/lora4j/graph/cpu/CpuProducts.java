package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.ProductOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/** Binds matrix products, and what follows them while their result is in cache. */
final class CpuProducts {

  private CpuProducts() {}

  /** A product of the one form for all three ops; what is absent is empty. */
  private record Product(Gemm.Form form, Value left, Value right, Optional<Value> bias, Optional<Value> addend, double alpha, Value out) {

    static Product of(ProductOp.Linear o) {
      return new Product(Gemm.Form.NT, o.x(), o.w(), o.bias(), o.addend(), o.alpha(), o.y());
    }

    static Product of(ProductOp.LinearInputGrad o) {
      return new Product(Gemm.Form.NN, o.dy(), o.w(), Optional.empty(), o.addend(), o.alpha(), o.dx());
    }

    static Product of(ProductOp.LinearWeightGrad o) {
      return new Product(Gemm.Form.TN, o.dy(), o.x(), Optional.empty(), Optional.empty(), o.alpha(), o.dw());
    }

    Gemm.Spec spec(CpuTarget target) {
      int rows = left.shape().rows();
      if (form == Gemm.Form.TN) {
        return new Gemm.Spec(form, rows, out.shape().rows(), out.shape().cols(), rows, alpha, false, target.elements());
      }
      boolean packed = right.role() == Value.Role.FROZEN;
      WeightFormat storage = packed ? target.weights(right) : target.elements();
      return new Gemm.Spec(form, rows, rows, out.shape().cols(), left.shape().cols(), alpha, packed, storage);
    }

    CpuScratch scratch(CpuTarget target) {
      return new CpuScratch(target.kernels().gemmScratchBytes(spec(target), target.threads()), 0);
    }

    CpuSteps.Step bind(Gemm.Then then, CpuSteps at) {
      Gemm.Spec spec = spec(at.plan().target());
      MemorySegment weight = spec.packed() ? at.frozen(right, CpuPlan.Form.PANELS) : at.s(right);
      Gemm gemm = at.kernels().gemm(spec, new Gemm.Operands(at.s(left), weight, bias.map(at::s).orElse(MemorySegment.NULL),
          addend.map(at::s).orElse(MemorySegment.NULL), at.s(out), at.scratch()), then);
      int[] live = at.live(left);
      return () -> gemm.run(at.workers(), live[0]);
    }
  }

  /** A product with a weight, which is kept in panels if it is frozen. */
  private interface Weighted<O extends Op> extends CpuBinder<O> {

    Product product(O op);

    @Override
    default CpuSteps.Step bind(O op, CpuSteps at) {
      return product(op).bind(Gemm.Then.NOTHING, at);
    }

    @Override
    default CpuSteps.Step bind(O op, Gemm.Then then, CpuSteps at) {
      return product(op).bind(then, at);
    }

    @Override
    default CpuScratch scratch(O op, CpuTarget target) {
      return product(op).scratch(target);
    }

    @Override
    default CpuPlan.Form form(O op, Value weight) {
      return product(op).right.equals(weight) ? CpuPlan.Form.PANELS : CpuPlan.Form.RAW;
    }
  }

  private static final class Linear implements Weighted<ProductOp.Linear> {
    @Override
    public Class<ProductOp.Linear> op() {
      return ProductOp.Linear.class;
    }

    @Override
    public Product product(ProductOp.Linear op) {
      return Product.of(op);
    }
  }

  private static final class InputGrad implements Weighted<ProductOp.LinearInputGrad> {
    @Override
    public Class<ProductOp.LinearInputGrad> op() {
      return ProductOp.LinearInputGrad.class;
    }

    @Override
    public Product product(ProductOp.LinearInputGrad op) {
      return Product.of(op);
    }
  }

  static List<CpuBinder<?>> binders() {
    return List.of(new Linear(), new InputGrad(),
        CpuBinder.of(ProductOp.LinearWeightGrad.class, (o, at) -> at.fresh(o.dw(), Product.of(o).bind(Gemm.Then.NOTHING, at)),
            (o, target) -> Product.of(o).scratch(target)),
        CpuBinder.of(ProductOp.ColumnSum.class, CpuProducts::columnSum, (o, target) -> CpuSteps.partials(o.x(), 1, target)));
  }

  private static CpuSteps.Step columnSum(ProductOp.ColumnSum o, CpuSteps at) {
    MemorySegment x = at.s(o.x());
    int cols = o.x().shape().cols();
    return at.columnSums(o.x(), o.sums(), (to, slot, first, end) -> at.kernels().columnSums(x, to, slot, cols, first, end));
  }
}
