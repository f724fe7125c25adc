package io.github.lora4j.models.bert;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The BERT encoder (Devlin et al. 2019), post-norm, as Hugging Face's {@code BertModel} names it; MiniLM, bge and e5 are BERTs, and
 * RoBERTa is one whose positions start higher.
 * Forward only: gradients are derived from the recording. Dropout of the base model is not applied, in training either: the
 * adapter has its own.
 *
 * @param prefix of all module names: "" for {@code BertModel}, "bert." inside {@code BertForSequenceClassification}
 */
public record BertEncoder(BertConfig config, String prefix) {

  /** The last hidden state of every token [tokens, hidden]. */
  public Value allRows(Sites sites, PackedInputs in) {
    Value x = embeddings(sites, in);
    for (int i = 0; i < config.layers(); i++) {
      x = layer(sites, in, i, x, false);
    }
    return x;
  }

  /**
   * The last hidden state of each sequence's first token [sequences, hidden]. The last layer computes queries, feed-forward and
   * norms for those rows alone.
   */
  public Value firstRows(Sites sites, PackedInputs in) {
    Value x = embeddings(sites, in);
    for (int i = 0; i < config.layers(); i++) {
      x = layer(sites, in, i, x, i == config.layers() - 1);
    }
    return x;
  }

  private Value embeddings(Sites sites, PackedInputs in) {
    return sites.graph().region("embeddings", () -> {
      String name = prefix + "embeddings.";
      int hidden = config.hiddenSize();
      Value x = sites.embedding(name + "word_embeddings", in.ids(), config.vocabSize(), hidden, Optional.empty());
      x = sites.embedding(name + "token_type_embeddings", in.types(), config.typeVocabSize(), hidden, Optional.of(x));
      x = sites.embedding(name + "position_embeddings", in.positions(), config.maxPositions(), hidden, Optional.of(x));
      return sites.layerNorm(name + "LayerNorm", x, config.layerNormEps());
    });
  }

  private Value layer(Sites sites, PackedInputs in, int index, Value x, boolean firstOnly) {
    return sites.graph().region("layer." + index, () -> {
      Graph graph = sites.graph();
      String name = prefix + "encoder.layer." + index + ".";
      int hidden = config.hiddenSize();
      int headDim = hidden / config.heads();
      Value rows = firstOnly ? graph.gather(x, in.first(), Optional.of(in.firstInverse()), Optional.empty()) : x;
      Value q = sites.linear(name + "attention.self.query", rows, hidden, true);
      Value k = sites.linear(name + "attention.self.key", x, hidden, true);
      Value v = sites.linear(name + "attention.self.value", x, hidden, true);
      AttentionSpec spec = new AttentionSpec(config.heads(), config.heads(), headDim, (float) (1 / Math.sqrt(headDim)), false);
      Value attended = sites.attention(name + "attention.self", spec, q, k, v, firstOnly ? in.firstSegments() : in.segments(),
          in.maxLength());
      Value y = graph.add(sites.blockOutput(name + "attention.output.dense", attended, hidden, true), rows);
      y = sites.layerNorm(name + "attention.output.LayerNorm", y, config.layerNormEps());
      Value up = graph.activate(config.activation(), sites.linear(name + "intermediate.dense", y, config.intermediateSize(), true));
      Value down = graph.add(sites.blockOutput(name + "output.dense", up, hidden, true), y);
      return sites.layerNorm(name + "output.LayerNorm", down, config.layerNormEps());
    });
  }

  /** The modules of the encoder in Hugging Face's order, without a pooler. */
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>();
    int hidden = config.hiddenSize();
    String e = prefix + "embeddings.";
    list.add(ModuleInfo.embedding(e + "word_embeddings", config.vocabSize(), hidden));
    list.add(ModuleInfo.embedding(e + "position_embeddings", config.maxPositions(), hidden));
    list.add(ModuleInfo.embedding(e + "token_type_embeddings", config.typeVocabSize(), hidden));
    list.add(ModuleInfo.layerNorm(e + "LayerNorm", hidden));
    list.add(ModuleInfo.other(e + "dropout", Kind.DROPOUT));
    for (int i = 0; i < config.layers(); i++) {
      String l = prefix + "encoder.layer." + i + ".";
      for (String projection : List.of("query", "key", "value")) {
        list.add(ModuleInfo.linear(l + "attention.self." + projection, hidden, hidden, true));
      }
      list.add(ModuleInfo.other(l + "attention.self.dropout", Kind.DROPOUT));
      list.add(ModuleInfo.linear(l + "attention.output.dense", hidden, hidden, true));
      list.add(ModuleInfo.layerNorm(l + "attention.output.LayerNorm", hidden));
      list.add(ModuleInfo.other(l + "attention.output.dropout", Kind.DROPOUT));
      list.add(ModuleInfo.linear(l + "intermediate.dense", hidden, config.intermediateSize(), true));
      list.add(ModuleInfo.other(l + "intermediate.intermediate_act_fn", Kind.ACTIVATION));
      list.add(ModuleInfo.linear(l + "output.dense", config.intermediateSize(), hidden, true));
      list.add(ModuleInfo.layerNorm(l + "output.LayerNorm", hidden));
      list.add(ModuleInfo.other(l + "output.dropout", Kind.DROPOUT));
    }
    return List.copyOf(list);
  }
}
