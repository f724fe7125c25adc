package io.github.lora4j.lora.plain;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * LoRA-FA (Zhang et al., "LoRA-FA: Memory-efficient Low-rank Adaptation for Large Language Models Fine-tuning", 2023) as PEFT's optimizer
 * of that name: A stays as drawn, B alone trains, and its gradient becomes G·(A·Aᵀ + 1e-8·I)⁻¹/s², which makes the step of B·A nearest to
 * full fine-tuning's. Norm and clipping know G. What is saved is plain LoRA.
 */
public final class LoraFa extends ForwardingAdapter {

  private static final double DELTA = 1e-8;

  private final LoraAdapter of;

  /**
   * LoRA with A frozen.
   *
   * @throws ConfigException when the adapter is not plain LoRA on linear modules
   */
  public LoraFa(Adapter adapter) {
    super(adapter);
    if (!(adapter instanceof LoraAdapter lora)) {
      throw new ConfigException("optimizer lorafa trains the B of plain LoRA, so method must be lora");
    }
    Problems problems = new Problems();
    if (lora.config().useDora() || lora.config().loraBias()) {
      problems.add("use_dora and lora_bias do not go together with optimizer lorafa: it knows A and B alone");
    }
    if (lora.config().initLoraWeights() == InitLoraWeights.MICA) {
      problems.add("init_lora_weights mica freezes B and optimizer lorafa freezes A, so nothing would train; choose one of the two");
    }
    List<String> embeddings = lora.sites().values().stream().filter(site -> site.target().module().kind() == ModuleInfo.Kind.EMBEDDING
            || site.target().module().kind() == ModuleInfo.Kind.CONVOLUTION)
        .map(site -> site.target().module().name()).toList();
    if (!embeddings.isEmpty()) {
      problems.add("optimizer lorafa does not train embeddings and convolutions; remove from target_modules: %s",
          Names.list(embeddings));
    }
    problems.raise("lorafa");
    of = lora;
  }

  private static String matrix(LoraAdapter.Site site) {
    return site.target().module().name() + ".lora_A.inverse";
  }

  @Override
  public boolean frozen(String parameter) {
    return super.frozen(parameter) || of.sites().values().stream().anyMatch(site -> site.a().slot().equals(parameter));
  }

  /** With enable_lora each part has an A of its own, so the matrix is one block for each. */
  @Override
  public Map<String, float[]> constants(AdapterValues values) {
    Map<String, float[]> inverses = new LinkedHashMap<>();
    of.sites().values().forEach(site -> {
      int rank = Math.toIntExact(site.a().shape().getFirst());
      int r = rank / of.blocks();
      double scaling = site.target().scaling();
      MemorySegment a = values.get(site.a().slot());
      long block = a.byteSize() / of.blocks();
      float[] flat = new float[rank * rank];
      for (int b = 0; b < of.blocks(); b++) {
        double[][] inverse = inverse(gram(a.asSlice(b * block, block), r), site.a().slot());
        for (int i = 0; i < r * r; i++) {
          flat[(b * r + i / r) * rank + b * r + i % r] = (float) (inverse[i / r][i % r] / (scaling * scaling));
        }
      }
      inverses.put(matrix(site), flat);
    });
    return inverses;
  }

  private static double[][] gram(MemorySegment a, int r) {
    long in = a.byteSize() / Float.BYTES / r;
    double[][] gram = new double[r][r];
    for (int i = 0; i < r; i++) {
      for (int j = 0; j < r; j++) {
        for (long k = 0; k < in; k++) {
          gram[i][j] += (double) a.getAtIndex(ValueLayout.JAVA_FLOAT, i * in + k) * a.getAtIndex(ValueLayout.JAVA_FLOAT, j * in + k);
        }
      }
      gram[i][i] += DELTA;
    }
    return gram;
  }

  /** Gauss and Jordan; the matrix is symmetric and positive, so pivots lie on the diagonal. */
  private static double[][] inverse(double[][] m, String name) {
    int n = m.length;
    double[][] inverse = new double[n][n];
    for (int i = 0; i < n; i++) {
      inverse[i][i] = 1;
    }
    for (int p = 0; p < n; p++) {
      double pivot = m[p][p];
      if (!(pivot > 0)) {
        throw new ConfigException("lorafa: the rows of %s are not independent, so A·Aᵀ has no inverse; is r larger than the module's input?"
            .formatted(name));
      }
      for (int j = 0; j < n; j++) {
        m[p][j] /= pivot;
        inverse[p][j] /= pivot;
      }
      for (int i = 0; i < n; i++) {
        double factor = m[i][p];
        for (int j = 0; i != p && j < n; j++) {
          m[i][j] -= factor * m[p][j];
          inverse[i][j] -= factor * inverse[p][j];
        }
      }
    }
    return inverse;
  }

  @Override
  public void recordBeforeUpdate(Graph apply, Value count) {
    super.recordBeforeUpdate(apply, count);
    of.sites().values().forEach(site -> apply.program().find(site.b().slot()).ifPresent(b -> {
      int r = b.shape().cols();
      apply.precondition(b, apply.program().frozen(matrix(site), Shape.of(r, r)));
    }));
  }
}
