package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceToSequence;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.rows.Turns;
import io.github.lora4j.train.tasks.AnsweringTask;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Texts that are made from others: translations, summaries, answers. The encoder reads the source; the decoder learns every token of the target and
 * its end, each from those before it, behind the model's start token.
 *
 * @param sourcePrefix put before every source, as the original T5 was told its tasks
 * @param maxTargetLength tokens of a target at most; 0: as many as of a source
 * @param longRows what becomes of rows whose source or target is longer
 */
public record TextFromSource(
    @Meaning("Put before every source, as \"summarize: \" for the original T5.") String sourcePrefix,
    @Meaning("Tokens of a target at most, its end included; 0: data.max_length, which is of sources.") int maxTargetLength,
    @Meaning("What becomes of rows whose source or target is longer than that: truncate or drop.") String longRows) implements AnsweringTask {

  /** The defaults. */
  public TextFromSource() {
    this("", 0, "truncate");
  }

  /** Checks the settings. */
  public TextFromSource {
    if (LongRows.named(longRows) == LongRows.SPLIT) {
      throw new ConfigException("long_rows: split leaves parts of a source without a target of their own; task seq2seq truncates or drops");
    }
    if (maxTargetLength < 0 || maxTargetLength == 1) {
      throw new ConfigException("max_target_length must be 0, or at least 2: a token and the end token; got %d".formatted(maxTargetLength));
    }
  }

  @Override
  public String name() {
    return "seq2seq";
  }

  @Override
  public boolean typedRows() {
    return true;
  }

  @Override
  public boolean writes() {
    return true;
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    return List.of();
  }

  @Override
  public TrainingTask settled(ModelDirectory model) {
    int positions = model.architecture().maxPositions();
    if (maxTargetLength > positions) {
      throw new ConfigException("max_target_length is %d but the model has positions for %d tokens".formatted(maxTargetLength, positions));
    }
    return this;
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    if (!model.architecture().readsSource()) {
      throw new ConfigException(("task seq2seq is for models that read a source and make a text from it; model_type \"%s\" continues texts, for which tasks "
          + "chat and causal_lm are").formatted(model.modelType()));
    }
    return new SequenceToSequence(model.architecture());
  }

  @Override
  public Example example(Row row, RowReader reader) {
    return Contents.only(examples(row, reader), row, reader);
  }

  @Override
  public List<Example> examples(Row row, RowReader reader) {
    float weight = Contents.weight(row);
    if (weight == 0) {
      return List.of();
    }
    Content.Answer pair = pair(row, reader);
    Sequence source = reader.sequence(sourcePrefix + text(pair.prompt(), "source", row, reader));
    Sequence target = target(text(pair.answer(), "target", row, reader), row, reader);
    if ((source.cut() || target.cut()) && LongRows.named(longRows) == LongRows.DROP) {
      return List.of();
    }
    int[] shifted = new int[target.length()];
    System.arraycopy(target.ids(), 0, shifted, 1, shifted.length - 1);
    shifted[0] = reader.texts().decoderStart();
    boolean[] all = new boolean[shifted.length];
    Arrays.fill(all, true);
    return List.of(new Example(List.of(new Sequence(shifted, new int[shifted.length], target.cut())), labels(target.ids(), all, weight),
        List.of(source)));
  }

  private static Target labels(int[] ids, boolean[] all, float weight) {
    if (weight == 1) {
      return new Target.TokenLabels(ids, all);
    }
    float[] weights = new float[ids.length];
    Arrays.fill(weights, weight);
    return new Target.TokenLabels(ids, all, weights, new int[0]);
  }

  /** A target as the tokenizer writes texts, with its end token, which one that is cut keeps. */
  private Sequence target(String text, Row row, RowReader reader) {
    int limit = maxTargetLength > 0 ? maxTargetLength : reader.maxLength();
    OptionalInt end = reader.texts().end(reader.tokenizer());
    if (end.isEmpty()) {
      throw reader.wrong(row, "nothing says which token ends a text: neither eos_token in tokenizer_config.json nor eos_token_id in config.json");
    }
    Sequence whole = Sequence.of(reader.tokenizer().encode(text, limit));
    if (whole.length() > 0 && whole.ids()[whole.length() - 1] == end.getAsInt()) {
      return whole;
    }
    boolean cut = whole.cut() || whole.length() == limit;
    int[] ended = Arrays.copyOf(whole.ids(), Math.min(limit, whole.length() + 1));
    ended[ended.length - 1] = end.getAsInt();
    return new Sequence(ended, new int[ended.length], cut);
  }

  private Content.Answer pair(Row row, RowReader reader) {
    if (Contents.of(row, reader) instanceof Content.Answer answer) {
      return answer;
    }
    throw reader.wrong(row, ("task seq2seq learns from pairs (source and target, prompt and completion, input and output, document and summary), but these "
        + "rows are %s; name the columns by data.columns: [source=COLUMN, target=COLUMN]").formatted(row.typed().map(typed -> typed.format().words())
            .orElse("text")));
  }

  private static String text(Turns turns, String what, Row row, RowReader reader) {
    String text = switch (turns) {
      case Turns.Plain plain -> plain.text();
      case Turns.Messages messages -> throw reader.wrong(row, "the %s is messages; task seq2seq learns from texts".formatted(what));
    };
    if (text.isBlank()) {
      throw reader.wrong(row, "the %s is empty".formatted(what));
    }
    return text;
  }

  /** The source, whole; of rows that are not of the task's data their text. */
  @Override
  public Question question(Row row, RowReader reader) {
    if (row.typed().isEmpty()) {
      return asked(row.text(), "", row, reader);
    }
    Content.Answer pair = pair(row, reader);
    return asked(text(pair.prompt(), "source", row, reader), text(pair.answer(), "target", row, reader), row, reader);
  }

  private Question asked(String source, String target, Row row, RowReader reader) {
    return new Question("%s, line %d".formatted(reader.file(), row.line()), Arrays.stream(reader.tokenizer().encode(sourcePrefix + source).ids()).boxed()
        .toList(), source, target);
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
    return TextMetrics.none(name());
  }
}
