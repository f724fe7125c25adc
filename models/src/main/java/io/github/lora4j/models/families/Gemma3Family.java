package io.github.lora4j.models.families;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Gemma 3, text alone (Gemma Team 2025): a Gemma 2 with normed heads in place of caps, and rotary positions of two kinds. */
public final class Gemma3Family implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma3_text");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("gemma3", "gemma3_text", GgufKeys.whole("attention.sliding_window", "sliding_window"),
        GgufKeys.number("rope.freq_base_swa", "rope_local_base_freq"),
        GgufKeys.number("final_logit_softcapping", "final_logit_softcapping")).withShiftedNorms().completedBy(
            config -> Gemma2Family.scaled(config, 62)));
  }

  @Override
  public Architecture of(ModelConfig config) {
    Map<Class<? extends Head>, String> classes = new HashMap<>(LlamaFamily.classes("Gemma3", false));
    classes.putAll(Map.of(Head.None.class, "Gemma3TextModel", Head.SequenceClassification.class, "Gemma3TextForSequenceClassification"));
    Map<String, String> gguf = new HashMap<>(LlamaFamily.gguf(Gemma2Family.NORMS));
    gguf.putAll(Qwen3Family.NORMS);
    return new Gemma3(config, LlamaFamily.facts(classes, LlamaFamily.QUERIES, gguf, List.of()));
  }

  private static final class Gemma3 extends Gemma2Family.Gemma2 {
    private final Rope local;
    private final Rope global;

    Gemma3(ModelConfig config, FamilyFacts facts) {
      super(config, facts, (of, layers) -> {
        int pattern = of.size("sliding_window_pattern", of.size("_sliding_window_pattern", 6));
        return Windows.byType(of, layers, i -> (i + 1) % pattern != 0);
      });
      ModelConfig parameters = RopeScaling.parameters(config);
      boolean nested = parameters.has("full_attention") || parameters.has("sliding_attention");
      ModelConfig whole = nested ? parameters.object("full_attention").orElseThrow(() -> parameters.error("full_attention is missing"))
          : RopeScaling.orTheta(config, parameters, 1_000_000);
      ModelConfig near = nested ? parameters.object("sliding_attention").orElseThrow(() -> parameters.error("sliding_attention is missing"))
          : ModelConfig.of(Map.of("rope_theta", config.positive("rope_local_base_freq", 10_000)));
      global = Rope.of(Rope.TABLE, config, whole, headSize);
      local = Rope.of(Rope.TABLE + ".local", config, near, headSize);
    }

    /** Made from two, see above. */
    @Override
    Rope rope() {
      return new Rope(Rope.TABLE, headSize, false, RopeScaling.of(config, ModelConfig.of(Map.of()), headSize));
    }

    @Override
    Optional<Rope> rope(int layer) {
      return Optional.of(window(layer) > 0 ? local : global);
    }

    @Override
    List<Value> projected(Sites sites, PackedInputs in, Value x, Rows wanted) {
      return Qwen3Family.normedHeads(this, sites, super.projected(sites, in, x, wanted), headSize);
    }
  }
}
