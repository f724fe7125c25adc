package io.github.lora4j.models.families;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.ConfigException;

/** Heads that decoders have in common: a layer over the vocabulary, and a score of whole sequences. */
final class Decoders {

  private Decoders() {}

  /** What is asked of a decoder lies in the last token, which alone has seen all; but of tokens in each. */
  static Rows rowsOf(Head head) {
    return head instanceof Head.None || head instanceof Head.TokenClassification ? Rows.ALL : Rows.LAST;
  }

  /** The output layer, whose weight is its own or the embedding. */
  static Architecture.Output output(boolean tied, String embedding, LossOp.Logits logits) {
    return new Architecture.Output("lm_head", tied ? embedding : "lm_head.weight", logits);
  }

  /** Logits of a model that says what its {@link Architecture#output} is. */
  static Value logits(Sites sites, Architecture model, Head head, Value rows) {
    return switch (head) {
      case Head.None none -> rows;
      case Head.LanguageModel of -> {
        Architecture.Output output = model.output().orElseThrow();
        yield sites.graph().logits(sites.linear(output.module(), output.weight(), rows, model.vocabSize(), false), output.logits());
      }
      case Head.SequenceClassification of -> sites.linear("score", rows, of.labels(), false);
      case Head.TokenClassification of -> {
        sites.module("dropout", Kind.DROPOUT);
        yield sites.linear("score", rows, of.labels(), true);
      }
      case Head.QuestionAnswering of -> throw none(model, head);
    };
  }

  /** The same of a model whose layer over the vocabulary has a bias. */
  static Value biasedLogits(Sites sites, Architecture model, Head head, Value rows, String weight) {
    return head instanceof Head.LanguageModel ? sites.linear("lm_head", weight, rows, model.vocabSize(), true) : logits(sites, model, head, rows);
  }

  private static ConfigException none(Architecture model, Head head) {
    return new ConfigException("model_type \"%s\" has no %s".formatted(model.modelType(), head.getClass().getSimpleName()));
  }
}
