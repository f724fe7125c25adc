package io.github.lora4j.bench;

import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@link Methods} and {@link ModuleStudy} are told.
 *
 * @param model directory of the model
 * @param name the model's name in results
 * @param glue directory with a folder for each task
 * @param methods rows of the table by name; empty: all
 * @param rows training rows, a fifth of which is held out while rates are compared; 0: all
 * @param evalRows rows of the development file; 0: all
 * @param results file of runs, continued where it exists
 * @param table the Markdown file
 */
record MethodOptions(Path model, String name, Path glue, List<GlueTask> tasks, List<String> methods, int rows, int evalRows, double epochs,
    int seeds, int threads, Path results, Path table) {

  static final String USAGE = """
      --model DIR       directory of the model
      --glue DIR        directory with SST-2, CoLA and RTE
      --name NAME       the model in the results (default: the directory's name)
      --tasks A,B       default: SST-2,CoLA,RTE
      --methods A;B     rows by name, separated by semicolons; default: all
      --rows N          training rows (default 8000; 0: all)
      --eval-rows N     rows of the development file (default 0: all)
      --epochs N        default 3
      --seeds N         paired seeds (default 5)
      --threads N       default 0: all processors
      --results FILE    runs done, one a line; what is in it is not run again (default methods.jsonl)
      --table FILE      Markdown (default methods.md)
      """;

  /** Reads the options. */
  static MethodOptions parse(String... args) {
    Map<String, String> values = new LinkedHashMap<>();
    List<String> known = USAGE.lines().map(line -> line.strip().split(" ")[0].substring(2)).toList();
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--") || !known.contains(args[i].substring(2)) || i + 1 == args.length) {
        throw new ConfigException("%s is no option with a value; the options are:%n%s".formatted(args[i], USAGE));
      }
      values.put(args[i].substring(2), args[i + 1]);
    }
    for (String needed : List.of("model", "glue")) {
      if (!values.containsKey(needed)) {
        throw new ConfigException("--%s is missing; the options are:%n%s".formatted(needed, USAGE));
      }
    }
    Path model = Path.of(values.get("model"));
    return new MethodOptions(model, values.getOrDefault("name", String.valueOf(model.getFileName())), Path.of(values.get("glue")),
        Arrays.stream(values.getOrDefault("tasks", "SST-2,CoLA,RTE").split(",")).map(GlueTask::named).toList(),
        values.containsKey("methods") ? Arrays.stream(values.get("methods").split(";")).map(String::strip).toList() : List.of(),
        whole(values, "rows", 8000, 0), whole(values, "eval-rows", 0, 0), number(values, "epochs", 3), whole(values, "seeds", 5, 1),
        whole(values, "threads", 0, 0), Path.of(values.getOrDefault("results", "methods.jsonl")), Path.of(values.getOrDefault("table",
        "methods.md")));
  }

  /** The methods that were asked for; the baseline is always among them. */
  List<MethodSpec> select(List<MethodSpec> all) {
    List<String> names = all.stream().map(MethodSpec::name).toList();
    methods.stream().filter(name -> !names.contains(name)).findFirst().ifPresent(name -> {
      throw new ConfigException("--methods: no row \"%s\"; there are %s".formatted(name, String.join("; ", names)));
    });
    return all.stream().filter(spec -> methods.isEmpty() || methods.contains(spec.name()) || spec.equals(all.getFirst())).toList();
  }

  private static int whole(Map<String, String> values, String name, int otherwise, int least) {
    double value = number(values, name, otherwise);
    if (value != Math.rint(value) || value < least || value > Integer.MAX_VALUE) {
      throw new ConfigException("--%s must be a whole number from %d, got %s".formatted(name, least, values.get(name)));
    }
    return (int) value;
  }

  private static double number(Map<String, String> values, String name, double otherwise) {
    try {
      double value = values.containsKey(name) ? Double.parseDouble(values.get(name)) : otherwise;
      if (!(value >= 0) || Double.isInfinite(value)) {
        throw new ConfigException("--%s must not be negative, got %s".formatted(name, values.get(name)));
      }
      return value;
    } catch (NumberFormatException e) {
      throw new ConfigException("--%s must be a number, got \"%s\"".formatted(name, values.get(name)), e);
    }
  }
}
