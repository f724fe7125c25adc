package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.MaskedLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Continued pre-training of encoders (Devlin et al. 2019): some tokens of a text are guessed from the others. Of those to be guessed 8 of 10 are
 * hidden behind the mask, one is another token, one is left as it is. What is hidden follows from the row's place in its file, so it is the same
 * in every epoch and on every machine; with several copies of a row each hides other tokens.
 *
 * @param maskedShare the share of a text's tokens that are guessed
 * @param copies of each row
 */
public record MaskedText(@Meaning(SHARE) double maskedShare, @Meaning(COPIES) int copies) implements TrainingTask {

  static final String SHARE = "The share of a text's tokens that are guessed, 0.15 in BERT.";
  static final String COPIES = "How often each row is taken, with other tokens to be guessed each time.";

  /** Of the tokens to be guessed. */
  private static final double HIDDEN = 0.8;
  private static final double REPLACED = 0.1;

  /** The defaults. */
  public MaskedText() {
    this(0.15, 1);
  }

  /** Checks the numbers. */
  public MaskedText {
    if (!(maskedShare > 0 && maskedShare <= 1)) {
      throw new ConfigException("masked_share must be more than 0 and at most 1, got %s".formatted(maskedShare));
    }
    if (copies < 1) {
      throw new ConfigException("copies must be at least 1, got %d".formatted(copies));
    }
  }

  @Override
  public String name() {
    return "masked_lm";
  }

  @Override
  public boolean typedRows() {
    return true;
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    return List.of();
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new MaskedLm(model.architecture());
  }

  @Override
  public Example example(Row row, RowReader reader) {
    List<Example> all = examples(row, reader);
    if (all.isEmpty()) {
      throw reader.wrong(row, "the text has no tokens");
    }
    return all.getFirst();
  }

  @Override
  public List<Example> examples(Row row, RowReader reader) {
    int mask = reader.texts().mask(reader.tokenizer()).orElseThrow(() -> new ConfigException(
        "task masked_lm: the model's tokenizer files name no mask_token, so nothing can stand for a token that is guessed"));
    if (Contents.weight(row) == 0) {
      return List.of();
    }
    if (!(Contents.of(row, reader) instanceof Content.Text content)) {
      throw Contents.wrong(row, reader, name(), "text");
    }
    Encoding encoding = reader.encode(content.text());
    int[] words = IntStream.range(0, encoding.length()).filter(t -> encoding.ends()[t] > 0).toArray();
    List<Example> examples = new ArrayList<>();
    for (int copy = 0; words.length > 0 && copy < copies; copy++) {
      // Rows one behind the other give random numbers that have nothing to do with each other.
      SplittableRandom random = new SplittableRandom((long) row.line() * copies + copy);
      examples.add(hidden(encoding, words, mask, reader.tokenizer().vocabSize(), random));
    }
    return examples;
  }

  private Example hidden(Encoding encoding, int[] words, int mask, int vocabulary, SplittableRandom random) {
    int[] ids = encoding.ids().clone();
    int[] labels = new int[ids.length];
    Arrays.fill(labels, Target.TokenLabels.IGNORED);
    int sure = words[random.nextInt(words.length)];
    boolean any = false;
    for (int t : words) {
      boolean guessed = random.nextDouble() < maskedShare;
      any |= guessed;
      if (guessed) {
        hide(t, ids, labels, mask, vocabulary, random);
      }
    }
    if (!any) {
      hide(sure, ids, labels, mask, vocabulary, random);
    }
    return Example.of(new Sequence(ids, encoding.typeIds(), encoding.truncated()), Target.TokenLabels.of(labels));
  }

  private static void hide(int token, int[] ids, int[] labels, int mask, int vocabulary, SplittableRandom random) {
    labels[token] = ids[token];
    double what = random.nextDouble();
    if (what < HIDDEN) {
      ids[token] = mask;
    } else if (what < HIDDEN + REPLACED) {
      ids[token] = random.nextInt(vocabulary);
    }
  }

  @Override
  public Map<String, Double> ofLoss(double loss) {
    return TextMetrics.perplexity(loss);
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return TextMetrics.accuracy(judged);
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    throw new ConfigException("task masked_lm has no labels to predict: lora4j eval measures it");
  }
}
