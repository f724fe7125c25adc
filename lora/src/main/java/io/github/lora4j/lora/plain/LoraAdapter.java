package io.github.lora4j.lora.plain;

import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.config.TiedEnds;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * LoRA on a model's linear modules and embeddings, named as PEFT names them. Made by {@link LoraMethod}.
 *
 * <p>Linear: y + s·((dropout(x)·Aᵀ)·Bᵀ + b) with A [r, in], B [out, r], and b only with lora_bias. Embedding: y + s·Aᵀ[ids]·Bᵀ with A
 * [r, entries], which the program holds as a table. With DoRA, what the weight itself computed and the branch are multiplied with
 * m/‖W + s·B·A‖, output by output; the norm is a constant for the gradient and computed once a step, in the entry {@value Adapter#PREPARE}.
 */
public final class LoraAdapter implements Adapter {

  private static final int WEIGHTS = 0;
  private static final int BIASES = 1;

  /**
   * An adapted module and its parameters.
   *
   * @param weight the base's parameter that is adapted, which may be another module's
   */
  public record Site(TargetSelector.Selected target, String weight, AdapterParameter a, AdapterParameter b, Optional<AdapterParameter> bias,
      Optional<AdapterParameter> magnitude, Optional<BaseStart> start) {

    /** Whether it is an embedding. */
    public boolean embedding() {
      return target.module().kind() == ModuleInfo.Kind.EMBEDDING;
    }

    String normsSlot() {
      return target.module().name() + ".weight.norms";
    }

    String inverseSlot() {
      return target.module().name() + ".dora_inverse_norms";
    }

    BaseNorm norm() {
      ModuleInfo m = target.module();
      return new BaseNorm(weight, embedding() ? Shape.of(m.in(), m.out()) : Shape.of(m.out(), m.in()), embedding());
    }

    /** All of them. */
    public List<AdapterParameter> parameters() {
      List<AdapterParameter> list = new ArrayList<>(List.of(a, b));
      bias.ifPresent(list::add);
      magnitude.ifPresent(list::add);
      return list;
    }
  }

  private final LoraConfig config;
  private final ModelDescription model;
  private final Map<String, Site> sites = new LinkedHashMap<>();
  private final List<AdapterParameter> parameters = new ArrayList<>();
  private final Map<String, Integer> baseGroups = new LinkedHashMap<>();
  private final Map<String, TokenRows> tokens = new LinkedHashMap<>();
  private final Optional<TiedEnds> tie;
  private final MergedParts parts;
  private final List<String> notes;

  LoraAdapter(LoraConfig config, ModelDescription model, TargetModules targets, List<TargetSelector.Selected> selected, MergedParts parts,
      List<String> notes) {
    this.parts = parts;
    this.notes = List.copyOf(notes);
    this.model = model;
    tie = TiedEnds.of(model);
    // As PEFT writes it: what was selected, not the shorthand, so that it loads the same on another class of the same model.
    TargetModules written = targets instanceof TargetModules.AllLinear ? new TargetModules.Names(selected.stream().map(s -> s.module()
        .name()).toList()) : targets;
    boolean conv1d = selected.stream().anyMatch(s -> s.module().kind() == ModuleInfo.Kind.CONV1D);
    this.config = config.toBuilder().targetModules(written).modulesToSave(config.allModulesToSave()).fanInFanOut(conv1d).build();
    Map<ModuleInfo, List<Integer>> rows = TokenRows.resolve(new Problems(), config, model);
    rows.forEach((module, indices) -> tokens.put(module.name(),
        TokenRows.of(module, model.source(module.name() + ".weight"), indices, WEIGHTS)));
    TokenRows.head(rows, model).ifPresent(ends -> tokens.put(ends.head(), tokens.get(ends.embedding())));
    selected.forEach(target -> sites.put(target.module().name(), site(target)));
    sites.values().forEach(site -> parameters.addAll(site.parameters()));
    tokens.values().stream().distinct().forEach(t -> parameters.add(t.parameter()));
    List<String> full = config.allModulesToSave();
    for (ModuleInfo module : model.modules()) {
      boolean saved = TargetSelector.saved(module.name(), full);
      ModelDescription.parameters(module).forEach((name, shape) -> {
        boolean bias = name.endsWith(".bias");
        boolean adapted = sites.containsKey(module.name());
        if (model.tied().containsKey(name) && !untied(module.name())) {
          return; // the module whose parameter it is trains it
        }
        if (saved || bias && (config.bias() == Bias.ALL || config.bias() == Bias.LORA_ONLY && adapted)) {
          // PEFT wraps an adapted module, so its own parameters sit one level deeper.
          String key = adapted ? module.name() + ".base_layer.bias" : name;
          boolean decays = !bias && module.kind() != ModuleInfo.Kind.LAYER_NORM;
          parameters.add(AdapterParameter.ofBase(module, name, AdapterParameter.PREFIX + key, shape, decays ? WEIGHTS : BIASES));
        }
      });
    }
    parameters.stream().filter(AdapterParameter::ofBase).forEach(p -> baseGroups.put(p.slot(), p.group()));
  }

  /** The settings, with the targets that were in force. */
  public LoraConfig config() {
    return config;
  }

  /** The model it was made for. */
  public ModelDescription model() {
    return model;
  }

  /** The adapted modules by name, in the model's order. */
  public Map<String, Site> sites() {
    return java.util.Collections.unmodifiableMap(sites);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return java.util.Collections.unmodifiableList(parameters);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return config.toPeft();
  }

  @Override
  public void recordBeforeUpdate(Graph apply, Value count) {
    if (parts.present()) {
      sites.values().forEach(site -> apply.program().find(site.b.slot()).ifPresent(b -> parts.keepBlocks(apply, b)));
    }
  }

  /** Parts of a merged module that are adapted, each with as many ranks of their own; see the setting enable_lora. */
  int blocks() {
    return parts.present() ? parts.count() : 1;
  }

  @Override
  public Map<String, WeightChange> weightChanges(AdapterValues values) {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    List<String> grouped = sites.values().stream().filter(site -> !LoraMerge.withinGroups(site, values)).map(site -> site.target.module().name())
        .toList();
    if (!grouped.isEmpty()) {
      throw new ConfigException("LoRA on convolutions with groups cannot be merged, since A sees the channels of all groups and each weight those "
          + "of its own: %s; use it unmerged".formatted(Names.list(grouped)));
    }
    sites.forEach((module, site) -> {
      changes.put(module + ".weight", (type, data) -> {
        site.start().filter(start -> start.init().changesBase()).ifPresent(start -> start.subtract(type, data, 0));
        LoraMerge.merge(site, values, type, data);
      });
      site.bias().ifPresent(b -> changes.put(module + ".bias", (type, data) -> LoraMerge.addBias(site, values, type, data)));
    });
    tokens.forEach((module, rows) -> {
      if (rows.module().name().equals(module)) {
        changes.put(module + ".weight", rows.change(values));
      }
    });
    return changes;
  }

  @Override
  public LoadedAdapter toLora(AdapterValues values) {
    if (config.useDora()) {
      throw new ConfigException("DoRA has no form as plain LoRA: its magnitudes scale the base weight itself; merge the adapter instead");
    }
    if (config.initLoraWeights().changesBase()) {
      throw new ConfigException("%s is relative to a changed base weight: as plain LoRA it has twice the rank, and needs the values it started from"
          .formatted(config.initLoraWeights().peftName()));
    }
    return new LoadedAdapter(this, values.copy(parameters));
  }

  @Override
  public boolean untied(String module) {
    List<String> full = config.allModulesToSave();
    return tie.filter(t -> t.head().equals(module) && !config.reach().ensureWeightTying() && (TargetSelector.saved(t.head(), full)
        || TargetSelector.saved(t.embedding(), full))).isPresent();
  }

  /** Whether the output layer is adapted by the embedding's A and B, since they share a weight. */
  private boolean follows(String module) {
    return config.reach().ensureWeightTying() && tie.filter(t -> t.head().equals(module) && sites.containsKey(t.embedding())).isPresent();
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // One TokenRows serves both modules where they are tied.
  public Set<String> sharedChanges() {
    Set<String> shared = new LinkedHashSet<>();
    tie.filter(t -> follows(t.head()) || tokens.containsKey(t.head()) && tokens.get(t.head()) == tokens.get(t.embedding()))
        .ifPresent(t -> shared.add(t.weight()));
    model.tied().forEach((alias, source) -> {
      if (baseGroups.containsKey(source) && !untied(alias.replaceFirst("\\.[^.]*$", ""))) {
        shared.add(source);
      }
    });
    return shared;
  }

  @Override
  public Map<String, BaseRows> baseRows() {
    Map<String, BaseRows> rows = new LinkedHashMap<>();
    tokens.values().forEach(t -> rows.put(t.baseSlot(), t.base()));
    return rows;
  }

  @Override
  public List<StoredCopy> storedCopies() {
    List<StoredCopy> copies = new ArrayList<>();
    tie.filter(t -> follows(t.head())).ifPresent(t -> {
      Site site = site(t.embedding());
      String prefix = AdapterParameter.PREFIX + t.head();
      copies.add(new StoredCopy(prefix + ".lora_A.weight", site.b.shape().reversed(), site.b.slot(), true));
      copies.add(new StoredCopy(prefix + ".lora_B.weight", site.a.shape().reversed(), site.a.slot(), true));
    });
    Set<String> keys = new HashSet<>();
    parameters.forEach(p -> keys.add(p.key()));
    for (ModuleInfo m : model.modules()) {
      boolean output = model.outputModule().filter(m.name()::equals).isPresent();
      if (m.out() > 0 && (output || m.kind() == ModuleInfo.Kind.EMBEDDING)) {
        String weight = m.name() + ".weight";
        String of = untied(m.name()) ? weight : model.source(weight);
        for (String key : baseGroups.containsKey(of) ? List.of(weight) : List.of(weight, m.name() + ".base_layer.weight")) {
          if (!keys.contains(AdapterParameter.PREFIX + key)) {
            copies.add(new StoredCopy(AdapterParameter.PREFIX + key, Objects.requireNonNull(ModelDescription.parameters(m).get(weight),
                "a module with outputs has a weight"), of, false));
          }
        }
      }
    }
    return copies;
  }

  @Override
  public Map<String, BaseStart> baseStarts() {
    Map<String, BaseStart> starts = new LinkedHashMap<>();
    sites.values().forEach(site -> site.start.ifPresent(start -> starts.put(start.weight(), start)));
    return starts;
  }

  @Override
  public LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start) {
    return config.initLoraWeights().changesBase() ? StartConversion.toLora(this, values, start)
        : new LoadedAdapter(this, values.view(parameters));
  }

  @Override
  public List<String> notes() {
    return notes;
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    Integer group = baseGroups.get(parameter);
    return group == null ? OptionalInt.empty() : OptionalInt.of(group);
  }

  /** As the file has them: A is a convolution of the base's kernel to r channels, B one of a single position, in the base's groups. */
  private Site convolution(TargetSelector.Selected target) {
    ModuleInfo m = target.module();
    Convolution c = m.convolution().orElseThrow();
    int r = target.rank();
    List<Long> a = new ArrayList<>(List.of((long) r, (long) c.channels()));
    List<Long> b = new ArrayList<>(List.of((long) m.out(), (long) r / c.groups()));
    List<Long> magnitude = new ArrayList<>(List.of(1L, (long) m.out()));
    c.kernel().forEach(k -> {
      a.add((long) k);
      b.add(1L);
      magnitude.add(1L);
    });
    Site plain = new Site(target, m.name() + ".weight", AdapterParameter.of(m.name() + ".lora_A.weight", a, WEIGHTS, initialA(m.name(), r, m.in())),
        AdapterParameter.of(m.name() + ".lora_B.weight", b, WEIGHTS, initialB(m.name(), r)), Optional.empty(), Optional.empty(),
        Optional.empty());
    String name = m.name() + ".lora_magnitude_vector";
    return new Site(target, plain.weight, plain.a, plain.b, loraBias(target), config.useDora() ? Optional.of(new AdapterParameter(name,
        AdapterParameter.PREFIX + name, magnitude, WEIGHTS, new Initial.OfNorm(plain.norm()), AdapterParameter.Layout.ROW)) : Optional.empty(),
        Optional.empty());
  }

  private Optional<AdapterParameter> loraBias(TargetSelector.Selected target) {
    return config.loraBias() && target.module().kind() != ModuleInfo.Kind.EMBEDDING
        ? Optional.of(AdapterParameter.of(target.module().name() + ".lora_B.bias", List.of((long) target.module().out()), BIASES,
            config.initLoraWeights() == InitLoraWeights.RANDOM ? new Initial.Uniform(1 / Math.sqrt(target.rank())) : Initial.ZEROS))
        : Optional.empty();
  }

  private Site site(String module) {
    return Objects.requireNonNull(sites.get(module), "a module with an adapter");
  }

  private Site site(TargetSelector.Selected target) {
    if (target.module().kind() == ModuleInfo.Kind.CONVOLUTION) {
      return convolution(target);
    }
    ModuleInfo m = target.module();
    String name = m.name();
    String weight = untied(name) ? name + ".weight" : model.source(name + ".weight");
    int r = target.rank();
    boolean embedding = m.kind() == ModuleInfo.Kind.EMBEDDING;
    AdapterParameter a = embedding
        ? new AdapterParameter(name + ".lora_embedding_A", AdapterParameter.PREFIX + name + ".lora_embedding_A", List.of((long) r, (long) m.in()),
            WEIGHTS, config.initLoraWeights() == InitLoraWeights.RANDOM ? new Initial.Normal(1) : Initial.ZEROS, AdapterParameter.Layout.TRANSPOSED)
        : AdapterParameter.matrix(name + ".lora_A.weight", r, m.in(), WEIGHTS, initialA(name, r, m.in()));
    AdapterParameter b = embedding ? AdapterParameter.matrix(name + ".lora_embedding_B", m.out(), r, WEIGHTS,
        config.initLoraWeights() == InitLoraWeights.MICA ? new Initial.OfBase() : new Initial.Normal(1))
        : AdapterParameter.matrix(name + ".lora_B.weight", m.out(), r, WEIGHTS, initialB(name, r));
    Optional<BaseStart> start = config.initLoraWeights().needsBase()
        ? Optional.of(new BaseStart(m, a, b, config.initLoraWeights(), r, target.scaling())) : Optional.empty();
    Site plain = new Site(target, weight, a, b, Optional.empty(), Optional.empty(), start);
    Optional<AdapterParameter> magnitude = config.useDora()
        ? Optional.of(AdapterParameter.of(name + ".lora_magnitude_vector", List.of((long) m.out()), WEIGHTS, new Initial.OfNorm(plain.norm())))
        : Optional.empty();
    return new Site(target, weight, a, b, loraBias(target), magnitude, start);
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    if (tokens.containsKey(of.module())) {
      return tokens.get(of.module()).linear(recording, of.x(), y);
    }
    if (follows(of.module())) {
      return tied(recording, of, site(tie.orElseThrow().embedding()), y);
    }
    Site site = sites.get(of.module());
    if (site == null) {
      return y;
    }
    ModuleInfo m = site.target.module();
    if (of.x().shape().cols() != m.in() || y.shape().cols() != m.out()) {
      throw new ConfigException("lora(%s): the model maps %d features to %d here, but its description says %d to %d"
          .formatted(of.module(), of.x().shape().cols(), y.shape().cols(), m.in(), m.out()));
    }
    return dropped(recording, of, recording.dropout(of.module() + ".lora_dropout", of.x(), config.loraDropout()), y);
  }

  /** The embedding's update seen from the output layer: y + s·(x·B)·A', with A' the table that the program holds. */
  private Value tied(Sites recording, LinearSite of, Site embedding, Value y) {
    Graph graph = recording.graph();
    Value dropped = recording.dropout(of.module() + ".lora_dropout", of.x(), config.loraDropout());
    Value down = graph.linearTransposed(dropped, embedding.b.declare(recording));
    return graph.linearOnto(down, embedding.a.declare(recording), y, embedding.target.scaling());
  }

  @Override
  public Value convolution(Sites recording, ConvolutionSite of, Value y) {
    if (!sites.containsKey(of.module())) {
      return y;
    }
    Value dropped = recording.dropout(of.module() + ".lora_dropout", of.x(), config.loraDropout());
    Value seen = dropped.equals(of.x()) ? of.unfolded() : recording.graph().unfold(dropped, of.indices(), of.inverse());
    return dropped(recording, new LinearSite(of.module(), of.unfolded(), of.weight(), of.bias()), seen, y);
  }

  /**
   * The result of a linear module whose dropped input is given.
   *
   * @param dropped what dropout lets through of the site's input, or the input itself
   */
  public Value dropped(Sites recording, LinearSite of, Value dropped, Value y) {
    Site site = site(of.module());
    Graph graph = recording.graph();
    Value down = graph.linear(dropped, site.a.declare(recording));
    Optional<Value> bias = site.bias.map(b -> graph.scale(b.declare(recording), site.target.scaling()));
    if (site.magnitude.isEmpty()) {
      int groups = site.target.module().convolution().map(Convolution::groups).orElse(1);
      Value up = site.b.declare(recording);
      double scaling = site.target.scaling();
      return bias.map(b -> recording.groupedOnto(down, up, b, y, groups, scaling))
          .orElseGet(() -> recording.groupedOnto(down, up, y, groups, scaling));
    }
    Value factors = factors(recording, site);
    if (dropped.equals(of.x())) {
      Value t = graph.linearOnto(down, site.b.declare(recording), y, site.target.scaling());
      return of.bias().map(b -> graph.scaleColumns(t, factors, b)).orElseGet(() -> graph.scaleColumns(t, factors));
    }
    // With dropout the correction, too, sees the dropped input: y + (c − 1)·W·x' + c·s·B·A·x'.
    Value weighted = graph.linear(dropped, of.weight());
    Value t = graph.linearOnto(down, site.b.declare(recording), weighted, site.target.scaling());
    return graph.add(graph.add(y, graph.scaleColumns(t, factors)), graph.scale(weighted, -1));
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite of, Value y) {
    if (tokens.containsKey(of.module())) {
      return tokens.get(of.module()).embedding(recording, of.ids(), y);
    }
    Site site = sites.get(of.module());
    if (site == null) {
      return y;
    }
    Graph graph = recording.graph();
    Value down = of.lookUp(graph, site.a.declare(recording));
    if (site.magnitude.isEmpty()) {
      return graph.linearOnto(down, site.b.declare(recording), y, site.target.scaling());
    }
    // y may hold what the model adds to the embedding, which DoRA does not scale.
    Value rows = graph.embedding(of.table(), of.ids());
    Value t = graph.linearOnto(down, site.b.declare(recording), rows, site.target.scaling());
    return graph.add(graph.add(y, graph.scaleColumns(t, factors(recording, site))), graph.scale(rows, -1));
  }

  /** m/‖W + s·B·A‖. */
  private static Value factors(Sites recording, Site site) {
    Value inverse = recording.graph().program().state(site.inverseSlot(), Shape.vector(site.target.module().out()));
    return recording.graph().multiply(site.magnitude.orElseThrow().declare(recording), inverse);
  }

  private List<Site> decomposed() {
    return sites.values().stream().filter(site -> site.magnitude.isPresent()).toList();
  }

  @Override
  public Map<String, BaseNorm> baseNorms() {
    Map<String, BaseNorm> norms = new LinkedHashMap<>();
    decomposed().forEach(site -> norms.put(site.normsSlot(), site.norm()));
    return norms;
  }

  @Override
  public void recordPrepare(ProgramBuilder program) {
    List<Site> recorded = decomposed().stream().filter(site -> program.find(site.inverseSlot()).isPresent()).toList();
    if (recorded.isEmpty()) {
      return;
    }
    Graph prepare = program.entry(PREPARE);
    for (Site site : recorded) {
      Shape outputs = Shape.vector(site.target.module().out());
      prepare.doraNorm(program.find(site.a.slot()).orElseThrow(), program.find(site.norm().weight()).orElseThrow(),
          program.find(site.b.slot()).orElseThrow(), site.embedding(), site.target.scaling(), program.frozen(site.normsSlot(), outputs),
          program.state(site.inverseSlot(), outputs));
    }
  }

  /** MiCA's B keeps its directions. */
  @Override
  public boolean frozen(String parameter) {
    return config.initLoraWeights() == InitLoraWeights.MICA && sites.values().stream().anyMatch(site -> site.b.slot().equals(parameter));
  }

  private Initial initialA(String module, int r, int in) {
    return switch (config.initLoraWeights()) {
      case InitLoraWeights.Pissa _ -> new Initial.OfBase();
      case InitLoraWeights.Simple simple -> switch (simple) {
        case OLORA -> new Initial.OfBase();
        case MICA -> Initial.ZEROS;
        case ORTHOGONAL -> new Initial.Orthogonal(module, r, false);
        case GAUSSIAN -> new Initial.Normal(1.0 / r);
        case DEFAULT, RANDOM, EVA -> new Initial.Uniform(1 / Math.sqrt(in));
      };
    };
  }

  private Initial initialB(String module, int r) {
    return switch (config.initLoraWeights()) {
      case InitLoraWeights.Pissa _ -> new Initial.OfBase();
      case InitLoraWeights.Simple simple -> switch (simple) {
        case OLORA, MICA -> new Initial.OfBase();
        case ORTHOGONAL -> new Initial.Orthogonal(module, r, true);
        case GAUSSIAN, DEFAULT, EVA -> Initial.ZEROS;
        case RANDOM -> new Initial.Uniform(1 / Math.sqrt(r));
      };
    };
  }
}
