package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Binder;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Gemm;
import java.util.function.BiFunction;

/** Binds one kind of op to its memory and kernels on the processor, and says what it needs there beside its operands. */
public interface CpuBinder<O extends Op> extends Binder<O> {

  /** The op bound to its memory; all objects are made here, so that running it allocates nothing. */
  CpuSteps.Step bind(O op, CpuSteps at);

  /** Scratch of one run. */
  default CpuScratch scratch(O op, CpuTarget target) {
    return CpuScratch.NONE;
  }

  /** The layout in which the op reads a frozen input. */
  default CpuPlan.Form form(O op, Value weight) {
    return CpuPlan.Form.RAW;
  }

  /** The op bound together with what {@link Op#fuses} lets follow it. */
  default CpuSteps.Step bind(O op, Gemm.Then then, CpuSteps at) {
    throw new IllegalStateException(op().getName() + " says that ops fuse with it, and its binder binds none");
  }

  /** The op as what follows another, on elements. */
  default Gemm.Then then(O op, CpuSteps at) {
    throw new IllegalStateException("the binder of " + op().getName() + " does not let it follow another op");
  }

  /** A binder of an op that needs nothing beside its operands. */
  static <O extends Op> CpuBinder<O> of(Class<O> op, BiFunction<O, CpuSteps, CpuSteps.Step> bind) {
    return of(op, bind, (o, target) -> CpuScratch.NONE);
  }

  /** A binder of an op that needs scratch. */
  static <O extends Op> CpuBinder<O> of(Class<O> op, BiFunction<O, CpuSteps, CpuSteps.Step> bind, BiFunction<O, CpuTarget, CpuScratch> scratch) {
    return new CpuBinder<>() {
      @Override
      public Class<O> op() {
        return op;
      }

      @Override
      public CpuSteps.Step bind(O o, CpuSteps at) {
        return bind.apply(o, at);
      }

      @Override
      public CpuScratch scratch(O o, CpuTarget target) {
        return scratch.apply(o, target);
      }
    };
  }
}
