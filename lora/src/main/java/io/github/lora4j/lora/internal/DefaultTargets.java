package io.github.lora4j.lora.internal;

import io.github.lora4j.lora.Problems;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.lora.TargetModules;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** What LoRA adapts in each architecture when {@code target_modules} is not given: PEFT's table. */
public final class DefaultTargets {

  private static final JsonNode TABLE = load();

  private DefaultTargets() {}

  /** The default for this model's architecture. */
  public static TargetModules of(ModelDescription model) {
    JsonNode entry = TABLE.path(model.modelType());
    if (entry.isTextual()) {
      return new TargetModules.Regex(entry.textValue());
    }
    if (entry.isMissingNode()) {
      List<String> linears = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR || m.kind() == ModuleInfo.Kind.CONV1D)
          .map(ModuleInfo::leaf).distinct().toList();
      throw new ConfigException(("target_modules is not set and architecture '%s' has no default; name some of its linear modules (%s), "
          + "or use 'all-linear'")
          .formatted(model.modelType(), Problems.some(linears)));
    }
    List<String> names = new ArrayList<>();
    entry.forEach(name -> names.add(name.textValue()));
    return new TargetModules.Names(names);
  }

  /** Whether this model's architecture has a default. */
  public static boolean has(ModelDescription model) {
    return TABLE.has(model.modelType());
  }

  private static JsonNode load() {
    try (InputStream in = DefaultTargets.class.getResourceAsStream("/io/github/lora4j/lora/default-target-modules.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
