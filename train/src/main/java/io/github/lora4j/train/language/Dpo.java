package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.preference.PairLoss;
import io.github.lora4j.train.preference.PairTask;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Direct preference optimisation and its relatives: the model learns which of two answers is better, held against itself without the adapter.
 *
 * @param dpoLoss a {@link PairLoss.Kind} that has a reference
 */
public record Dpo(
    @Meaning("sigmoid, ipo, hinge, robust, exo_pair, nca_pair, sppo_hard, apo_zero, apo_down, discopop or sigmoid_norm.") String dpoLoss,
    @Meaning(BETA) double beta, Variant variant, @Meaning(REFERENCE) String reference, Writing writing) implements Preferring {

  private static final List<PairLoss.Kind> OTHERS = List.of(PairLoss.Kind.ODDS_RATIO, PairLoss.Kind.SIMPO);

  /** What most runs leave as it is. */
  public record Variant(@Meaning("How often labels are wrong; robust and exo_pair.") double labelSmoothing,
      @Meaning("reverse_kl or js_divergence.") String fDivergence, @Meaning("What tokens count beyond the shorter answer's length.") double ldAlpha,
      @Meaning("Weight of the chosen answers' own cross-entropy; needs reference: before.") double sftWeight) {

    /** Checks the numbers. */
    public Variant {
      if (!List.of("reverse_kl", "js_divergence").contains(fDivergence)) {
        throw new ConfigException("f_divergence must be reverse_kl or js_divergence, got \"%s\"".formatted(fDivergence));
      }
      if (!(ldAlpha >= 0 && ldAlpha <= 1) || !(sftWeight >= 0) || !Double.isFinite(sftWeight)) {
        throw new ConfigException("ld_alpha must be in [0, 1], got %s, and sft_weight not negative, got %s".formatted(ldAlpha, sftWeight));
      }
    }
  }

  /** TRL's defaults. */
  public Dpo() {
    this("sigmoid", 0.1, new Variant(0, "reverse_kl", 1, 0), "step", new Writing());
  }

  /** Checks the settings. */
  public Dpo {
    if (variant.sftWeight > 0 && !reference.equals("before")) {
      throw new ConfigException("sft_weight %s needs reference: before".formatted(variant.sftWeight));
    }
    loss(dpoLoss, beta, variant);
    Preferring.reference(reference);
  }

  private static PairLoss loss(String name, double beta, Variant variant) {
    List<PairLoss.Kind> kinds = Arrays.stream(PairLoss.Kind.values()).filter(kind -> !OTHERS.contains(kind)).toList();
    PairLoss.Kind kind = kinds.stream().filter(one -> one.key().equals(name.toLowerCase(Locale.ROOT))).findFirst().orElseThrow(
        () -> new ConfigException("dpo_loss must be one of %s, got \"%s\"".formatted(kinds.stream().map(PairLoss.Kind::key).toList(), name)));
    return new PairLoss(kind, beta, variant.labelSmoothing, 0, variant.fDivergence.equals("js_divergence"));
  }

  @Override
  public String name() {
    return "dpo";
  }

  @Override
  public TrainingTask with(Writing other) {
    return new Dpo(dpoLoss, beta, variant, reference, other);
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new PairTask(model.architecture(), loss(dpoLoss, beta, variant), Preferring.reference(reference),
        new PairTask.Own(variant.sftWeight, false, variant.ldAlpha));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Preferring.rewards(judged, beta, false);
  }
}
