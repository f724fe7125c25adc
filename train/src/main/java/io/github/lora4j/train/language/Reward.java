package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.preference.RewardTask;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A reward model: a score for each text, learnt from pairs of answers of which one is better.
 *
 * @param centerRewards weight of what keeps scores around 0
 */
public record Reward(@Meaning("Weight of (score + score)², which keeps scores around 0.") double centerRewards, Writing writing)
    implements Preferring {

  /** Without centring. */
  public Reward() {
    this(0, new Writing());
  }

  /** Checks the settings. */
  public Reward {
    if (!(centerRewards >= 0) || !Double.isFinite(centerRewards)) {
      throw new ConfigException("center_rewards must not be negative, got %s".formatted(centerRewards));
    }
  }

  @Override
  public String name() {
    return "reward";
  }

  @Override
  public boolean writes() {
    return false;
  }

  @Override
  public TrainingTask with(Writing other) {
    return new Reward(centerRewards, other);
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new RewardTask(model.architecture(), centerRewards);
  }

  /** A pair to learn from; to be scored, a text or the text of a prompt with its answer. */
  @Override
  public List<Example> examples(Row row, RowReader reader) {
    if (reader.labelled()) {
      return Preferring.super.examples(row, reader);
    }
    Marked text = switch (Contents.of(row, reader)) {
      case Content.Answer answer -> answer(answer.prompt(), answer.answer(), row, reader);
      case Content.Text of -> new Marked(reader.encode(of.text()).ids(), new boolean[0], false);
      case Content other -> throw Contents.wrong(row, reader, name(), "texts, or prompts with completions, to be scored");
    };
    return List.of(Example.of(text.sequence(), Target.NONE));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    double[] scores = new double[judged.length];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = judged[i][0];
    }
    return TextMetrics.pairs(scores);
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return new OfScore(outputs[0][0]);
  }

  private record OfScore(double score) implements Prediction {
    @Override
    public String text() {
      return String.format(Locale.ROOT, "%.6f", score);
    }

    @Override
    public Map<String, Object> fields() {
      return Map.of("score", score);
    }
  }
}
