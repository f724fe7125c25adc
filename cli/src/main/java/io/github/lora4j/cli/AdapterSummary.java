package io.github.lora4j.cli;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Says what is in an adapter directory, without its base model. */
final class AdapterSummary {

  private static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";

  private AdapterSummary() {}

  static void print(PrintWriter out, Path directory) {
    Map<String, Object> config = PeftFormat.config(directory);
    out.printf("adapter %s%n  %s for %s, base model %s%n", directory, text(config, "peft_type"),
        text(config, "task_type"), text(config, "base_model_name_or_path"));
    Table settings = new Table("setting", "value");
    config.forEach((key, value) -> {
      boolean empty = value == null || Boolean.FALSE.equals(value) || value instanceof Map<?, ?> map && map.isEmpty();
      if (!empty && !"auto_mapping peft_type task_type base_model_name_or_path peft_version inference_mode".contains(key)) {
        settings.row(key, String.valueOf(value));
      }
    });
    out.println();
    out.print(settings);
    out.println();
    boolean lora = "LORA".equals(config.get("peft_type"));
    try (Checkpoint tensors = Checkpoint.open(directory.resolve(PeftFormat.WEIGHTS))) {
      Table modules = new Table("module", "r", "scaling", "parameters", "|update|");
      long total = 0;
      for (String key : tensors.names()) {
        long elements = tensors.info(key).elements();
        total += elements;
        String name = key.startsWith(PREFIX) ? key.substring(PREFIX.length()) : key;
        if (lora && key.endsWith(A)) {
          module(modules, LoraConfig.ofPeft(config), tensors, key, name.substring(0, name.length() - A.length()));
        } else if (!lora || !key.endsWith(".lora_B.weight")) {
          modules.row(name, "", "", "%,d".formatted(elements), "");
        }
      }
      out.print(modules);
      out.printf("%,d parameters in %d tensors%n", total, tensors.names().size());
    }
  }

  /** One line on an adapter of llama.cpp's form, whose tensors are listed. */
  static void print(PrintWriter out, GgufFile file) {
    TreeSet<Long> ranks = new TreeSet<>();
    long modules = 0;
    for (GgufTensor tensor : file.tensors()) {
      if (tensor.name().endsWith(".lora_b")) {
        ranks.add(tensor.columns());
        modules++;
      }
    }
    GgufMetadata keys = file.metadata();
    String architecture = Names.printable(keys.optionalText("general.architecture").orElse("(none said)"));
    String alpha = keys.has("adapter.lora.alpha") ? Double.toString(keys.number("adapter.lora.alpha")).replaceFirst("\\.0$", "") : "(none said)";
    out.printf("LoRA adapter for models of architecture %s, alpha %s: %d modules of rank %s%n", architecture, alpha, modules,
        ranks.stream().map(String::valueOf).collect(Collectors.joining(" or ")));
  }

  private static String text(Map<String, Object> config, String key) {
    return Names.printable(String.valueOf(config.get(key)));
  }

  private static void module(Table table, LoraConfig config, Checkpoint tensors, String keyOfA, String module) {
    String keyOfB = keyOfA.replace(".lora_A.", ".lora_B.");
    if (!tensors.names().contains(keyOfB) || tensors.info(keyOfA).shape().size() != 2) {
      throw new FormatException("%s: %s has no matching lora_B of a linear module".formatted(tensors.describe(), keyOfA));
    }
    int r = Math.toIntExact(tensors.info(keyOfA).shape().getFirst());
    // PEFT's rule: the pattern matches the end of the name, at a dot.
    double alpha = config.alphaPattern().entrySet().stream().filter(e -> module.matches("(.*\\.)?(" + e.getKey() + ")"))
        .map(Map.Entry::getValue).findFirst().orElse(config.loraAlpha());
    double scaling = config.scaling(r, alpha);
    long elements = tensors.info(keyOfA).elements() + tensors.info(keyOfB).elements();
    table.row(module, String.valueOf(r), String.format(Locale.ROOT, "%.4g", scaling), "%,d".formatted(elements),
        String.format(Locale.ROOT, "%.4g", scaling * norm(tensors, keyOfA, keyOfB, r)));
  }

  /** ‖BA‖ (Frobenius) without the product: its square is the sum of the elementwise product of BᵀB and AAᵀ, both r × r. */
  private static double norm(Checkpoint tensors, String keyOfA, String keyOfB, int r) {
    double[] left = gram(tensors, keyOfB, r, false);
    double[] right = gram(tensors, keyOfA, r, true);
    double sum = 0;
    for (int i = 0; i < r * r; i++) {
      sum += left[i] * right[i];
    }
    return Math.sqrt(Math.max(0, sum));
  }

  /** The r × r inner products of the rows, or of the columns, of a matrix whose other side is long. */
  private static double[] gram(Checkpoint tensors, String key, int r, boolean rows) {
    double[] result = new double[r * r];
    int length = Math.toIntExact(tensors.info(key).elements() / r);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(4L * r * length, 64);
      tensors.read(key, DType.F32, data);
      for (int i = 0; i < r; i++) {
        for (int j = 0; j < r; j++) {
          for (int k = 0; k < length; k++) {
            result[i * r + j] += (double) at(data, rows ? i * length + k : k * r + i) * at(data, rows ? j * length + k : k * r + j);
          }
        }
      }
    }
    return result;
  }

  private static float at(MemorySegment data, int index) {
    return data.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }
}
