package io.github.lora4j.models.families;

import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Versions 2 and 3: three layers for queries, keys and values, which may serve distances, too; distances in buckets; in version 2 a convolution
 * beside the first layer.
 */
final class DebertaSecond extends Deberta {

  private final boolean shared;
  private final boolean normed;
  private final int buckets;
  private final int most;
  private final int taps;

  DebertaSecond(ModelConfig config, FamilyFacts facts) {
    super(config, facts);
    shared = config.flag("share_att_key", false);
    normed = Arrays.stream(config.text("norm_rel_ebd", "none").toLowerCase(Locale.ROOT).split("\\|")).map(String::strip)
        .anyMatch("layer_norm"::equals);
    buckets = span("position_buckets", 0);
    most = span("max_relative_positions", config.size("max_position_embeddings"));
    taps = Math.max(0, config.whole("conv_kernel_size", 0));
    if (config.size("attention_head_size", headSize()) != headSize()) {
      throw config.error("attention_head_size %d times num_attention_heads %d is not hidden_size %d".formatted(config.size("attention_head_size"),
          heads(), hiddenSize()));
    }
    if (buckets == 1) {
      throw config.error("position_buckets 1 leaves no bucket for distances: at least 2 are needed");
    }
    if (taps > 0 && taps % 2 == 0) {
      throw config.error("conv_kernel_size %d is even, so that the convolution has fewer results than tokens".formatted(taps));
    }
  }

  @Override
  Distances distances() {
    return new Distances(config(), buckets, most, buckets > 0 ? buckets : most);
  }

  @Override
  Value normed(Sites encoder, Value distances) {
    return normed ? encoder.layerNorm("LayerNorm", distances, eps()) : distances;
  }

  @Override
  List<Value> projected(Sites self, PackedInputs in, Value x, Rows wanted) {
    Value rows = in.choose(self.graph(), wanted, x);
    return List.of(self.linear("query_proj", rows, hiddenSize(), true), self.linear("key_proj", x, hiddenSize(), true),
        self.linear("value_proj", x, hiddenSize(), true));
  }

  @Override
  Value keysOf(Sites self, Value distances) {
    return self.linear(shared ? "key_proj" : "pos_key_proj", distances, hiddenSize(), true);
  }

  @Override
  Value queriesOf(Sites self, Value distances) {
    return self.linear(shared ? "query_proj" : "pos_query_proj", distances, hiddenSize(), true);
  }

  @Override
  int summands() {
    return 1 + (int) Stream.of("c2p", "p2c").filter(kinds()::contains).count();
  }

  @Override
  Value afterFirst(Sites encoder, PackedInputs in, Value embedded, Value x, Rows wanted) {
    if (taps == 0) {
      return x;
    }
    Graph graph = encoder.graph();
    Sites conv = encoder.within("conv.");
    Convolution over = new Convolution(hiddenSize(), List.of(taps), List.of(1), List.of(taps / 2), List.of(1), config().size("conv_groups", 1));
    PackedInputs.Around around = in.around(taps);
    return graph.region("convolution", () -> {
      Value seen = conv.convolution("conv", over, embedded, around.indices(), around.inverse(), hiddenSize(), true);
      Value chosen = in.choose(graph, wanted, graph.activate(config().activation("conv_act", "tanh"), seen));
      Value y = conv.layerNorm("LayerNorm", graph.add(chosen, x), eps());
      conv.module("dropout", Kind.DROPOUT);
      return y;
    });
  }
}
