package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.tasks.AnsweringTask;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.Prediction;
import java.util.List;
import java.util.Map;

/**
 * Continued pre-training: every token of a text is predicted from those before it, and its end as well.
 *
 * @param longRows what becomes of texts that are longer than data.max_length
 * @param tokenLoss nll, or dft
 */
public record CausalText(@Meaning(LONG_ROWS) String longRows, @Meaning(TOKEN_LOSS) String tokenLoss) implements AnsweringTask {

  static final String LONG_ROWS = "What becomes of texts longer than data.max_length: truncate, drop, or split into several examples.";
  static final String TOKEN_LOSS = "nll is cross-entropy; dft multiplies it by the token's probability, for data that the model should not follow "
      + "too far.";

  /** Tokens of a text that are given to be continued, at most. */
  private static final int PROMPT_TOKENS = 32;

  /** The defaults. */
  public CausalText() {
    this("truncate", "nll");
  }

  /** Checks the names. */
  public CausalText {
    LongRows.named(longRows);
    loss(tokenLoss);
  }

  static CausalLm.TokenLoss loss(String name) {
    return switch (name) {
      case "nll" -> CausalLm.TokenLoss.NLL;
      case "dft" -> CausalLm.TokenLoss.DFT;
      default -> throw new io.github.lora4j.vector.ConfigException("token_loss must be nll or dft, got \"%s\"".formatted(name));
    };
  }

  @Override
  public String name() {
    return "causal_lm";
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
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new CausalLm(model.architecture(), loss(tokenLoss));
  }

  @Override
  public Example example(Row row, RowReader reader) {
    return Contents.only(examples(row, reader), row, reader);
  }

  @Override
  public List<Example> examples(Row row, RowReader reader) {
    Content content = Contents.of(row, reader);
    if (!(content instanceof Content.Text text)) {
      throw Contents.wrong(row, reader, name(), "text");
    }
    return Writing.PLAIN.text(text.text(), "", true, row, reader).examples(LongRows.named(longRows), reader.maxLength());
  }

  /** The whole of a text that is not of the task's data; of the others the first half, if that is not long. */
  @Override
  public Question question(Row row, RowReader reader) {
    if (!(Contents.of(row, reader) instanceof Content.Text content)) {
      throw Contents.wrong(row, reader, name(), "text");
    }
    String text = content.text();
    int[] starts = reader.tokenizer().encode(text, false).starts();
    int cut = row.typed().isPresent() && starts.length > 1 ? starts[Math.min(PROMPT_TOKENS, starts.length / 2)] : text.length();
    return Writing.continued(text.substring(0, cut), text.substring(cut), row, reader);
  }

  @Override
  public Map<String, Double> ofLoss(double loss) {
    return tokenLoss.equals("nll") ? TextMetrics.perplexity(loss) : Map.of();
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
