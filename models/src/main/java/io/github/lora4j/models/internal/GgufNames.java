package io.github.lora4j.models.internal;

import io.github.lora4j.models.FamilyFacts;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names of parameters by those of GGUF's tensors. */
final class GgufNames {

  private static final Pattern TENSOR = Pattern.compile("(?:(?<start>blk)\\.(?<layer>\\d{1,6})\\.)?(?<rest>\\w+)\\.(?<kind>weight|bias)");
  private static final String OUTPUT = "output";

  private final Map<String, String> modules = new HashMap<>();
  private final String prefix;

  GgufNames(FamilyFacts facts) {
    facts.files().gguf().forEach((ours, theirs) -> modules.put(theirs, ours));
    prefix = facts.prefix();
  }

  /** "blk.3.attn_q.weight" to "model.layers.3.self_attn.q_proj.weight". */
  Optional<String> parameter(String tensor) {
    Matcher matcher = TENSOR.matcher(tensor);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String layer = matcher.group("layer");
    String module = modules.get((layer == null ? "" : "blk.{}.") + matcher.group("rest"));
    if (module == null) {
      return Optional.empty();
    }
    String name = (layer == null ? module : module.replace("{}", layer)) + "." + matcher.group("kind");
    return Optional.of(matcher.group("rest").equals(OUTPUT) && layer == null ? name : prefix + name);
  }
}
