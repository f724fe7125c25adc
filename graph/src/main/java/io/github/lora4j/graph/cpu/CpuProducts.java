package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuSteps.Step;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Binds matrix products, and what follows them while their result is in cache. */
final class CpuProducts {

  private record Product(Gemm.Spec spec, Gemm.Operands operands, Value rowsOf) {}

  private final CpuExecutable memoryOf;
  private final CpuPlan plan;
  private final Kernels k;
  private final Workers workers;
  private final MemorySegment scratch;

  CpuProducts(CpuExecutable memoryOf, CpuPlan plan, Kernels kernels, Workers workers, Memory memory) {
    this.memoryOf = memoryOf;
    this.plan = plan;
    this.k = kernels;
    this.workers = workers;
    scratch = memory.allocate(plan.gemmScratch(), "matrix product scratch");
  }

  /** A product alone. */
  Step bind(Op op) {
    return step(product(op), Gemm.Then.NOTHING);
  }

  /** A product and what {@link io.github.lora4j.graph.Fusion} lets follow it. */
  Step bind(Op op, Op next) {
    return step(product(op), switch (next) {
      case Op.Activate o -> {
        MemorySegment x = s(o.x());
        MemorySegment y = s(o.y());
        yield (from, to) -> k.activation(o.f(), x, y, from, to);
      }
      case Op.ActivateGrad o -> {
        MemorySegment x = s(o.x());
        MemorySegment dy = s(o.dy());
        MemorySegment dx = s(o.dx());
        yield (from, to) -> k.activationGrad(o.f(), x, dy, dx, from, to);
      }
      default -> throw new IllegalArgumentException(next + " does not fuse");
    });
  }

  private Product product(Op op) {
    return switch (op) {
      case Op.Linear o -> new Product(CpuPlan.spec(o, plan.weights(), plan.floats()), new Gemm.Operands(s(o.x()), weight(o.w()), s(o.bias()),
          s(o.addend()), s(o.y()), scratch), o.x());
      case Op.LinearInputGrad o -> new Product(CpuPlan.spec(o, plan.weights(), plan.floats()), new Gemm.Operands(s(o.dy()), weight(o.w()),
          MemorySegment.NULL, s(o.addend()), s(o.dx()), scratch), o.dy());
      case Op.LinearWeightGrad o -> new Product(CpuPlan.spec(o, plan.floats()), new Gemm.Operands(s(o.dy()), s(o.x()), MemorySegment.NULL,
          MemorySegment.NULL, s(o.dw()), scratch), o.dy());
      default -> throw new IllegalArgumentException(op + " is no product");
    };
  }

  private Step step(Product product, Gemm.Then then) {
    Gemm gemm = k.gemm(product.spec, product.operands, then);
    int[] live = memoryOf.liveCount(product.rowsOf);
    return () -> gemm.run(workers, live[0]);
  }

  private MemorySegment weight(Value w) {
    return w.role() == Value.Role.FROZEN ? memoryOf.frozen(w, CpuPlan.Form.PANELS) : s(w);
  }

  private MemorySegment s(Value value) {
    return memoryOf.segment(value);
  }

  private MemorySegment s(Optional<Value> value) {
    return memoryOf.segment(value);
  }
}
