package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** The pipeline of tokenizers: added tokens, normaliser, words and their pieces, template. */
final class PipelineTokenizer implements Tokenizer {

  private final Vocabulary vocabulary;
  private final BertNormalizer normalizer;
  private final TextModel model;
  private final Template template;
  private final Function<List<String>, String> decoder;
  private final AddedTokens inRawText;
  private final AddedTokens inNormalizedText;
  private final List<String> specialTokens;
  private final Set<Integer> specialIds = new HashSet<>();

  PipelineTokenizer(
      Vocabulary vocabulary, List<AddedTokens.Token> added, BertNormalizer normalizer, TextModel model, Template template,
      Function<List<String>, String> decoder) {
    this.vocabulary = vocabulary;
    this.normalizer = normalizer;
    this.model = model;
    this.template = template;
    this.decoder = decoder;
    this.inRawText = new AddedTokens(added.stream().filter(t -> !t.normalized()).toList(), BertNormalizer.none());
    this.inNormalizedText = new AddedTokens(added.stream().filter(AddedTokens.Token::normalized).toList(), normalizer);
    List<AddedTokens.Token> special = added.stream()
        .filter(AddedTokens.Token::special)
        .sorted(Comparator.comparingInt(AddedTokens.Token::id))
        .toList();
    this.specialTokens = special.stream().map(AddedTokens.Token::content).toList();
    special.forEach(token -> specialIds.add(token.id()));
  }

  @Override
  public Encoding encode(String text, int maxLength) {
    return template.apply(List.of(pieces(text)), maxLength);
  }

  @Override
  public Encoding encode(String first, String second, int maxLength) {
    return template.apply(List.of(pieces(first), pieces(second)), maxLength);
  }

  private Pieces pieces(String string) {
    Text raw = Text.of(string);
    Pieces out = new Pieces(string);
    inRawText.split(raw, 0, raw.length(), new AddedTokens.Sink() {
      @Override
      public void text(int from, int to) {
        normalized(normalizer.normalize(raw, from, to), out);
      }

      @Override
      public void token(AddedTokens.Token token, int from, int to) {
        out.add(token.id(), raw.start(from), raw.end(to - 1));
      }
    });
    return out;
  }

  private void normalized(Text text, Pieces out) {
    inNormalizedText.split(text, 0, text.length(), new AddedTokens.Sink() {
      @Override
      public void text(int from, int to) {
        model.encode(text, from, to, out);
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
  public String decode(int[] ids) {
    List<String> tokens = new ArrayList<>();
    for (int id : ids) {
      if (!specialIds.contains(id)) {
        tokens.add(token(id));
      }
    }
    return decoder.apply(tokens);
  }
}
