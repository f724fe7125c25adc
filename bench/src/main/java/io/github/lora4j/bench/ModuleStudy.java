package io.github.lora4j.bench;

import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a budget of parameters is worth in one kind of module, and in one group of layers: the comparison that AdaLoRA starts from (Zhang
 * et al.
 * 2023, figure 1). LoRA everywhere with rank 1 against the same number of parameters in one kind of module of all layers, or in all
 * modules of a third of the layers; as near as whole ranks come. Options: those of {@link Methods}.
 */
public final class ModuleStudy {

  private static final List<String> KINDS = List.of("attention.self.query", "attention.self.key", "attention.self.value",
      "attention.output.dense", "intermediate.dense", "output.dense");

  private ModuleStudy() {}

  public static void main(String[] args) throws IOException {
    try {
      MethodOptions options = MethodOptions.parse(args);
      Methods.write(options, options.select(specs(options.model())));
    } catch (ConfigException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** LoRA everywhere, by kind of module, and by group of layers. */
  static List<MethodSpec> specs(Path model) {
    ModelConfig bert = ModelDirectory.open(model).config();
    int narrow = 2 * bert.size("hidden_size");
    int wide = bert.size("hidden_size") + bert.size("intermediate_size");
    int budget = 4 * narrow + 2 * wide;
    List<MethodSpec> specs = new ArrayList<>();
    specs.add(spec("all modules, all layers", 1, ".*\\.layer\\.\\d+\\..*(query|key|value|dense)"));
    for (String kind : KINDS) {
      int each = kind.startsWith("attention") ? narrow : wide;
      specs.add(spec(kind + " alone", Math.round((float) budget / each), ".*\\.layer\\.\\d+\\." + kind));
    }
    int layers = bert.size("num_hidden_layers");
    for (int group = 0; group < 3; group++) {
      List<String> members = new ArrayList<>();
      for (int layer = group * layers / 3; layer < (group + 1) * layers / 3; layer++) {
        members.add(String.valueOf(layer));
      }
      specs.add(spec("layers %s to %s alone".formatted(members.getFirst(), members.getLast()), 3,
          ".*\\.layer\\.(" + String.join("|", members) + ")\\..*(query|key|value|dense)"));
    }
    return specs;
  }

  /** The scale is that of alpha = 2r throughout. */
  private static MethodSpec spec(String name, int r, String modules) {
    return new MethodSpec(name + ", r=" + r, "lora", Map.of("r", r, "lora_alpha", 2 * r, "target_modules", modules), 5e-4);
  }
}
