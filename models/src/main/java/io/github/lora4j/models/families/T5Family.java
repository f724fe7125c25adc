package io.github.lora4j.models.families;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** T5 and Flan-T5 (Raffel et al. 2020): an encoder and a decoder whose scores have a bias by distance, and no factor. */
public final class T5Family implements ModelFamily {

  private static FamilyFacts placed(List<String> adaLora) {
    return new FamilyFacts("", Map.of(Head.None.class, "T5Model", Head.LanguageModel.class, "T5ForConditionalGeneration"),
        new FamilyFacts.AdapterPlaces(List.of("q", "v"), adaLora, List.of("k", "v", "wo"), List.of("wo"),
            List.of("SelfAttention.o", "DenseReluDense.wo")), FamilyFacts.FileNames.PLAIN);
  }

  @Override
  public Set<String> modelTypes() {
    return Set.of("t5");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new T5(config);
  }

  private static final class T5 implements Architecture {
    private final ModelConfig config;
    private final int hidden;
    private final int heads;
    private final int headSize;
    private final int inner;
    private final boolean gated;
    private final Activation activation;
    private final double eps;

    T5(ModelConfig config) {
      this.config = config;
      hidden = config.size("d_model");
      heads = config.size("num_heads");
      headSize = config.size("d_kv", 64);
      inner = config.size("d_ff");
      eps = config.positive("layer_norm_epsilon", 1e-6);
      String projection = config.text("feed_forward_proj", "relu");
      gated = projection.startsWith("gated-");
      activation = switch (projection) {
        case "relu", "gated-relu" -> Activation.RELU;
        case "gelu" -> Activation.GELU;
        // The published gated models were made with this one and say "gelu".
        case "gated-gelu" -> Activation.GELU_TANH;
        case "gated-silu" -> Activation.SILU;
        default -> throw config.error("feed_forward_proj \"%s\" is not supported; relu, gelu, gated-relu, gated-gelu and gated-silu are"
            .formatted(projection));
      };
      RelativePositions.check(config, buckets(), distance());
    }

    private int buckets() {
      return config.size("relative_attention_num_buckets", 32);
    }

    private int distance() {
      return config.size("relative_attention_max_distance", 128);
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      PackedInputs.Source source = in.source();
      Value memory = graph.region("embeddings", () -> sites.embedding("shared", source.ids(), vocabSize(), hidden));
      Sites encoder = sites.within("encoder.");
      Value near = graph.region("encoder.bias", () -> bias(encoder, in.maxLength(), true));
      for (int i = 0; i < config.size("num_layers"); i++) {
        Value before = memory;
        Sites block = encoder.within("block." + i + ".");
        memory = graph.region("layer.encoder." + i, () -> {
          Value normed = block.rmsNorm("layer.0.layer_norm", before, eps);
          Value y = graph.add(self(block, normed, normed, near, source.segments(), in.maxLength(), false), before);
          return feedForward(block.within("layer.1."), y);
        });
      }
      Value encoded = memory;
      Value seen = graph.region("encoder.norm", () -> encoder.rmsNorm("final_layer_norm", encoded, eps));
      encoder.module("dropout", Kind.DROPOUT);
      return decoded(sites, in, rows, seen);
    }

    private Value decoded(Sites sites, PackedInputs in, Rows rows, Value memory) {
      Graph graph = sites.graph();
      Sites decoder = sites.within("decoder.");
      Value x = graph.region("embeddings", () -> sites.embedding("shared", in.ids(), vocabSize(), hidden));
      Value near = graph.region("decoder.bias", () -> bias(decoder, in.maxLength(), false));
      int layers = config.size("num_decoder_layers", config.size("num_layers"));
      for (int i = 0; i < layers; i++) {
        Value before = x;
        Sites block = decoder.within("block." + i + ".");
        Rows wanted = i == layers - 1 ? rows : Rows.ALL;
        x = graph.region("layer.decoder." + i, () -> {
          Value normed = block.rmsNorm("layer.0.layer_norm", before, eps);
          Value y = graph.add(self(block, in.choose(graph, wanted, normed), normed, near, in.segments(wanted), in.maxLength(), true),
              in.choose(graph, wanted, before));
          Value again = block.rmsNorm("layer.1.layer_norm", y, eps);
          block.module("layer.1.dropout", Kind.DROPOUT);
          Value crossed = attention(block.within("layer.1."), "EncDecAttention", List.of(again, memory), List.of(),
              in.source().cross(wanted), in.maxLength(), false);
          return feedForward(block.within("layer.2."), graph.add(crossed, y));
        });
      }
      Value last = x;
      Value normed = graph.region("norm", () -> decoder.rmsNorm("final_layer_norm", last, eps));
      decoder.module("dropout", Kind.DROPOUT);
      return normed;
    }

