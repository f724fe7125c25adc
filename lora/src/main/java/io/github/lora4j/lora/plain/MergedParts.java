package io.github.lora4j.lora.plain;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which parts of a module that is several matrices in one (query, key, value) are adapted, each with an A and a B of its own: loralib's
 * {@code MergedLinear} and its setting {@code enable_lora}. It is trained as plain LoRA of rank r·n, n parts being enabled, whose B [out,
 * r·n] is zero but for one block for each enabled part: rows of the part, columns of its r directions. B starts at zero, and where it has
 * no block its gradient is set to zero before norm, clipping and update, so it stays there; A's gradient then is what the blocks give. So
 * what is saved is plain LoRA, which PEFT loads.
 *
 * @param enabled a flag for each part, from the first output on; empty for modules that are one matrix
 */
record MergedParts(List<Boolean> enabled) {

  static final String KEY = "enable_lora";

  static final MergedParts NONE = new MergedParts(List.of());

  MergedParts {
    enabled = List.copyOf(enabled);
  }

  boolean present() {
    return !enabled.isEmpty();
  }

  int count() {
    return (int) enabled.stream().filter(flag -> flag).count();
  }

  /** Reads the setting out of others. */
  static MergedParts of(Map<String, ?> settings) {
    Object value = settings.get(KEY);
    if (value == null) {
      return NONE;
    }
    Problems problems = new Problems();
    if (!(value instanceof List<?> list) || list.isEmpty() || !list.stream().allMatch(Boolean.class::isInstance) || !list.contains(true)) {
      problems.add("%s: expected a list of true and false with a true in it, such as [true, false, true] for query and value, got %s", KEY,
          value);
    }
    problems.raise("lora");
    return new MergedParts(((List<?>) value).stream().map(Boolean.class::cast).toList());
  }

  /** The settings of the plain LoRA that is trained: as many ranks for each enabled part, the same scale. */
  LoraConfig widened(LoraConfig config) {
    Problems problems = new Problems();
    if (config.useDora() || config.loraBias()) {
      problems.add("%s does not go with use_dora or lora_bias: loralib has no form for them", KEY);
    }
    if (config.initLoraWeights() != InitLoraWeights.DEFAULT) {
      problems.add("%s: A starts as loralib draws it, so init_lora_weights must be true, got %s", KEY, config.initLoraWeights().peftName());
    }
    problems.raise("lora");
    double factor = config.useRslora() ? Math.sqrt(count()) : count();
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    config.rankPattern().forEach((pattern, rank) -> ranks.put(pattern, rank * count()));
    config.alphaPattern().forEach((pattern, alpha) -> alphas.put(pattern, alpha * factor));
    return config.toBuilder().r(config.r() * count()).loraAlpha(config.loraAlpha() * factor).rankPattern(ranks).alphaPattern(alphas).build();
  }

  /** Whether a module can be cut like this. */
  void check(Problems problems, ModuleInfo module) {
    if (present() && module.kind() != ModuleInfo.Kind.LINEAR && module.kind() != ModuleInfo.Kind.CONV1D) {
      problems.add("%s is for linear modules, but %s is %s", KEY, module.name(), module.kind());
    } else if (present() && module.out() % enabled.size() != 0) {
      problems.add("%s has %d parts, into which the %d outputs of %s do not go", KEY, enabled.size(), module.out(), module.name());
    }
  }

  /** Records that the gradient of a module's B is zero outside the blocks. */
  void keepBlocks(Graph apply, Value b) {
    Shape shape = b.shape();
    Value mask = apply.program().constant("%s.%d_%d".formatted(KEY, shape.rows(), shape.cols()), shape, () -> mask(shape.rows(),
        shape.cols()));
    apply.maskGradient(b, mask);
  }

  private float[] mask(int out, int rank) {
    float[] mask = new float[out * rank];
    int rows = out / enabled.size();
    int columns = rank / count();
    int block = 0;
    for (int part = 0; part < enabled.size(); part++) {
      if (enabled.get(part)) {
        for (int row = part * rows; row < (part + 1) * rows; row++) {
          Arrays.fill(mask, row * rank + block * columns, row * rank + (block + 1) * columns, 1);
        }
        block++;
      }
    }
    return mask;
  }
}
