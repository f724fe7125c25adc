package io.github.lora4j.bench;

import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.vector.ResourceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * One epoch of prompts and answers at their real lengths, as {@code lora4j train} does it: a step for each line on stdin, whose seconds, rows and tokens are
 * printed, so that a peer's steps can be interleaved. Arguments: model, data, rows of a batch, longest row in tokens, threads, LoRA's rank, target modules
 * (comma-separated, or all-linear).
 */
public final class ChatTime {

  private ChatTime() {}

  public static void main(String[] args) throws IOException {
    Path output = Files.createTempDirectory("chat-time");
    Recipe recipe = Recipe.builder(Path.of(args[0]), output.resolve("run")).set("task", "chat").set("chat_template", "none").set("long_rows", "drop")
        .set("data.train", args[1]).set("batch_size", Integer.valueOf(args[2])).set("data.max_length", Integer.valueOf(args[3]))
        .set("threads", Integer.valueOf(args[4])).set("log_every", 1).set("samples", 0).set("optimizer.learning_rate", 5e-4)
        .adapter(Map.of("r", Integer.valueOf(args[5]), "lora_alpha", 2 * Integer.parseInt(args[5]), "target_modules",
            args[6].contains(",") ? List.of(args[6].split(",")) : args[6])).build();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    double[] before = new double[3];
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      switch (event) {
        case TrainEvent.Started started -> {
          System.out.println(started.description().replace("\n", "; "));
          await(in);
        }
        case TrainEvent.Step step -> {
          System.out.printf("%.5f %d %d%n", step.seconds() - before[0], step.examples() - (long) before[1], step.tokens() - (long) before[2]);
          before[0] = step.seconds();
          before[1] = step.examples();
          before[2] = step.tokens();
          if (step.step() < step.steps()) {
            await(in);
          }
        }
        case TrainEvent other -> { }
      }
    })) {
      run.train();
    }
    System.out.println("end");
  }

  private static void await(BufferedReader in) {
    try {
      System.out.flush();
      if (in.readLine() == null) {
        System.exit(0);
      }
    } catch (IOException e) {
      throw new ResourceException("stdin cannot be read: " + e.getMessage(), e);
    }
  }
}
