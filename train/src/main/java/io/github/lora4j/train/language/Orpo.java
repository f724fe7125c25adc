package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.preference.PairLoss;
import io.github.lora4j.train.preference.PairTask;
import io.github.lora4j.train.preference.Reference;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.TrainingTask;
import java.util.List;
import java.util.Map;

/**
 * Odds ratio preference optimisation: chosen answers are learnt, prompts with them, while their odds against the rejected ones rise. No reference.
 */
public record Orpo(@Meaning(BETA) double beta, Writing writing) implements Preferring {

  /** TRL's defaults. */
  public Orpo() {
    this(0.1, new Writing());
  }

  /** Checks the settings. */
  public Orpo {
    new PairLoss(PairLoss.Kind.ODDS_RATIO, beta);
  }

  @Override
  public String name() {
    return "orpo";
  }

  @Override
  public TrainingTask with(Writing other) {
    return new Orpo(beta, other);
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new PairTask(model.architecture(), new PairLoss(PairLoss.Kind.ODDS_RATIO, beta), Reference.NONE, new PairTask.Own(1, true, 1));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Preferring.rewards(judged, beta, true);
  }
}
