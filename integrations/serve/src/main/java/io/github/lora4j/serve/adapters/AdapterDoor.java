package io.github.lora4j.serve.adapters;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/** vLLM's {@code /v1/load_lora_adapter} and {@code /v1/unload_lora_adapter}, and llama-server's {@code /lora-adapters}. */
public final class AdapterDoor {

  private static final String NAME = "[\\w][\\w.:@/+ -]{0,199}";

  private final ServedModel served;
  private final Loading loading;
  private final ReentrantLock one = new ReentrantLock();

  /**
   * Of a model.
   *
   * @param loading which adapters may be loaded
   */
  public AdapterDoor(ServedModel served, Loading loading) {
    this.served = served;
    this.loading = loading;
  }

  /** Loads an adapter; with {@code load_inplace} in the place of one of its name. One at a time. */
  public void load(Call call) throws IOException, InterruptedException {
    Fields body = new Fields(call.json(), "");
    String name = body.required("lora_name");
    String path = body.required("lora_path");
    boolean replace = body.flag("load_inplace");
    body.ignore("base_model_name", "is_3d_lora_weight").end();
    if (!name.matches(NAME) || name.equals(served.name())) {
      throw Refusal.invalid("lora_name",
          "'lora_name' is no name that an adapter can have here: letters, digits and . : @ / + - _, and not that of the model");
    }
    Path from = loading.directory().orElseThrow(() -> Refusal.of(403, "path_not_allowed",
        "this server loads no adapters: it was started without --adapters"))
        .adapter(path, loading.bytes());
    one.lockInterruptibly();
    try {
      if (!replace && served.engine().voices().has(name)) {
        throw Refusal.invalid("lora_name", "The lora adapter '%s' has already been loaded; load_inplace replaces it".formatted(name));
      }
      served.load(name, from);
    } catch (ConfigException | FormatException e) {
      throw Refusal.invalid("lora_path", e.getMessage());
    } finally {
      one.unlock();
    }
    call.text(200, "text/plain; charset=utf-8", "Success: LoRA adapter '%s' added successfully.".formatted(name));
  }

  /** Removes an adapter; requests that have it end with it. */
  public void unload(Call call) throws IOException, InterruptedException {
    Fields body = new Fields(call.json(), "");
    String name = body.required("lora_name");
    body.ignore("lora_int_id").end();
    if (!served.unload(name)) {
      throw Refusal.of(404, "no_adapter", "The lora adapter '%s' cannot be found".formatted(name));
    }
    call.text(200, "text/plain; charset=utf-8", "Success: LoRA adapter '%s' removed successfully.".formatted(name));
  }

  /** The adapters, each with its factor where a request names no model. */
  public void list(Call call) throws IOException {
    ArrayNode all = Json.object().arrayNode();
    Map<String, Double> scales = served.scales();
    served.engine().voices().ids().forEach((name, id) -> {
      ObjectNode one = all.addObject().put("id", id).put("path", name).put("scale", scales.getOrDefault(name, 0.0));
      one.put("task_name", "").put("prompt_prefix", "");
    });
    call.send(200, all);
  }

  /** Sets the factors where a request names no model; of adapters that are left out it is 0. */
  public void scale(Call call) throws IOException {
    ObjectNode holder = Json.object();
    holder.set("adapters", call.jsonArray());
    served.scale(Scales.read(new Fields(holder, ""), "adapters", served.engine().voices().ids()));
    call.send(200, Json.object().put("success", true));
  }
}
