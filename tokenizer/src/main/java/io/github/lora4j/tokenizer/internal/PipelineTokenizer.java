package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.StreamingDecoder;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.Decoder;
import io.github.lora4j.tokenizer.internal.model.Model;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.Normalizer;
import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.words.Words;
import io.github.lora4j.vector.ConfigException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/** The pipeline of tokenizers: added tokens, normaliser, words and their pieces, template. */
final class PipelineTokenizer implements Tokenizer {

  private final Vocabulary vocabulary;
  private final Parts parts;
  private final AddedTokens inRawText;
  private final AddedTokens inNormalizedText;
  private final List<String> specialTokens;
  private final Set<Integer> specialIds = new HashSet<>();
  /** Added tokens as they stand in normalised text, where that is not as they are written. */
  private final Map<Integer, String> normalized = new HashMap<>();

  /** The steps: what is done to texts, how they are cut, into which tokens, what is put around, and how tokens become text. */
  record Parts(Normalizer normalizer, Words words, Model model, Template template, Decoder decoder) {}

  PipelineTokenizer(Vocabulary vocabulary, List<AddedTokens.Token> added, Parts parts) {
    this.vocabulary = vocabulary;
    this.parts = parts;
    this.inRawText = new AddedTokens(added.stream().filter(t -> !t.normalized()).toList(), Normalizer.none());
    this.inNormalizedText = new AddedTokens(added.stream().filter(AddedTokens.Token::normalized).toList(), parts.normalizer);
    added.stream().filter(AddedTokens.Token::normalized).forEach(token -> {
      String as = parts.normalizer.normalize(Text.of(token.content())).toString();
      if (!as.equals(token.content())) {
        normalized.put(token.id(), as);
      }
    });
    List<AddedTokens.Token> special = added.stream()
        .filter(AddedTokens.Token::special)
        .sorted(Comparator.comparingInt(AddedTokens.Token::id))
        .toList();
    this.specialTokens = special.stream().map(AddedTokens.Token::content).toList();
    special.forEach(token -> specialIds.add(token.id()));
  }

  @Override
  public Encoding encode(String text, int maxLength) {
    return parts.template.apply(List.of(pieces(text, true)), maxLength);
  }

  @Override
  public Encoding encode(String text, boolean addSpecialTokens) {
    return (addSpecialTokens ? parts.template : parts.template.withoutSpecial()).apply(List.of(pieces(text, true)), Integer.MAX_VALUE);
  }

  @Override
  public Encoding encodePlain(String text) {
    return parts.template.withoutSpecial().apply(List.of(pieces(text, false)), Integer.MAX_VALUE);
  }

  @Override
  public Encoding encode(String first, String second, int maxLength) {
    return parts.template.apply(List.of(pieces(first, true), pieces(second, true)), maxLength);
  }

  private Pieces pieces(String string, boolean special) {
    Text raw = Text.of(string);
    Pieces out = new Pieces(string);
    inRawText.split(raw, 0, raw.length(), special, new AddedTokens.Sink() {
      @Override
      public void text(int from, int to) {
        pieces(parts.normalizer.normalize(raw.part(from, to)), special, out);
      }

      @Override
      public void token(AddedTokens.Token token, int from, int to) {
        out.add(token.id(), raw.start(from), raw.end(to - 1));
      }
    });
    return out;
  }

  private void pieces(Text text, boolean special, Pieces out) {
    inNormalizedText.split(text, 0, text.length(), special, new AddedTokens.Sink() {
      @Override
      public void text(int from, int to) {
        parts.words.cut(text, from, to, (t, f, e) -> parts.model.encode(t, f, e, out));
      }

      @Override
      public void token(AddedTokens.Token token, int from, int to) {
        out.add(token.id(), text.start(from), text.end(to - 1));
      }
    });
  }

  @Override
  public int vocabSize() {
    return vocabulary.size();
  }

  @Override
  public int id(String token) {
    return vocabulary.id(token).orElseThrow(() -> new ConfigException("token " + token + " is not in the vocabulary"));
  }

  @Override
  public String token(int id) {
    return vocabulary.token(id).orElseThrow(
        () -> new ConfigException("token id " + id + " is outside the vocabulary of " + vocabulary.size()));
  }

  @Override
  public List<String> specialTokens() {
    return specialTokens;
  }

  @Override
  public OptionalInt find(String token) {
    return vocabulary.id(token);
  }

  @Override
  public String decode(int[] ids, boolean skipSpecialTokens) {
    Streaming streaming = new Streaming(skipSpecialTokens);
    for (int id : ids) {
      streaming.take(id);
    }
    return streaming.finish();
  }

  @Override
  public StreamingDecoder streaming(boolean skipSpecialTokens) {
    return new Streaming(skipSpecialTokens);
  }

  /** The decoder's steps, and behind them the text that they have given. */
  private final class Streaming implements StreamingDecoder, Decoder.Stage {
    private final boolean skipSpecialTokens;
    private final StringBuilder text = new StringBuilder();
    private final Decoder.Stage first;
    private boolean finished;

    Streaming(boolean skipSpecialTokens) {
      this.skipSpecialTokens = skipSpecialTokens;
      this.first = parts.decoder.start(this);
    }

    private void take(int id) {
      if (finished) {
        throw new IllegalStateException("finish() was called: a new text needs a new decoder");
      }
      String token = token(id);
      if (!skipSpecialTokens || !specialIds.contains(id)) {
        first.text(normalized.getOrDefault(id, token));
        first.end();
      }
    }

    private String given() {
      String given = text.toString();
      text.setLength(0);
      return given;
    }

    @Override
    public String next(int id) {
      take(id);
      return given();
    }

    @Override
    public String finish() {
      if (!finished) {
        finished = true;
        first.done();
      }
      return given();
    }

    @Override
    public void text(String part) {
      text.append(part);
    }

    @Override
    public void end() {
      // Tokens stand one behind another.
    }

    @Override
    public void done() {
      // The text is there.
    }
  }
}