    private Value self(Sites block, Value queries, Value keys, Value bias, Value segments, int maxLength, boolean causal) {
      block.module("layer.0.dropout", Kind.DROPOUT);
      return attention(block.within("layer.0."), "SelfAttention", List.of(queries, keys), List.of(bias), segments, maxLength, causal);
    }

    /** Attention of the first rows to the second, with a bias of its scores or none. */
    private Value attention(Sites layer, String module, List<Value> rows, List<Value> bias, Value segments, int maxLength, boolean causal) {
      Sites sites = layer.within(module + ".");
      layer.order(module);
      sites.order("q", "k", "v", "o");
      int width = heads * headSize;
      Value q = sites.linear("q", rows.getFirst(), width, false);
      Value k = sites.linear("k", rows.get(1), width, false);
      Value v = sites.linear("v", rows.get(1), width, false);
      AttentionSpec spec = new AttentionSpec(heads, heads, headSize, 1, causal);
      Value y = bias.isEmpty() ? layer.attention(module, spec, q, k, v, segments, maxLength)
          : layer.attention(module, spec, List.of(q, k, v), AttentionOp.Distances.of(bias.getFirst()), segments, maxLength);
      return sites.blockOutput("o", y, hidden, false);
    }

    private Value feedForward(Sites sites, Value x) {
      Graph graph = sites.graph();
      Value normed = sites.rmsNorm("layer_norm", x, eps);
      sites.order("DenseReluDense");
      Sites dense = sites.within("DenseReluDense.");
      Value up = graph.activate(activation, dense.linear(gated ? "wi_0" : "wi", normed, inner, false));
      Value down = dense.blockOutput("wo", gated ? graph.multiply(up, dense.linear("wi_1", normed, inner, false)) : up, hidden, false);
      dense.module("dropout", Kind.DROPOUT);
      dense.module("act", Kind.ACTIVATION);
      sites.module("dropout", Kind.DROPOUT);
      return graph.add(down, x);
    }

    /** The bias that all layers of a stack share, which the first holds. */
    private Value bias(Sites stack, int length, boolean bothWays) {
      return new RelativePositions(buckets(), distance(), bothWays).bias(stack, "block.0.layer.0.SelfAttention.relative_attention_bias", length, heads);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return Decoders.logits(sites, this, head, rows);
    }

    /** Where the embedding is the output layer too, logits are divided by √hidden. */
    @Override
    public Optional<Output> output() {
      boolean tied = config.flag("tie_word_embeddings", true);
      return Optional.of(Decoders.output(tied, "shared.weight", new LossOp.Logits(tied ? Math.pow(hidden, -0.5) : 1, 0)));
    }

    @Override
    public Rows rowsOf(Head head) {
      return Decoders.rowsOf(head);
    }

    @Override
    public boolean readsSource() {
      return true;
    }

    @Override
    public ModelConfig config() {
      return config;
    }

    @Override
    public FamilyFacts facts() {
      // PEFT's table says wi, which gated models do not have.
      return placed(gated ? List.of("q", "k", "v", "o", "wo") : List.of("q", "k", "v", "o", "wi", "wo"));
    }

    @Override
    public int hiddenSize() {
      return hidden;
    }

    /** As long as texts were in training; distances beyond the greatest are all alike, so that there is no bound. */
    @Override
    public int maxPositions() {
      return config.size("n_positions", 512);
    }

    @Override
    public double initializerRange() {
      return config.positive("initializer_factor", 1);
    }
  }
}
