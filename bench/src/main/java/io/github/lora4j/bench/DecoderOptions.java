package io.github.lora4j.bench;

import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@link Decoders} is told.
 *
 * @param command the lora4j command
 * @param sources the file of each task, as far as it is known
 * @param tasks those that are run
 * @param work directory for data, recipes and the run at hand
 * @param results file of runs, continued where it exists
 * @param table the Markdown file
 * @param alpacaRows instructions that each seed draws to learn from; 0: all
 */
record DecoderOptions(List<String> command, Path model, Map<DecoderTask, Path> sources, List<DecoderTask> tasks, int seeds, int threads,
    Path work, Path results, Path table, int alpacaRows) {

  static final String USAGE = """
      --model DIR          directory of a decoder
      --shakespeare FILE   text, to go on with
      --e2e FILE           descriptions of restaurants, MEANING||TEXT a line: described, and preferred to wrong descriptions
      --alpaca FILE        instructions, JSON
      --tasks A,B          shakespeare, e2e, alpaca, dpo; default: all whose file is given
      --seeds N            paired seeds (default 3)
      --threads N          default 0: all processors; results do not depend on it
      --alpaca-rows N      instructions that each seed draws to learn from (default 640; 0: all)
      --command COMMAND    default ./lora4j
      --work DIR           default decoders
      --results FILE       runs done, one a line; what is in it is not run again (default decoders.jsonl)
      --table FILE         Markdown (default methods-decoders.md)
      """;

  static DecoderOptions parse(String... args) {
    Map<String, String> values = new LinkedHashMap<>();
    List<String> known = USAGE.lines().map(line -> line.strip().split(" ")[0].substring(2)).toList();
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--") || !known.contains(args[i].substring(2)) || i + 1 == args.length) {
        throw new ConfigException("%s is no option with a value; the options are:%n%s".formatted(args[i], USAGE));
      }
      values.put(args[i].substring(2), args[i + 1]);
    }
    if (!values.containsKey("model")) {
      throw new ConfigException("--model is missing; the options are:%n%s".formatted(USAGE));
    }
    Map<DecoderTask, Path> sources = new EnumMap<>(DecoderTask.class);
    for (DecoderTask task : DecoderTask.values()) {
      String source = values.get(task == DecoderTask.DPO ? "e2e" : task.key());
      if (source != null) {
        if (!Files.isRegularFile(Path.of(source))) {
          throw new ConfigException("%s is no file".formatted(source));
        }
        sources.put(task, Path.of(source));
      }
    }
    List<String> names = values.containsKey("tasks") ? List.of(values.get("tasks").split(","))
        : sources.keySet().stream().map(DecoderTask::key).toList();
    List<DecoderTask> tasks = sources.keySet().stream().filter(task -> names.contains(task.key())).toList();
    if (tasks.isEmpty() || tasks.size() < names.size()) {
      throw new ConfigException("no data for a task of %s; the options are:%n%s".formatted(names, USAGE));
    }
    return new DecoderOptions(Arrays.asList(values.getOrDefault("command", "./lora4j").split(" ")), Path.of(values.get("model")), sources, tasks,
        whole(values, "seeds", 3, 1), whole(values, "threads", 0, 0), Path.of(values.getOrDefault("work", "decoders")),
        Path.of(values.getOrDefault("results", "decoders.jsonl")), Path.of(values.getOrDefault("table", "methods-decoders.md")),
        whole(values, "alpaca-rows", 640, 0));
  }

  /** What all recipes of a task have in common. */
  String recipe(DecoderTask task) {
    return task == DecoderTask.ALPACA && alpacaRows > 0 ? task.recipe() + "data.limit: " + alpacaRows + "\n" : task.recipe();
  }

  private static int whole(Map<String, String> values, String name, int otherwise, int least) {
    String text = values.getOrDefault(name, String.valueOf(otherwise));
    if (!text.matches("\\d{1,9}") || Integer.parseInt(text) < least) {
      throw new ConfigException("--%s must be a whole number from %d, got %s".formatted(name, least, text));
    }
    return Integer.parseInt(text);
  }
}
