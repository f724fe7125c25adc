package io.github.lora4j.lora.sets;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowChoices;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.List;
import java.util.Map;

/**
 * What a program has room for, so that adapters come and go without compiling it again: so many seats, each of so much rank. The seats' A
 * lie side by side as one matrix [seats·rank, in], their s·B as [out, seats·rank], and of the product in between each row keeps the columns
 * of the adapters it uses: y + ((x·Aᵀ) ∘ gates[choice])·(s·B)ᵀ + biases[choice]. A smaller rank leaves zeros. Everything is a value in an
 * input slot.
 *
 * <p>A module that adapters replace whole is computed for every seat, and the gates leave one of the results: the base's or a seat's.
 *
 * @param sites adapted modules by name
 * @param saved linear modules that adapters replace, by name
 * @param biases whether adapters add to biases
 * @param mixes sums of adapters that sequences may choose
 */
record AdapterRoom(int seats, int rank, Map<String, ModuleInfo> sites, Map<String, ModuleInfo> saved, boolean biases,
    int mixes) implements SiteHooks {

  /** The active adapters. */
  static final int ACTIVE = 0;

  /** [choices, seats·rank]: 1, or a mix's factor, where a row of that choice uses the seat. */
  static final String GATES = "adapters.gates";

  AdapterRoom {
    sites = Map.copyOf(sites);
    saved = Map.copyOf(saved);
  }

  /** The choice of the adapter on a seat alone. */
  static int choice(int seat) {
    return 1 + seat;
  }

  /** The choice of no adapter. */
  int base() {
    return 1 + seats;
  }

  /** The choice of a mix. */
  int mix(int place) {
    return 2 + seats + place;
  }

  /** Active, each seat, base, mixes. */
  int choices() {
    return seats + 2 + mixes;
  }

  int columns() {
    return seats * rank;
  }

  /** A slot of a module: "a", "b", "bias"; of one that is replaced "weight", "biases", "gates", "base". */
  static String slot(String module, String what) {
    return module + ".adapters." + what;
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    Graph graph = recording.graph();
    if (saved.containsKey(of.module())) {
      return replaced(graph, saved.get(of.module()), of, y);
    }
    ModuleInfo module = sites.get(of.module());
    if (module == null) {
      return y;
    }
    Value a = graph.program().input(slot(of.module(), "a"), Shape.of(columns(), module.in()));
    return gated(graph, module, graph.linear(of.x(), a), y);
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite of, Value y) {
    ModuleInfo module = sites.get(of.module());
    if (module == null) {
      return y;
    }
    Graph graph = recording.graph();
    Value a = graph.program().input(slot(of.module(), "a"), Shape.of(module.in(), columns()));
    return gated(graph, module, of.lookUp(graph, a), y);
  }

  private Value gated(Graph graph, ModuleInfo module, Value down, Value y) {
    ProgramBuilder program = graph.program();
    Value choices = choices(program, module, y);
    Value gates = chosen(graph, program.input(GATES, Shape.of(choices(), columns())), choices);
    Value b = program.input(slot(module.name(), "b"), Shape.of(module.out(), columns()));
    Value sum = graph.linearOnto(graph.multiply(down, gates), b, y, 1);
    if (!biases || module.kind() == ModuleInfo.Kind.EMBEDDING) {
      return sum;
    }
    Value bias = program.input(slot(module.name(), "bias"), Shape.of(choices(), module.out()));
    return graph.embedding(bias, choices, sum);
  }

  private Value replaced(Graph graph, ModuleInfo module, LinearSite of, Value y) {
    ProgramBuilder program = graph.program();
    Value choices = choices(program, module, y);
    int out = module.out();
    int all = seats * out;
    Value weight = program.input(slot(module.name(), "weight"), Shape.of(all, module.in()));
    Value bias = program.input(slot(module.name(), "biases"), Shape.vector(all));
    Value gates = chosen(graph, program.input(slot(module.name(), "gates"), Shape.of(choices(), all)), choices);
    Value base = chosen(graph, program.input(slot(module.name(), "base"), Shape.of(choices(), out)), choices);
    Value results = graph.multiply(graph.linear(of.x(), weight, bias), gates);
    Value ones = program.constant("adapters.sum_%d_%d".formatted(seats, out), Shape.of(out, all), () -> sum(out));
    return graph.linearOnto(results, ones, graph.multiply(y, base), 1);
  }

  /** The matrix that adds up the seats' results: identities side by side. */
  private float[] sum(int out) {
    float[] ones = new float[out * seats * out];
    for (int i = 0; i < out; i++) {
      for (int seat = 0; seat < seats; seat++) {
        ones[i * seats * out + seat * out + i] = 1;
      }
    }
    return ones;
  }

  private static Value chosen(Graph graph, Value table, Value choices) {
    return graph.embedding(table, choices);
  }

  private static Value choices(ProgramBuilder program, ModuleInfo module, Value y) {
    return RowChoices.declare(program, y.shape().axis().orElseThrow(() -> new ConfigException(
        "adapters(%s): rows are fixed here, so a sequence's adapter cannot be chosen for them; leave the module out"
            .formatted(module.name()))));
  }

  /** Why an adapter has no place here; empty if it has. */
  Problems misfits(SetMember member) {
    Problems problems = new Problems();
    List<String> modules = member.adapter().sites().keySet().stream().filter(name -> !sites.containsKey(name)).toList();
    if (!modules.isEmpty()) {
      problems.add("it adapts modules that the recorded program does not: %s; reserve them before recording", Names.list(modules));
    }
    List<String> heads = member.saved().keySet().stream().filter(name -> !saved.containsKey(name)).sorted().toList();
    if (!heads.isEmpty()) {
      problems.add("it replaces modules (modules_to_save) for which the recorded program has one weight only: %s; add such an adapter "
          + "before recording", Names.list(heads));
    }
    if (member.rank() > rank) {
      problems.add("its rank is %d, the recorded program has room for %d; reserve more before recording", member.rank(), rank);
    }
    if (member.biases() && !biases) {
      problems.add("it has lora_bias, for which the recorded program has no place; add such an adapter before recording");
    }
    return problems;
  }
}
