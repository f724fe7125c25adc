package io.github.lora4j.models;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.vector.ConfigException;
import java.util.List;

/** Holds what a family says of itself against what it records. */
final class FactChecks {

  private FactChecks() {}

  static void check(Architecture architecture, Head head, List<ModuleInfo> modules) {
    if (architecture.vocabSize() < 1 || architecture.hiddenSize() < 1 || architecture.maxPositions() < 1 || !(architecture.initializerRange() > 0)) {
      throw new ConfigException("vocabSize %d, hiddenSize %d, maxPositions %d and initializerRange %s must be positive".formatted(
          architecture.vocabSize(), architecture.hiddenSize(), architecture.maxPositions(), architecture.initializerRange()));
    }
    FamilyFacts facts = architecture.facts();
    places("a default target of LoRA", facts.adapters().lora(), modules);
    places("a default target of AdaLoRA", facts.adapters().adaLora(), modules);
    places("a default target of (IA)3", facts.adapters().ia3(), modules);
    places("a block's output", facts.adapters().blockOutputs(), modules);
    facts.adapters().ia3Feedforward().stream().filter(name -> !facts.adapters().ia3().contains(name)).findFirst().ifPresent(name -> {
      throw new ConfigException("'%s' is feed-forward of (IA)3 but not one of its targets %s".formatted(name, facts.adapters().ia3()));
    });
    String layers = facts.files().layers();
    if (!layers.isEmpty()) {
      String path = (head instanceof Head.None ? "" : facts.prefix()) + layers;
      long recorded = modules.stream().filter(m -> m.name().startsWith(path) && m.name().indexOf('.', path.length()) < 0).count();
      int said = architecture.config().size(facts.files().layerCount());
      if (recorded != said) {
        throw new ConfigException("%s is %d, but %d layers are recorded under %s".formatted(facts.files().layerCount(), said, recorded, path));
      }
    }
  }

  private static void places(String what, List<String> ends, List<ModuleInfo> modules) {
    for (String end : ends) {
      if (modules.stream().noneMatch(m -> (m.kind() == ModuleInfo.Kind.LINEAR || m.kind() == ModuleInfo.Kind.CONV1D)
          && (m.name().equals(end) || m.name().endsWith("." + end)))) {
        throw new ConfigException("'%s', %s, matches no linear module that is recorded".formatted(end, what));
      }
    }
  }
}
