package io.github.lora4j.cli;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingPlan;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.session.MemoryForecast;
import io.github.lora4j.vector.Memory;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Says what a run would train, and what it would take of memory with these settings and with others. */
final class DryRun {

  private DryRun() {}

  static void print(PrintWriter out, PreparedRun run) {
    Recipe.Computing computing = run.recipe().computing();
    try (Backend backend = Backend.open(computing.backend(), computing.threads())) {
      print(out, run, TrainingPlan.of(run), backend);
    }
  }

  private static void print(PrintWriter out, PreparedRun run, TrainingPlan plan, Backend backend) {
    List<AdapterParameter> parameters = run.adapter().parameters();
    Table modules = new Table("trains", "shape", "parameters");
    parameters.forEach(p -> modules.row(p.slot(), p.shape().toString(), "%,d".formatted(p.elements())));
    out.print(modules);
    long trainable = parameters.stream().mapToLong(AdapterParameter::elements).sum();
    long base = run.program().modules().stream().flatMap(module -> ModelDescription.parameters(module).values().stream())
        .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact)).sum();
    out.printf("%,d parameters train, %.2f %% of the model's %,d%n%n", trainable, 100.0 * trainable / base, base);

    Map<String, Long> groups = new LinkedHashMap<>();
    List<Backend.Allocation> forecast = plan.forecast(run, backend);
    forecast.forEach(a -> groups.merge(group(a.purpose()), Memory.align(a.bytes()), Long::sum));
    Table memory = new Table("memory", "bytes");
    groups.forEach((group, bytes) -> memory.row(group, "%,d".formatted(bytes)));
    long together = groups.values().stream().mapToLong(Long::longValue).sum();
    memory.row("together", "%,d".formatted(together));
    memory.row("the machine has", "%,d".formatted(Memory.machineBytes()));
    out.print(memory);
    out.printf("%n%s", MemoryKnobs.table(run, plan, backend, forecast));

    out.printf("%n%s%n%s%n", backend.describe(), run.describe());
    run.notes().forEach(note -> out.println("note: " + note));
    out.printf("%,d examples, %,d tokens, longest %d; at most %s tokens in a batch%n", run.train().size(), run.train().tokens(),
        run.train().longest(), plan.capacity().room());
    out.printf("%d steps, %d in an epoch%nnothing was trained or written%n", plan.steps(), plan.batches().stepsPerEpoch());
    out.flush();
  }

  private static String group(String purpose) {
    if (purpose.startsWith("weight ")) {
      return "frozen weights";
    }
    if (purpose.startsWith("trainable ")) {
      return "trainables, gradients, moments";
    }
    List<String> alone = List.of("activations", MemoryForecast.SUMS, MemoryForecast.FILES, MemoryForecast.JAVA, MemoryForecast.COMPILING);
    return alone.contains(purpose) ? purpose : "inputs and scratch";
  }
}
