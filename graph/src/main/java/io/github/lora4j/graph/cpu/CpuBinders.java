package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Binders;
import java.util.List;
import java.util.stream.Stream;

/** The binders of all ops that the processor runs. */
public final class CpuBinders {

  @SuppressWarnings("unchecked")
  private static final Class<CpuBinder<?>> KIND = (Class<CpuBinder<?>>) (Class<?>) CpuBinder.class;

  private CpuBinders() {}

  /** Those of this module and of services. */
  public static Binders<CpuBinder<?>> all() {
    return Binders.of("cpu", KIND, own());
  }

  private static List<CpuBinder<?>> own() {
    return Stream.of(CpuProducts.binders(), CpuElementSteps.binders(), CpuRowSteps.binders(), CpuNormSteps.binders(), CpuAttentionSteps.binders(),
        CpuTrainingSteps.binders(), CpuDecoderSteps.binders(), CpuAdapterSteps.binders(), CpuLayoutSteps.binders(), CpuLossSteps.binders())
        .flatMap(List::stream).toList();
  }
}
