package io.github.lora4j.serve.adapters;

import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Refusal;
import java.util.LinkedHashMap;
import java.util.Map;

/** llama-server's lists of {@code {"id": 0, "scale": 0.5}}. */
public final class Scales {

  private static final int MOST = 1024;
  private static final double LARGEST = 1e4;

  private Scales() {}

  /**
   * Factors by adapter.
   *
   * @param key of the list in the body
   * @param ids of adapters by name
   * @throws Refusal for an id that no adapter has, which llama-server takes for the wish to switch all others off
   */
  public static Map<String, Double> read(Fields body, String key, Map<String, Integer> ids) {
    Map<String, Double> factors = new LinkedHashMap<>();
    for (Fields one : body.objects(key, MOST)) {
      int id = one.whole("id", 0, Integer.MAX_VALUE).orElseThrow(() -> Refusal.invalid(one.path() + "id",
          "'%sid' is required".formatted(one.path())));
      double scale = one.number("scale", -LARGEST, LARGEST).orElseThrow(() -> Refusal.invalid(one.path() + "scale", "'%sscale' is required".formatted(
          one.path())));
      one.ignore("path", "task_name", "prompt_prefix").end();
      String name = ids.entrySet().stream().filter(e -> e.getValue() == id).map(Map.Entry::getKey).findFirst()
          .orElseThrow(() -> Refusal.invalid(one.path() + "id", "there is no adapter with the id %d; there are: %s".formatted(id, ids)));
      if (factors.put(name, scale) != null) {
        throw Refusal.invalid(one.path() + "id", "the id %d is listed twice".formatted(id));
      }
    }
    return factors;
  }
}
