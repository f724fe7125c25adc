package io.github.lora4j.tornado;

import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.Op;
import java.util.List;
import java.util.stream.Stream;

/** The binders of all ops that a device runs. */
public final class GpuBinders {

  @SuppressWarnings("unchecked")
  private static final Class<GpuBinder<?>> KIND = (Class<GpuBinder<?>>) (Class<?>) GpuBinder.class;

  private GpuBinders() {}

  /** Those of this module and of services. */
  public static Binders<GpuBinder<?>> all() {
    return Binders.of("gpu", KIND, own());
  }

  /** The registry finds binders by the class of op that they bind. */
  @SuppressWarnings("unchecked")
  static <O extends Op> GpuBinder<O> of(Binders<GpuBinder<?>> binders, O op) {
    return (GpuBinder<O>) binders.of(op);
  }

  private static List<GpuBinder<?>> own() {
    return Stream.of(ProductLowering.binders(), ElementLowering.binders(), RowLowering.binders(), NormLowering.binders(),
        AttentionLowering.binders(), LossLowering.binders(), TrainingLowering.binders(), AdapterLowering.binders(), LayoutLowering.binders())
        .flatMap(List::stream).toList();
  }
}
