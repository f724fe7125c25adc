package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.train.data.ClassNames;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.TokenClassifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A class for each word of a text, such as the names of persons in it. Words are what blanks separate, labels one for each, separated by
 * blanks or as a list. A word is judged by its first token, as in Hugging Face's examples; the other tokens are not counted.
 */
public final class TokenClassification implements TrainingTask {

  @Override
  public String name() {
    return "token_classification";
  }

  @Override
  public List<String> labels(List<Row> rows) {
    return ClassNames.sorted(rows.stream().flatMap(row -> ClassNames.several(row).stream()).toList());
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new TokenClassifier(model.architecture(), labels.size());
  }

  /** Where labels are not known, the target says all the same which tokens begin a word. */
  @Override
  public Example example(Row row, RowReader reader) {
    Encoding encoding = reader.encode(row.text());
    int[] ids = new int[encoding.length()];
    boolean[] counted = new boolean[encoding.length()];
    int[] words = words(row.text());
    int count = words.length == 0 ? 0 : Arrays.stream(words).max().orElse(-1) + 1;
    List<String> labels = ClassNames.several(row);
    if (reader.labelled() && labels.size() != count) {
      throw reader.wrong(row, "%d words but %d labels; each word needs one".formatted(count, labels.size()));
    }
    int last = -1;
    for (int t = 0; t < ids.length; t++) {
      int at = encoding.starts()[t];
      while (at < encoding.ends()[t] && words[at] < 0) {
        at++;
      }
      if (at < encoding.ends()[t] && words[at] > last) {
        last = words[at];
        counted[t] = true;
        ids[t] = reader.labelled() ? reader.id(row, labels.get(last)) : 0;
      }
    }
    return Example.of(Sequence.of(encoding), new Target.TokenLabels(ids, counted));
  }

  /** For each character the word it belongs to, or −1. */
  private static int[] words(String text) {
    int[] words = new int[text.length()];
    int word = -1;
    for (int i = 0; i < words.length; i++) {
      boolean blank = Character.isWhitespace(text.charAt(i));
      if (!blank && (i == 0 || Character.isWhitespace(text.charAt(i - 1)))) {
        word++;
      }
      words[i] = blank ? -1 : word;
    }
    return words;
  }

  /** Each counted token by itself. */
  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Metrics.classes(judged, targets.stream().map(target -> (Target.TokenLabels) target)
        .flatMapToInt(label -> IntStream.range(0, label.ids().length).filter(i -> label.counted()[i]).map(i -> label.ids()[i])).toArray());
  }

  /** With labels of entities, precision, recall and F1 of these. */
  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets, List<String> labels) {
    Map<String, Double> result = new LinkedHashMap<>(metrics(judged, targets));
    if (Entities.are(labels)) {
      List<List<String>> right = new ArrayList<>();
      List<List<String>> found = new ArrayList<>();
      int at = 0;
      for (Target target : targets) {
        Target.TokenLabels label = (Target.TokenLabels) target;
        List<String> rightHere = new ArrayList<>();
        List<String> foundHere = new ArrayList<>();
        for (int t = 0; t < label.ids().length; t++) {
          if (label.counted()[t]) {
            rightHere.add(labels.get(label.ids()[t]));
            foundHere.add(labels.get(Metrics.argmax(judged[at++])));
          }
        }
        right.add(rightHere);
        found.add(foundHere);
      }
      result.putAll(Entities.measured(right, found));
    }
    return result;
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    boolean[] counted = ((Target.TokenLabels) example.target()).counted();
    List<String> found = new ArrayList<>();
    for (int t = 0; t < counted.length; t++) {
      if (counted[t]) {
        found.add(labels.get(Metrics.argmax(Arrays.copyOfRange(outputs[0], t * labels.size(), (t + 1) * labels.size()))));
      }
    }
    return new OfWords(found);
  }

  private record OfWords(List<String> labels) implements Prediction {
    @Override
    public String text() {
      return String.join(" ", labels);
    }

    @Override
    public Map<String, Object> fields() {
      return Map.of("labels", labels);
    }
  }
}
