package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** An architecture with a head. Its modules, and which parameters are shared, are what a recording of it shows. */
public final class Model {

  private final Architecture architecture;
  private final Head head;
  private final List<ModuleInfo> modules;
  private final List<String> lone;
  private final Map<String, String> tied;
  private final Set<String> headModules = new HashSet<>();
  private final Optional<String> lastLinear;

  /**
   * Records the model once, for nothing but its modules.
   *
   * @throws ConfigException when the family has no such head, or names places in its facts that its recording does not make
   */
  public Model(Architecture architecture, Head head) {
    this.architecture = architecture;
    this.head = head;
    if (!architecture.facts().classes().containsKey(head.getClass())) {
      throw new ConfigException("model_type \"%s\" has no head for %s here; its heads are: %s".formatted(architecture.modelType(),
          head.getClass().getSimpleName(), architecture.facts().classes().values().stream().sorted().collect(Collectors.joining(", "))));
    }
    ModuleTree tree = new ModuleTree();
    try {
      ProgramBuilder program = new ProgramBuilder();
      PackedInputs in = PackedInputs.declare(program, 1, 1, 1);
      Sites sites = new Sites(program.entry("dry"), tree);
      Value rows = hidden(sites, in, architecture.rowsOf(head));
      Set<ModuleInfo> base = Set.copyOf(tree.recorded());
      if (!(head instanceof Head.None)) {
        logits(sites, rows);
      }
      List<ModuleInfo> own = tree.recorded().stream().filter(m -> !base.contains(m)).toList();
      own.forEach(module -> headModules.add(module.name()));
      lastLinear = own.stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR).reduce((a, b) -> b).map(ModuleInfo::name);
      modules = tree.listed();
      lone = lone(program.build(), modules);
      tied = Map.copyOf(tree.aliases);
      FactChecks.check(architecture, head, modules);
    } catch (ConfigException e) {
      throw new ConfigException("%s: %s".formatted(architecture.getClass().getName(), e.getMessage()), e);
    }
  }

  /** What stands below the head. */
  public Architecture architecture() {
    return architecture;
  }

  /** What stands on it. */
  public Head head() {
    return head;
  }

  /** Hugging Face's class. */
  public String className() {
    return Objects.requireNonNull(architecture.facts().classes().get(head.getClass()), "a family names a class for each of its heads");
  }

  /** What names of the base model begin with in this model. */
  public String prefix() {
    return head instanceof Head.None ? "" : architecture.facts().prefix();
  }

  /** All modules under their Hugging Face names, in the order of {@code named_modules()}. */
  public List<ModuleInfo> modules() {
    return modules;
  }

  /** Parameters that a module without a kind of its own has beside its modules: DeBERTa's {@code q_bias}. */
  public List<String> loneParameters() {
    return lone;
  }

  private static List<String> lone(Program program, List<ModuleInfo> modules) {
    Set<String> whole = modules.stream().filter(module -> module.out() > 0).map(ModuleInfo::name).collect(Collectors.toSet());
    return program.slots().values().stream().filter(slot -> slot.role() == Value.Role.FROZEN && !program.constants().containsKey(slot.name()))
        .map(Value::name).filter(name -> !whole.contains(name.substring(0, Math.max(0, name.lastIndexOf('.'))))).sorted().toList();
  }

  /** Parameters that are the same tensor as another: alias to source. */
  public Map<String, String> tied() {
    return tied;
  }

  /** The layer over the vocabulary, which PEFT's 'all-linear' leaves out. */
  public Optional<String> outputModule() {
    return head instanceof Head.LanguageModel ? lastLinear : Optional.empty();
  }

  /** The linear module that gives the logits; empty without a head. */
  public Optional<String> logitsModule() {
    return lastLinear;
  }

  /** Whether a module is one of the head. */
  public boolean headModule(String module) {
    return headModules.contains(module);
  }

  /** Whether a parameter that the files lack is drawn anew: one of a head that can be. */
  public boolean drawn(String parameter) {
    return head.drawn() && headModules.contains(parameter.substring(0, Math.max(0, parameter.lastIndexOf('.'))));
  }

  /** Records the base model; see {@link Architecture#hidden}. */
  public Value hidden(Sites sites, PackedInputs in, Rows rows) {
    return architecture.hidden(sites.within(prefix()), in, rows);
  }

  /** Records the head; see {@link Architecture#logits}. */
  public Value logits(Sites sites, Value rows) {
    Graph graph = sites.graph();
    return graph.region("head", () -> architecture.logits(sites, head, rows));
  }

  /**
   * Records the log-probabilities of labels, and what is likeliest, of a {@link Head.LanguageModel}: without whole logits where the family
   * says how they are made ({@link Architecture#output}) and no adapter changes them.
   *
   * @param rows hidden states
   * @param labels I32 [rows, 1]; −100: none
   */
  public LossOp.Labelled labelled(Sites sites, Value rows, Value labels) {
    Graph graph = sites.graph();
    return graph.region("head", () -> {
      Optional<Architecture.Output> output = architecture.output();
      if (output.isEmpty()) {
        return graph.labelled(architecture.logits(sites, head, rows), labels, LossOp.Logits.PLAIN);
      }
      Architecture.Output of = output.get();
      return graph.labelled(sites.linear(of.module(), of.weight(), rows, architecture.vocabSize(), false), labels, of.logits());
    });
  }

  /** Records base model and head. */
  public Value forward(Sites sites, PackedInputs in) {
    return logits(sites, hidden(sites, in, architecture.rowsOf(head)));
  }
}
