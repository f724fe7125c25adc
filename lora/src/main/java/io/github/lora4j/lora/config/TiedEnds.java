package io.github.lora4j.lora.config;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** An embedding and the output layer that has the same weight, by their modules' names. */
public record TiedEnds(String embedding, String head) {

  private static final String WEIGHT = ".weight";

  /** Those of a model, if it ties any. */
  public static Optional<TiedEnds> of(ModelDescription model) {
    for (Map.Entry<String, String> tie : model.tied().entrySet()) {
      String head = tie.getKey().replaceFirst("\\.weight$", "");
      String embedding = tie.getValue().replaceFirst("\\.weight$", "");
      if (model.module(embedding).filter(m -> m.kind() == ModuleInfo.Kind.EMBEDDING).isPresent()
          && model.module(head).filter(m -> m.kind() != ModuleInfo.Kind.EMBEDDING).isPresent()) {
        return Optional.of(new TiedEnds(embedding, head));
      }
    }
    return Optional.empty();
  }

  /** The parameter that both have. */
  public String weight() {
    return embedding + WEIGHT;
  }

  /** Whether one of these names or endings means either end. */
  public boolean named(List<String> names) {
    return names.stream().anyMatch(this::named);
  }

  private boolean named(String name) {
    return TargetSelector.endsWith(embedding, name) || TargetSelector.endsWith(head, name);
  }

  /**
   * As PEFT rewrites a config with {@code ensure_weight_tying}: whatever was asked of either end is asked of the embedding, and the head
   * follows it.
   */
  public static LoraConfig adjusted(LoraConfig config, ModelDescription model) {
    Optional<TiedEnds> ends = of(model).filter(_ -> config.reach().ensureWeightTying());
    if (ends.isEmpty()) {
      return config;
    }
    if (ends.get().named(config.modulesToSave())) {
      return config.toBuilder().modulesToSave(ends.get().moved(config.modulesToSave())).build();
    }
    return switch (config.targetModules()) {
      case TargetModules.Names names when ends.get().named(names.names()) ->
          config.toBuilder().targetModules(new TargetModules.Names(ends.get().moved(names.names()))).build();
      case TargetModules.Regex regex when ends.get().meant(regex, model) && !regex.regex().endsWith(ends.get().alternative()) ->
          config.toBuilder().targetModules(new TargetModules.Regex("(?:" + regex.regex() + ends.get().alternative())).build();
      default -> config;
    };
  }

  private boolean meant(TargetModules.Regex regex, ModelDescription model) {
    var compiled = io.github.lora4j.lora.internal.PythonRegex.compile(regex.regex());
    return model.modules().stream().map(ModuleInfo::name).filter(compiled::fullMatch).anyMatch(n -> n.equals(head) || n.equals(embedding));
  }

  private String alternative() {
    return "|^" + Pattern.compile("[.]").matcher(embedding).replaceAll("\\\\.") + "$)";
  }

  private List<String> moved(List<String> names) {
    List<String> moved = new ArrayList<>(names.stream().filter(name -> !TargetSelector.endsWith(head, name)).toList());
    if (!moved.contains(embedding)) {
      moved.add(embedding);
    }
    return moved;
  }
}
