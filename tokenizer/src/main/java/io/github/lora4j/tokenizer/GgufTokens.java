package io.github.lora4j.tokenizer;

import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.tokenizer.internal.GgufVocabularyKeys;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;

/** The tokenizer of a model on its way into a GGUF file. */
public final class GgufTokens {

  /** What tokenizers differ in. */
  private static final List<String> TEXTS = List.of("Hello world", " two  spaces   three", "It's 1234567 o'clock, we'll see\n\n\tTabs", "naïve café, Größe, 東京, привет",
      "x = foo(bar[0]); // comment\r\nnext", "🙂🙃 emoji", "ALLCAPS camelCase snake_case", "  leading", "trailing  ", "don't can't I'M YOU'RE", "a/b\\c.d,e;f:g!h?i",
      "3.14159 1,000,000 0x1F", "");
  private static final int DRAWN = 200;

  private GgufTokens() {}

  /**
   * The keys {@code tokenizer.ggml.*}: tokens, their types, scores or merges, special tokens.
   *
   * @param model a directory
   * @param rows of the embedding; tokens that the tokenizer lacks are filled up
   * @throws ConfigException when llama.cpp has no form for the tokenizer, with the reason
   */
  public static SequencedMap<String, GgufValue> of(Path model, int rows) {
    return GgufVocabularyKeys.of(model, rows);
  }

  /**
   * Refuses a file whose vocabulary cuts texts otherwise than the model's own tokenizer: common pitfalls, and texts drawn from the vocabulary.
   *
   * @param file the GGUF file that was made
   * @throws ConfigException naming a text with the tokens of both
   */
  public static void requireSame(Path model, Path file) {
    Tokenizer ours = Tokenizer.load(model);
    Tokenizer theirs = Tokenizer.load(file);
    List<String> texts = new ArrayList<>(TEXTS);
    Random random = new Random(1);
    for (int i = 0; i < DRAWN; i++) {
      int[] ids = new int[6];
      Arrays.setAll(ids, j -> random.nextInt(ours.vocabSize()));
      String text = ours.decode(ids, true);
      // What bytes did not make a character is no text that anyone writes.
      if (text.indexOf('\uFFFD') < 0) {
        texts.add(text);
      }
    }
    for (String text : texts) {
      int[] one = ours.encode(text, true).ids();
      int[] other = theirs.encode(text, true).ids();
      if (!Arrays.equals(one, other)) {
        throw new ConfigException(("%s: the vocabulary of a GGUF file cannot say this tokenizer: it cuts \"%s\" into %s instead of %s. Write safetensors "
            + "instead").formatted(model, text, Arrays.toString(other), Arrays.toString(one)));
      }
    }
  }
}
