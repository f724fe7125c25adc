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

/** Simple preference optimisation: mean log-probabilities of answers, a margin between them, no reference. */
public record SimPo(@Meaning("Factor on the difference of mean log-probabilities.") double simpoBeta,
    @Meaning("Margin by which the chosen answer is to lead.") double simpoGamma,
    @Meaning("Weight of the chosen answers' own cross-entropy (CPO's alpha).") double simpoSftWeight, Writing writing)
    implements Preferring {

  /** The paper's. */
  public SimPo() {
    this(2, 1, 0, new Writing());
  }

  /** Checks the settings. */
  public SimPo {
    new PairLoss(PairLoss.Kind.SIMPO, simpoBeta, 0, simpoGamma, false);
    if (!(simpoSftWeight >= 0) || !Double.isFinite(simpoSftWeight)) {
      throw new io.github.lora4j.vector.ConfigException("simpo_sft_weight must not be negative, got %s".formatted(simpoSftWeight));
    }
  }

  @Override
  public String name() {
    return "simpo";
  }

  @Override
  public TrainingTask with(Writing other) {
    return new SimPo(simpoBeta, simpoGamma, simpoSftWeight, other);
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new PairTask(model.architecture(), new PairLoss(PairLoss.Kind.SIMPO, simpoBeta, 0, simpoGamma, false), Reference.NONE,
        new PairTask.Own(simpoSftWeight, false, 1));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Preferring.rewards(judged, simpoBeta, true);
  }
}
