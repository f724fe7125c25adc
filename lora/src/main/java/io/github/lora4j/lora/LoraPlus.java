package io.github.lora4j.lora;

import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.ParameterGroup;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * LoRA+ (Hayou, Ghosh and Yu, "LoRA+: Efficient Low Rank Adaptation of Large Models", ICML 2024): any adapter with other parameter groups.
 * B learns {@code ratio} times as fast as A. The groups and their order are those of PEFT and of the authors' code:
 * <ol>
 *   <li>matrices: A, AdaLoRA's E, heads that train fully;
 *   <li>an embedding's two matrices, at a learning rate of their own;
 *   <li>B and vectors that decay, such as DoRA's magnitude;
 *   <li>biases and norms, at B's rate, without weight decay.
 * </ol>
 * The run's weight decay holds for the first three, as in the authors' code; PEFT's function ignores it.
 */
public final class LoraPlus extends ForwardingAdapter {

  /** What the paper and its code use where nothing is said: 2⁴. */
  public static final double DEFAULT_RATIO = 16;
  /** PEFT's default. */
  public static final double DEFAULT_EMBEDDING_RATE = 1e-6;

  /** Larger ones leave F32 in a step. */
  private static final double MAX = 1e6;
  private static final int MATRICES = 0;
  private static final int EMBEDDINGS = 1;
  private static final int FAST = 2;
  private static final int FAST_WITHOUT_DECAY = 3;

  private final List<AdapterParameter> parameters = new ArrayList<>();
  private final Map<String, Integer> groupOf = new LinkedHashMap<>();
  private final List<ParameterGroup> groups;

  /**
   * Regroups an adapter's parameters.
   *
   * @param ratio B's learning rate over A's, at least 1
   * @param embeddingRate learning rate of embedding matrices, not scaled by the run's
   */
  public LoraPlus(Adapter of, double ratio, double embeddingRate) {
    super(of);
    if (!(ratio >= 1 && ratio <= MAX)) {
      throw new ConfigException("loraplus_lr_ratio must be at least 1%s, got %s".formatted(ratio > MAX ? " and at most " + MAX : "", ratio));
    }
    if (!(embeddingRate > 0 && embeddingRate <= MAX)) {
      throw new ConfigException("loraplus_lr_embedding must be positive%s, got %s".formatted(embeddingRate > MAX ? " and at most " + MAX : "",
          embeddingRate));
    }
    for (AdapterParameter p : of.parameters()) {
      AdapterParameter regrouped = p.inGroup(group(p, of.groups().get(p.group()).decays()));
      parameters.add(regrouped);
      groupOf.put(p.slot(), regrouped.group());
    }
    groups = List.of(new ParameterGroup("A", 1, true), new ParameterGroup("embeddings", 1, embeddingRate, true),
        new ParameterGroup("B", ratio, true), new ParameterGroup("biases and norms", ratio, false));
  }

  private static int group(AdapterParameter p, boolean decays) {
    if (p.slot().contains(".lora_embedding_")) {
      return EMBEDDINGS;
    }
    if (p.slot().contains("lora_B") || p.shape().size() == 1) {
      return decays ? FAST : FAST_WITHOUT_DECAY;
    }
    return MATRICES;
  }

  @Override
  public List<AdapterParameter> parameters() {
    return List.copyOf(parameters);
  }

  @Override
  public List<ParameterGroup> groups() {
    return groups;
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    Integer group = groupOf.get(parameter);
    return group == null ? OptionalInt.empty() : OptionalInt.of(group);
  }
}
