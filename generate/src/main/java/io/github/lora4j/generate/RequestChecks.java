package io.github.lora4j.generate;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Whether a model can answer a request.
 *
 * @param maxLength tokens of a sequence, or of a source
 */
record RequestChecks(Architecture model, int maxLength) {

  void of(Request request) {
    int length = request.prompt().size();
    if (length == 0) {
      throw new ConfigException("the prompt is empty; a model needs a token to continue, its beginning-of-text token if it has one");
    }
    if (length >= maxLength) {
      throw new ConfigException(("the prompt has %,d tokens, and a sequence may have %,d (the model has positions for %,d); shorten it, or open the "
          + "generator for longer sequences")
          .formatted(length, maxLength, model.maxPositions()));
    }
    if (request.config().length().limit(length) <= length) {
      throw new ConfigException("max_length is %d, but the prompt has %d tokens already; raise it, or give max_new_tokens"
          .formatted(request.config().length().limit(length), length));
    }
    checkIds(request.prompt(), "prompt");
    checkSource(request.source());
    if (request.config().beams().beams() > 1) {
      throw new ConfigException("num_beams %d: a sequence is one continuation; use BeamSearch".formatted(request.config().beams().beams()));
    }
  }

  private void checkIds(List<Integer> ids, String what) {
    int vocabulary = model.vocabSize();
    IntStream.range(0, ids.size()).filter(i -> ids.get(i) < 0 || ids.get(i) >= vocabulary).findFirst().ifPresent(i -> {
      throw new ConfigException(("token %d of the %s has the id %d, but the model's embedding has the rows 0 to %d; the tokenizer belongs to "
          + "another model, or tokens were added and the embedding not resized")
          .formatted(i, what, ids.get(i), vocabulary - 1));
    });
  }

  private void checkSource(List<Integer> source) {
    boolean reads = model.readsSource();
    if (reads == source.isEmpty()) {
      throw new ConfigException(reads ? "model_type \"%s\" makes a text from a source, and the request has none: an empty text has its end token at least"
          .formatted(model.modelType())
          : "model_type \"%s\" continues texts and reads no source beside them".formatted(model.modelType()));
    }
    if (source.size() > maxLength) {
      throw new ConfigException("the source has %,d tokens, and one may have %,d (the model has positions for %,d); shorten it, or open the generator for "
          .formatted(source.size(), maxLength, model.maxPositions()) + "longer sequences");
    }
    checkIds(source, "source");
  }
}
