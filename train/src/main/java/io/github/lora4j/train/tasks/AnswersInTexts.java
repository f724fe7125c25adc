package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.QuestionAnswering;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.scores.ExactMatch;
import io.github.lora4j.train.scores.TokenF1;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Questions whose answer is a stretch of a text (SQuAD, Rajpurkar et al. 2016): data.text is the question, data.text_pair the text, data.label the
 * answer as it stands there, or a list of right ones, of which the first is learnt, where it occurs first. With {@code answerless} (version 2)
 * a row may have none; then the first token is the answer, and none is given where it is likelier than any other.
 *
 * @param longestAnswer in tokens, when answers are predicted
 * @param answerless whether texts may lack the answer
 */
public record AnswersInTexts(@Meaning(LONGEST) int longestAnswer, @Meaning(ANSWERLESS) boolean answerless) implements TrainingTask {

  static final String LONGEST = "The longest answer that is predicted, in tokens.";
  static final String ANSWERLESS = "Whether texts may lack the answer: a row without a label then has none, and predictions may be empty.";

  /** The defaults. */
  public AnswersInTexts() {
    this(30, false);
  }

  /** Checks the number. */
  public AnswersInTexts {
    if (longestAnswer < 1) {
      throw new ConfigException("longest_answer must be at least 1, got %d".formatted(longestAnswer));
    }
  }

  @Override
  public String name() {
    return "question_answering";
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    List<String> problems = new ArrayList<>(TrainingTask.super.problems(columns, labels));
    if (columns.textPair().isEmpty()) {
      problems.add("task question_answering needs data.text_pair: the column of the text that answers stand in");
    }
    return problems;
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new QuestionAnswering(model.architecture());
  }

  @Override
  public Example example(Row row, RowReader reader) {
    String text = reader.pair(row);
    Encoding encoding = reader.tokenizer().encode(row.text(), text, reader.maxLength());
    boolean[] own = ofText(encoding);
    int[] starts = new int[own.length];
    int[] ends = new int[own.length];
    for (int t = 0; t < own.length; t++) {
      starts[t] = own[t] ? encoding.starts()[t] : 0;
      ends[t] = own[t] ? encoding.ends()[t] : 0;
    }
    List<String> answers = reader.labelled() ? answers(row, reader) : List.of();
    Target.Passage passage = new Target.Passage(text, starts, ends, answers);
    int[] span = answers.isEmpty() ? new int[] {Target.TokenLabels.IGNORED, Target.TokenLabels.IGNORED}
        : answers.getFirst().isEmpty() ? new int[2] : span(row, reader, passage);
    return Example.of(Sequence.of(encoding), new Target.Span(span[0], span[1], own.length, passage));
  }

  /** Which tokens are of the second text: by their type, or, where all types are the same, behind the special tokens that follow the first. */
  private static boolean[] ofText(Encoding encoding) {
    boolean typed = Arrays.stream(encoding.typeIds()).anyMatch(type -> type > 0);
    boolean[] own = new boolean[encoding.length()];
    boolean first = false;
    boolean behind = false;
    for (int t = 0; t < own.length; t++) {
      boolean special = encoding.ends()[t] == 0;
      behind |= first && special;
      first |= !special;
      own[t] = !special && (typed ? encoding.typeIds()[t] > 0 : behind);
    }
    return own;
  }

  private List<String> answers(Row row, RowReader reader) {
    List<String> answers = row.labels().stream().map(String::strip).filter(answer -> !answer.isEmpty()).distinct().toList();
    if (answers.isEmpty() && !answerless) {
      throw reader.wrong(row, "no answer; set answerless: true where texts may lack it");
    }
    return answers.isEmpty() ? List.of("") : answers;
  }

  /** The tokens of the first answer; an end that was cut off is not counted. */
  private static int[] span(Row row, RowReader reader, Target.Passage passage) {
    String answer = passage.answers().getFirst();
    int from = passage.text().indexOf(answer);
    if (from < 0) {
      throw reader.wrong(row, "the answer \"%s\" does not stand in the text".formatted(Names.printable(answer)));
    }
    int[] span = {Target.TokenLabels.IGNORED, Target.TokenLabels.IGNORED};
    for (int t = 0; t < passage.ends().length; t++) {
      boolean in = passage.ends()[t] > from && passage.starts()[t] < from + answer.length();
      span[0] = in && span[0] == Target.TokenLabels.IGNORED ? t : span[0];
      span[1] = in ? t : span[1];
    }
    boolean cut = span[1] < 0 || passage.ends()[span[1]] < from + answer.length();
    if (cut) {
      reader.notes().add("The answer lies behind data.max_length and is not learnt");
    }
    return cut ? new int[] {Target.TokenLabels.IGNORED, Target.TokenLabels.IGNORED} : span;
  }

  /** A stretch of characters of a text, with the sum of its ends' logits; both 0 where there is no answer. */
  private record Found(int from, int to, double score) {
    String in(String text) {
      return text.substring(from, to).strip();
    }
  }

  /**
   * The best stretch.
   *
   * @param logits of start and end of each token, from {@code first} on
   */
  private Found best(Target.Span span, float[][] logits, int first) {
    Target.Passage passage = span.passage();
    Found best = new Found(0, 0, answerless ? (double) logits[first][0] + logits[first][1] : Double.NEGATIVE_INFINITY);
    for (int i = 0; i < span.tokens(); i++) {
      for (int j = i; passage.ends()[i] > 0 && j < Math.min(span.tokens(), i + longestAnswer) && passage.ends()[j] > 0; j++) {
        double score = (double) logits[first + i][0] + logits[first + j][1];
        if (score > best.score) {
          best = new Found(passage.starts()[i], passage.ends()[j], score);
        }
      }
    }
    return best;
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    List<String> found = new ArrayList<>();
    List<List<String>> right = new ArrayList<>();
    int first = 0;
    for (Target target : targets) {
      Target.Span span = (Target.Span) target;
      found.add(best(span, judged, first).in(span.passage().text()));
      right.add(span.passage().answers());
      first += span.tokens();
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("exact_match", new ExactMatch(true).of(found, right).values().iterator().next());
    result.putAll(new TokenF1().of(found, right));
    return result;
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    Target.Span span = (Target.Span) example.target();
    float[][] logits = new float[span.tokens()][];
    for (int t = 0; t < logits.length; t++) {
      logits[t] = Arrays.copyOfRange(outputs[0], 2 * t, 2 * t + 2);
    }
    Found best = best(span, logits, 0);
    return new Answer(best.in(span.passage().text()), best);
  }

  private record Answer(String answer, Found found) implements Prediction {
    @Override
    public String text() {
      return answer.replaceAll("\\s+", " ") + "\t" + String.format(Locale.ROOT, "%.4f", found.score);
    }

    @Override
    public Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("answer", answer);
      fields.put("start", found.from);
      fields.put("end", found.to);
      fields.put("score", found.score);
      return fields;
    }
  }
}
