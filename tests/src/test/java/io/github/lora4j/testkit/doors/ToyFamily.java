package io.github.lora4j.testkit.doors;

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
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A bag of embeddings: each token's embedding through one linear layer, a sequence is the mean of its tokens. No attention, no positions. */
public final class ToyFamily implements ModelFamily {

  private static final FamilyFacts FACTS = new FamilyFacts("toy.", Map.of(Head.None.class, "ToyModel",
      Head.SequenceClassification.class, "ToyForSequenceClassification", Head.TokenClassification.class, "ToyForTokenClassification"),
      new FamilyFacts.AdapterPlaces(List.of("mix"), List.of("mix"), List.of("mix"), List.of("mix"), List.of("mix")), FamilyFacts.FileNames.PLAIN);

  @Override
  public Set<String> modelTypes() {
    return Set.of("toy-bag");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Toy(config, config.size("vocab_size"), config.size("width"), config.size("max_tokens", 64), config.activation("act", "relu"));
  }

  private record Toy(ModelConfig config, int vocabSize, int hiddenSize, int maxPositions, Activation activation) implements Architecture {

    @Override
    public FamilyFacts facts() {
      return FACTS;
    }

    @Override
    public Rows rowsOf(Head head) {
      return head instanceof Head.SequenceClassification ? Rows.FIRST : Rows.ALL;
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Value words = sites.graph().region("embeddings",
          () -> sites.embedding("words", in.ids(), vocabSize, hiddenSize));
      return sites.graph().region("layer.0", () -> {
        Value mixed = sites.graph().activate(activation, sites.blockOutput("mix", words, hiddenSize, true));
        // What is asked of a whole sequence lies in the mean of its tokens.
        return rows == Rows.ALL ? mixed : sites.graph().rangeMean(mixed, in.ranges());
      });
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return switch (head) {
        case Head.SequenceClassification of -> sites.linear("classifier", rows, of.labels(), true);
        case Head.TokenClassification of -> sites.linear("tagger", rows, of.labels(), true);
        default -> throw new ConfigException("a bag of embeddings has no " + head);
      };
    }
  }
}
