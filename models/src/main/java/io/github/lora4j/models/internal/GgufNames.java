package io.github.lora4j.models.internal;

import io.github.lora4j.models.FamilyFacts;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names of parameters by those of GGUF's tensors, and the other way round. */
public final class GgufNames {

  private static final Pattern TENSOR = Pattern.compile("(?:(?<start>blk)\\.(?<layer>\\d{1,6})\\.)?(?<rest>\\w+)\\.(?<kind>weight|bias)");
  private static final String OUTPUT = "output";

  private final Map<String, String> modules = new HashMap<>();
  private final Map<String, String> tensors;
  private final Pattern inLayer;
  private final String prefix;

  /** The names of a family. */
  public GgufNames(FamilyFacts facts) {
    facts.files().gguf().forEach((ours, theirs) -> modules.put(theirs, ours));
    tensors = facts.files().gguf();
    prefix = facts.prefix();
    inLayer = Pattern.compile(Pattern.quote(facts.files().layers()) + "(\\d{1,6})(\\..+)");
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

  /** "model.layers.3.self_attn.q_proj.weight", or without the prefix of the base model, to "blk.3.attn_q.weight". */
  public Optional<String> tensor(String parameter) {
    int dot = parameter.lastIndexOf('.');
    String module = parameter.substring(0, Math.max(0, dot));
    String inside = module.startsWith(prefix) ? module.substring(prefix.length()) : module;
    Matcher layer = inLayer.matcher(inside);
    String name = layer.matches() ? tensors.get(layer.group().substring(0, layer.start(1)) + "{}" + layer.group(2)) : tensors.get(inside);
    return Optional.ofNullable(name).map(found -> (layer.matches() ? found.replace("{}", layer.group(1)) : found) + parameter.substring(dot));
  }
}
