package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.preference.GoodTask;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Single answers that are good or bad. How far the model is from its reference is estimated from answers to other prompts: each row's prompt
 * with the answer of the row before it, within groups of batch_size rows of the file, the first of a group with the last's.
 *
 * @param ktoLoss kto, or apo_zero_unpaired, which needs no estimate
 */
public record Kto(@Meaning("kto or apo_zero_unpaired.") String ktoLoss, @Meaning(BETA) double beta,
    @Meaning("Weight of good answers.") double desirableWeight, @Meaning("Weight of bad answers.") double undesirableWeight,
    @Meaning(REFERENCE) String reference, Writing writing) implements Preferring {

  /** TRL's defaults. */
  public Kto() {
    this("kto", 0.1, 1, 1, "step", new Writing());
  }

  /** Checks the settings. */
  public Kto {
    if (!List.of("kto", "apo_zero_unpaired").contains(ktoLoss)) {
      throw new ConfigException("kto_loss must be kto or apo_zero_unpaired, got \"%s\"".formatted(ktoLoss));
    }
    if (!(beta > 0) || !(desirableWeight >= 0) || !(undesirableWeight >= 0) || !Double.isFinite(beta + desirableWeight + undesirableWeight)) {
      throw new ConfigException("beta must be positive, got %s, and weights not negative, got %s and %s; all finite".formatted(beta,
          desirableWeight, undesirableWeight));
    }
    Preferring.reference(reference);
  }

  @Override
  public String name() {
    return "kto";
  }

  /** A row alone has no other's answer. */
  @Override
  public int smallestBatch() {
    return ktoLoss.equals("kto") ? 2 : 1;
  }

  @Override
  public TrainingTask with(Writing other) {
    return new Kto(ktoLoss, beta, desirableWeight, undesirableWeight, reference, other);
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new GoodTask(model.architecture(), Preferring.reference(reference), beta, ktoLoss.equals("kto"), desirableWeight, undesirableWeight);
  }

  @Override
  public List<Example> examples(Row row, RowReader reader) {
    if (!(Contents.of(row, reader) instanceof Content.Verdict verdict)) {
      throw Contents.wrong(row, reader, name(), "KTO rows");
    }
    Marked answer = answer(verdict.prompt(), verdict.answer(), row, reader);
    return Preferring.pair(answer, answer, verdict.good());
  }

  @Override
  public List<Example> together(List<Example> examples, int batch) {
    List<Example> all = new ArrayList<>();
    for (int from = 0; from < examples.size(); from += batch) {
      int to = Math.min(examples.size(), from + batch);
      for (int i = from; i < to; i++) {
        all.add(with(examples.get(i), examples.get(i == from ? to - 1 : i - 1)));
      }
    }
    return all;
  }

  /** The example with its prompt before another one's answer in place of its second sequence. */
  private static Example with(Example example, Example other) {
    Target.Answers own = (Target.Answers) example.target();
    Marked prompt = marked(own.labels().getFirst());
    Marked answer = marked(((Target.Answers) other.target()).labels().getFirst());
    int before = prompt.answer();
    int from = answer.answer();
    // As much of the answer as there is room for: the longer of both is as long as the data allows.
    int longest = Math.max(prompt.ids().length, answer.ids().length);
    int length = Math.min(longest, before + answer.ids().length - from);
    int[] ids = Arrays.copyOf(prompt.ids(), length);
    boolean[] counted = new boolean[length];
    System.arraycopy(answer.ids(), from, ids, before, length - before);
    for (int t = before; t < length; t++) {
      counted[t] = answer.weights()[from + t - before] > 0;
    }
    Sequence second = new Sequence(ids, new int[length], false);
    return new Example(List.of(example.sequences().getFirst(), second),
        new Target.Answers(List.of(own.labels().getFirst(), new Target.TokenLabels(ids, counted)), own.good()));
  }

  private static Marked marked(Target.TokenLabels labels) {
    return Marked.of(labels);
  }

  /** Mean rewards of good and bad answers, where there are any. */
  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    double[] sum = new double[2];
    int[] count = new int[2];
    for (int i = 0; i < targets.size(); i++) {
      int which = ((Target.Answers) targets.get(i)).good() ? 0 : 1;
      sum[which] += beta * judged[2 * i][0];
      count[which]++;
    }
    Map<String, Double> result = new LinkedHashMap<>();
    if (count[0] > 0) {
      result.put("reward_good", sum[0] / count[0]);
    }
    if (count[1] > 0) {
      result.put("reward_bad", sum[1] / count[1]);
    }
    if (count[0] > 0 && count[1] > 0) {
      result.put("reward_margin", sum[0] / count[0] - sum[1] / count[1]);
    }
    return result;
  }
}
