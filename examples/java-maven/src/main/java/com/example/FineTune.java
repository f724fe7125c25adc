package com.example;

import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import io.github.lora4j.train.TrainEvent;
import java.util.List;
import java.util.Map;

/** Trains an adapter on texts and continues a text with it and without. */
final class FineTune {

  /** MODEL TEXTS.jsonl RUN PROMPT: a decoder, lines such as {"text": "..."}, a directory to be made, what is continued. */
  public static void main(String[] args) {
    Map<String, Object> recipe = Map.of(
        "output", args[2],
        "task", "causal_lm",
        "data", Map.of("train", args[1]),
        "adapter", Map.of("r", 8, "lora_alpha", 16, "target_modules", "all-linear"),
        "optimizer", Map.of("learning_rate", 5e-3),
        "batch_size", 8,
        "max_steps", 40);
    Map<String, Object> settings = Map.of("max_new_tokens", 24, "do_sample", false);
    try (LocalModel model = Lora4j.model(args[0])) {
      TrainEvent.Finished trained = model.train(recipe, event -> {
        if (event instanceof TrainEvent.Step step) {
          System.out.printf("step %d of %d: loss %.3f%n", step.step(), step.steps(), step.loss());
        }
      });
      model.load("mine", trained.adapter());
      for (String name : List.of(model.name(), "mine")) {
        System.out.printf("%s: %s%n", name, model.with(name).generate(args[3], settings).text());
      }
    }
  }
}
