package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** SmolLM3 (Bakouch et al. 2025): a Llama some of whose layers do without positions. */
public final class SmolLm3Family implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("smollm3");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("smollm3", "smollm3", GgufKeys.tensor("blk.0.attn_q.bias", "attention_bias"), GgufKeys.tensor("blk.0.ffn_up.bias", "mlp_bias")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new SmolLm3(config);
  }

  private static final class SmolLm3 extends Llama {
    private final List<Boolean> positions;

    SmolLm3(ModelConfig config) {
      super(config, LlamaFamily.facts(LlamaFamily.classes("SmolLM3", true), LlamaFamily.BLOCKS, LlamaFamily.GGUF, List.of("q_proj", "k_proj")),
          new Biases(config.flag("attention_bias", false), config.flag("attention_bias", false), config.flag("mlp_bias", false)),
          SmolLm3Family::windows);
      positions = positions(config, layers);
    }

    @Override
    Optional<Rope> rope(int layer) {
      return positions.get(layer) ? super.rope(layer) : Optional.empty();
    }

    @Override
    boolean tied() {
      return config.flag("tie_word_embeddings", true);
    }

    @Override
    boolean alternates() {
      return true;
    }
  }

  /** Which layers have rotary positions: no_rope_layers, in which 1 means that they do; or all but each so many. */
  private static List<Boolean> positions(ModelConfig config, int layers) {
    List<Boolean> said = config.flags("no_rope_layers");
    int interval = config.size("no_rope_layer_interval", 4);
    if (!said.isEmpty() && said.size() != layers) {
      throw config.error("no_rope_layers names %d layers, but num_hidden_layers is %d".formatted(said.size(), layers));
    }
    return said.isEmpty() ? IntStream.range(0, layers).mapToObj(i -> (i + 1) % interval != 0).toList() : said;
  }

  private static List<Integer> windows(ModelConfig config, int layers) {
    List<Boolean> positions = positions(config, layers);
    boolean used = config.flag("use_sliding_window", false) && config.has("sliding_window");
    return Windows.byType(config, layers, i -> used && !positions.get(i));
  }
}
