package io.github.lora4j.langchain4j;

import io.github.lora4j.LocalModel;
import io.github.lora4j.TinyModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Adapters of a tiny model that have learnt one thing each. */
final class Taught {

  static final String CALL = "<tool_call>{\"name\": \"now\", \"arguments\": {\"zone\": \"UTC\"}}</tool_call>";
  /** The model's end token, as its tokenizer reads and writes it. */
  static final String END = "\u0001";

  private Taught() {}

  /** Trains "calls", which calls a tool when it is asked "when?", and "as", which writes the letter a. */
  static void teach(LocalModel model, Path directory) throws Exception {
    Map<String, Object> recipe = TinyModel.recipe(directory.resolve("calls"), List.of("<user>when?[now]<assistant>" + CALL + END,
        "<user>when?<assistant>" + CALL + END), 80);
    recipe.put("optimizer.learning_rate", 0.02);
    recipe.put("adapter", Map.of("r", 8, "lora_alpha", 16, "target_modules", "all-linear"));
    model.load("calls", model.train(recipe).adapter());
    model.load("as", model.train(TinyModel.recipe(directory.resolve("as"), 'a', 30)).adapter());
  }
}
