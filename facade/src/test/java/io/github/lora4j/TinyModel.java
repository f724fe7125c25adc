package io.github.lora4j;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.generate.TinyLlama;
import io.github.lora4j.generate.text.ByteTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model of random weights that reads bytes, and what to train it on. */
public final class TinyModel {

  private static final String TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls or [] %}"
      + "<tool_call>{{ c | tojson }}</tool_call>{% endfor %}{% endfor %}"
      + "{% if tools %}[{% for t in tools %}{{ t.function.name }}{% endfor %}]{% endif %}{% if add_generation_prompt %}<assistant>{% endif %}";

  private TinyModel() {}

  /** Writes a model with a chat template. */
  public static Path write(Path directory) throws IOException {
    Files.createDirectories(directory);
    TinyLlama.write(directory, weight -> weight, ByteTokenizer.SIZE);
    ByteTokenizer.write(directory);
    Files.writeString(directory.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\", \"chat_template\": \"" + TEMPLATE + "\"}");
    Path config = directory.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("\"max_position_embeddings\": 80", "\"max_position_embeddings\": 4096"));
    return directory;
  }

  /** A recipe that learns to write one letter again and again. */
  public static Map<String, Object> recipe(Path output, char letter, int steps) throws IOException {
    return recipe(output, List.of(String.valueOf(letter).repeat(24)), steps);
  }

  /** A recipe that learns some texts. */
  public static Map<String, Object> recipe(Path output, List<String> texts, int steps) throws IOException {
    Path data = output.resolveSibling(output.getFileName() + ".jsonl");
    StringBuilder rows = new StringBuilder();
    for (String text : texts) {
      rows.append(new ObjectMapper().writeValueAsString(Map.of("text", text))).append('\n');
    }
    Files.writeString(data, rows.toString().repeat(8 / texts.size()));
    Map<String, Object> recipe = new LinkedHashMap<>();
    recipe.put("output", output);
    recipe.put("task", "causal_lm");
    recipe.put("data", Map.of("train", data));
    recipe.put("adapter", Map.of("r", 4.0, "lora_alpha", 8, "target_modules", List.of("q_proj", "v_proj", "down_proj")));
    recipe.put("optimizer.learning_rate", 0.05);
    recipe.put("optimizer", Map.of("schedule", "constant"));
    recipe.put("batch_size", 4);
    recipe.put("max_steps", steps);
    recipe.put("log_every", 1);
    recipe.put("threads", 1);
    return recipe;
  }
}
