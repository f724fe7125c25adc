package io.github.lora4j.train.session;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.Weights;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A base checkpoint without its layer of logits where that is for another number of labels than the model is to have, so that a new one is
 * drawn: transformers' {@code ignore_mismatched_sizes}.
 */
public final class FittingHead implements Checkpoint {

  private final Checkpoint base;
  private final Set<String> names;
  private final List<Replaced> replaced;

  /** A layer that does not fit. */
  private record Replaced(String layer, long had, int labels) {}

  private FittingHead(Checkpoint base, Set<String> names, List<Replaced> replaced) {
    this.base = base;
    this.names = names;
    this.replaced = replaced;
  }

  /** Opens a model's weights for a program; closing it closes them. */
  public static FittingHead open(ModelDirectory directory, Model model) {
    return of(directory.checkpoint(), model);
  }

  /** Weights for a program; closing it closes them. */
  public static FittingHead of(Checkpoint base, Model model) {
    Set<String> names = new LinkedHashSet<>(base.names());
    List<Replaced> replaced = new ArrayList<>();
    int labels = switch (model.head()) {
      case Head.SequenceClassification of -> of.labels();
      case Head.TokenClassification of -> of.labels();
      case Head.None none -> 0;
      case Head.QuestionAnswering answers -> 0;
      case Head.LanguageModel words -> 0;
    };
    if (labels > 0) {
      String layer = model.logitsModule().orElseThrow();
      Weights weights = new Weights(List.of(base), model, 0);
      Optional<String> weight = weights.source(layer + ".weight");
      if (weight.isPresent() && base.info(weight.get()).shape().size() == 2 && base.info(weight.get()).shape().getFirst() != labels) {
        names.remove(weight.get());
        weights.source(layer + ".bias").ifPresent(names::remove);
        replaced.add(new Replaced(layer, base.info(weight.get()).shape().getFirst(), labels));
      }
    }
    return new FittingHead(base, names, replaced);
  }

  /** What the user should know; empty where the head fits. */
  public Optional<String> note() {
    return replaced.stream().map(r -> "%s of the model has %d labels, the data %d: a new one is trained in its place".formatted(r.layer, r.had,
        r.labels)).findFirst();
  }

  /** The layer that does not fit. */
  public Optional<String> replaced() {
    return replaced.stream().map(Replaced::layer).findFirst();
  }

  @Override
  public Set<String> names() {
    return names;
  }

  @Override
  public TensorInfo info(String name) {
    return base.info(name);
  }

  @Override
  public void read(String name, DType as, MemorySegment target) {
    base.read(name, as, target);
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    base.read(name, as, target);
  }

  @Override
  public WeightFormat stored(String name) {
    return base.stored(name);
  }

  @Override
  public boolean turned(String name) {
    return base.turned(name);
  }

  @Override
  public Map<String, String> metadata() {
    return base.metadata();
  }

  @Override
  public String describe() {
    return base.describe();
  }

  @Override
  public void close() {
    base.close();
  }
}
