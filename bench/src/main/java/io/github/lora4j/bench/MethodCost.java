package io.github.lora4j.bench;

import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.Resume;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * What a method's step costs beside LoRA's of the same rank: whole training runs with everything the trainer does, in turn, on texts of
 * random letters cut at 128 tokens. One run that does not count warms the compiler. Prints the median step of each and its ratio to the
 * first. Arguments: model directory, steps (default
 * 40, of which the first ten do not count), rounds (default 3).
 */
public final class MethodCost {

  private static final int WARM = 10;

  private MethodCost() {}

  public static void main(String[] args) throws IOException {
    if (args.length == 0) {
      System.err.println("usage: MethodCost MODEL_DIRECTORY [STEPS [ROUNDS]]");
      System.exit(2);
    }
    Path model = Path.of(args[0]);
    int steps = args.length > 1 ? Integer.parseInt(args[1]) : 40;
    int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 3;
    List<String> targets = List.of("query", "value");
    Map<String, Map<String, Object>> methods = new LinkedHashMap<>();
    methods.put("lora r=12", Map.of("r", 12, "target_modules", targets));
    methods.put("adalora 12 to 8", Map.of("init_r", 12, "target_r", 8, "target_modules", targets));
    methods.put("lora+ r=12", Map.of("r", 12, "target_modules", targets));
    methods.put("lora r=12 dora", Map.of("r", 12, "target_modules", targets, "use_dora", true));
    Map<String, List<Double>> times = new LinkedHashMap<>();
    run(model, "lora", methods.get("lora r=12"), steps);
    for (int round = 0; round < rounds; round++) {
      for (var method : methods.entrySet()) {
        times.computeIfAbsent(method.getKey(), k -> new ArrayList<>()).addAll(run(model, method.getKey().split(" ")[0], method.getValue(), steps));
      }
    }
    double first = median(times.values().iterator().next());
    times.forEach((name, all) -> System.out.printf("%-16s median %.3f s a step of 32 x 128, ratio %.3f, %d steps%n", name, median(all),
        median(all) / first, all.size()));
  }

  private static List<Double> run(Path model, String method, Map<String, Object> settings, int steps) throws IOException {
    Random random = new Random(7);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      String text = random.ints(400, 'a', 'z' + 1).mapToObj(Character::toString).collect(Collectors.joining(" "));
      rows.add(new Row(i + 1, text, Optional.empty(), List.of(i % 2 == 0 ? "a" : "b")));
    }
    Path directory = Files.createTempDirectory("method-cost");
    Recipe recipe = Recipe.builder(model, directory.resolve("run")).set("data.train", directory.resolve("none.tsv").toString())
        .set("data.text", "text").set("data.label", "label").set("data.labels", List.of("a", "b")).set("data.max_length", 128)
        .set("method", method).adapter(settings).set("batch_size", 32).set("max_steps", steps).set("log_every", 1)
        .set("eval_every", Integer.MAX_VALUE).build();
    List<Double> times = new ArrayList<>();
    long[] last = {0};
    try (TrainingRun run = TrainingRun.open(PreparedRun.of(recipe, directory, rows), Resume.NO, event -> {
      if (event instanceof TrainEvent.Step step) {
        long now = System.nanoTime();
        if (step.step() > WARM) {
          times.add((now - last[0]) / 1e9);
        }
        last[0] = now;
      }
    })) {
      run.train();
    }
    return times;
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
