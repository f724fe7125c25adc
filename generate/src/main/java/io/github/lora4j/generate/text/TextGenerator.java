package io.github.lora4j.generate.text;

import io.github.lora4j.generate.BeamSearch;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.StreamingDecoder;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/** A {@link Generator} with its tokenizer. Tokens that the tokenizer does not have are never generated. */
public final class TextGenerator {

  private final Generator generator;
  private final Tokenizer tokenizer;
  private final Path model;
  private final int bos;
  /** The token that a text made from another begins with; −1 where nothing says it. */
  private final int start;
  private final List<Integer> unknown;

  /**
   * Of a model's directory, which tells what its files are called in errors, and the token that texts begin with.
   *
   * @param generator closed by the caller
   */
  public TextGenerator(Generator generator, Tokenizer tokenizer, ModelDirectory model) {
    this.generator = generator;
    this.tokenizer = tokenizer;
    this.model = model.path();
    bos = model.config().whole("bos_token_id", -1);
    start = start(model).orElse(-1);
    unknown = new ArrayList<>();
    for (int id = 0; id < generator.model().architecture().vocabSize(); id++) {
      if (!known(tokenizer, id)) {
        unknown.add(id);
      }
    }
  }

  /** As transformers looks for it. */
  private static OptionalInt start(ModelDirectory model) {
    if (GenerationSettings.ofModel(model.path()).get("decoder_start_token_id") instanceof Integer id) {
      return OptionalInt.of(id);
    }
    OptionalInt own = model.architecture().decoderStart();
    return own.isEmpty() && model.config().has("bos_token_id") ? OptionalInt.of(model.config().whole("bos_token_id", 0)) : own;
  }

  private static boolean known(Tokenizer tokenizer, int id) {
    if (id >= tokenizer.vocabSize()) {
      return false;
    }
    try {
      tokenizer.token(id);
      return true;
    } catch (ConfigException e) {
      // The one way to ask; a vocabulary has few gaps.
      return false;
    }
  }

  /** What runs the model. */
  public Generator generator() {
    return generator;
  }

  /** What makes tokens. */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** Whether the model makes a text from another one, and does not continue it. */
  public boolean readsSource() {
    return generator.model().architecture().readsSource();
  }

  /**
   * A request for a text to be continued, or for one that is made from it.
   *
   * @param text with special tokens put around it as the tokenizer does; an empty one to be continued is the beginning-of-text token alone
   * @throws ConfigException when the text is empty and the model has no such token
   * @throws FormatException when a token has no embedding
   */
  public Request request(String text, GenerationConfig config, String adapter) {
    return request(tokenizer.encode(text).ids(), config, adapter);
  }

  /** A request for tokens; none to be continued: the beginning-of-text token. */
  public Request request(int[] ids, GenerationConfig config, String adapter) {
    int[] prompt = ids;
    if (readsSource()) {
      requireRows(ids);
      if (start < 0) {
        throw new ConfigException("%s does not say which token a text made from another begins with (decoder_start_token_id)".formatted(
            model.resolve("config.json")));
      }
      return new Request(List.of(start), config, adapter, unknown).from(ids);
    }
    if (prompt.length == 0) {
      if (bos < 0) {
        throw new ConfigException("the prompt is empty, and %s has no bos_token_id to begin a text with; give a prompt".formatted(
            model.resolve("config.json")));
      }
      prompt = new int[] {bos};
    }
    requireRows(prompt);
    return new Request(Arrays.stream(prompt).boxed().toList(), config, adapter, unknown);
  }

  private void requireRows(int... ids) {
    int rows = generator.model().architecture().vocabSize();
    Arrays.stream(ids).filter(id -> id >= rows).findFirst().ifPresent(id -> {
      throw new FormatException(("%s: the tokenizer's token \"%s\" has the id %d, but config.json gives the embedding %d rows (vocab_size); the "
          + "tokenizer files belong to another model, or tokens were added and the embedding not resized").formatted(model, tokenizer.token(id), id,
              rows));
    });
  }

  /** Continues the texts of requests, as many at a time as there is room for; in their order. Beams are searched one request after another. */
  public List<Completion> complete(List<Request> requests, TextListener listener) {
    if (requests.stream().anyMatch(request -> request.config().beams().beams() > 1)) {
      return requests.stream().map(request -> request.config().beams().beams() > 1 ? searched(request, listener)
          : complete(List.of(request), listener).getFirst()).toList();
    }
    Map<Sequence, TextStream> streams = new HashMap<>();
    List<Sequence> sequences = generator.run(requests, (sequence, token) ->
        streams.computeIfAbsent(sequence, s -> new TextStream(s, tokenizer, listener, true)).token(token));
    List<Completion> completions = new ArrayList<>();
    for (Sequence sequence : sequences) {
      completions.add(Objects.requireNonNull(streams.get(sequence), "every sequence gets a token").completion());
    }
    return completions;
  }

  private Completion searched(Request request, TextListener listener) {
    Sequence best = BeamSearch.best(generator, request);
    TextStream stream = new TextStream(best, tokenizer, listener, true);
    Arrays.stream(best.generated()).forEach(stream::token);
    return stream.completion();
  }

  /** What tokens say behind a request's text. */
  public String continuation(Request request, int[] answer) {
    StreamingDecoder decoder = tokenizer.streaming();
    request.prompt().forEach(decoder::next);
    StringBuilder text = new StringBuilder();
    Arrays.stream(answer).forEach(id -> text.append(decoder.next(id)));
    return text.append(decoder.finish()).toString();
  }

  /** Answers one sequence of the generator, with a text of its own; it stays. Others that are there go on, too, unheard. */
  public Completion complete(Sequence sequence, TextListener listener) {
    TextStream stream = new TextStream(sequence, tokenizer, listener, false);
    while (sequence.finished().isEmpty()) {
      generator.step((of, token) -> {
        if (of.equals(sequence)) {
          stream.token(token);
        }
      });
    }
    return stream.completion();
  }
}
