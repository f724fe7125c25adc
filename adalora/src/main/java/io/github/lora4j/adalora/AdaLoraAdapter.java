package io.github.lora4j.adalora;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * AdaLoRA on a model's linear modules: y + s·(dropout(x)·Aᵀ∘E)·Bᵀ with A [r, in], E [r], B [out, r] and s = lora_alpha/(init_r + 1e-5), also
 * for modules that have lost ranks since. E holds singular values, which the {@link RankAllocator} sets to zero.
 */
public final class AdaLoraAdapter implements Adapter {

  /** Entry that updates importance and scores after an update. */
  static final String IMPORTANCE = "importance";
  /** Entry that multiplies E by its mask. */
  static final String MASK = "mask";
  /** State that holds the orthogonality term of the last step. */
  static final String ORTHOGONALITY = "orthogonality";

  /**
   * An adapted module.
   *
   * @param rank singular values it has; 0 after it lost all of them: then it is left as it is
   */
  record Site(String module, int rank, AdapterParameter a, AdapterParameter e, AdapterParameter b) {

    String scores() {
      return module + ".importance";
    }

    String mask() {
      return module + ".mask";
    }
  }

  private final AdaLoraConfig config;
  private final LoraAdapter lora;
  private final Map<String, Site> sites = new LinkedHashMap<>();
  private final List<AdapterParameter> parameters = new ArrayList<>();

  AdaLoraAdapter(AdaLoraConfig config, LoraAdapter lora) {
    this.config = config;
    this.lora = lora;
    List<String> unknown = config.rankPattern().keySet().stream().filter(name -> !lora.sites().containsKey(name)).toList();
    if (!unknown.isEmpty()) {
      throw new ConfigException("adalora: rank_pattern names modules that target_modules does not select: " + Names.list(unknown));
    }
    List<String> others = lora.sites().values().stream().map(site -> site.target().module())
        .filter(m -> m.convolution().filter(c -> c.groups() > 1 || c.kernel().size() != 2).isPresent()).map(ModuleInfo::name).toList();
    if (!others.isEmpty()) {
      throw new ConfigException("adalora: of convolutions only those over two dimensions and without groups are adapted, as in PEFT; exclude "
          + Names.list(others));
    }
    lora.sites().forEach((module, site) -> {
      List<Boolean> kept = config.rankPattern().get(module);
      int r = kept == null ? config.initR() : (int) kept.stream().filter(bit -> bit).count();
      long in = site.target().module().in();
      long out = site.target().module().out();
      Initial small = new Initial.Normal(0.02);
      int group = site.a().group();
      String e = module + ".lora_E";
      sites.put(module, new Site(module, r, AdapterParameter.of(module + ".lora_A", List.of((long) r, in), group, small),
          new AdapterParameter(e, AdapterParameter.PREFIX + e, List.of((long) r, 1L), group, Initial.ZEROS,
              AdapterParameter.Layout.ROW),
          AdapterParameter.of(module + ".lora_B", List.of(out, (long) r), group, small)));
    });
    sites.values().forEach(site -> parameters.addAll(List.of(site.a, site.e, site.b)));
    lora.parameters().stream().filter(AdapterParameter::ofBase).forEach(parameters::add);
  }

  /** The settings. */
  public AdaLoraConfig config() {
    return config;
  }

  LoraAdapter lora() {
    return lora;
  }

  /** The adapted modules by name, in the model's order. */
  Map<String, Site> sites() {
    return Collections.unmodifiableMap(sites);
  }

  /** Singular values of each module, in the model's order. */
  public Map<String, Integer> ranks() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    sites.forEach((module, site) -> ranks.put(module, site.rank));
    return ranks;
  }

  /** s, the same for every module. */
  double scaling() {
    return config.lora().loraAlpha() / (config.initR() + 1e-5);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return Collections.unmodifiableList(parameters);
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    return lora.trainableGroup(parameter);
  }

  @Override
  public boolean untied(String module) {
    return lora.untied(module);
  }

  @Override
  public Set<String> sharedChanges() {
    return lora.sharedChanges();
  }

  @Override
  public List<StoredCopy> storedCopies() {
    return lora.storedCopies();
  }

  @Override
  public List<String> notes() {
    return lora.notes();
  }

  @Override
  public Map<String, Object> peftConfig() {
    return AdaLoraConfigJson.write(config, lora.config());
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    Site site = sites.get(of.module());
    if (site == null || site.rank == 0) {
      return y;
    }
    return adapted(recording, site, recording.dropout(of.module() + ".lora_dropout", of.x(), config.lora().loraDropout()), y);
  }

  @Override
  public Value convolution(Sites recording, ConvolutionSite of, Value y) {
    Site site = sites.get(of.module());
    if (site == null || site.rank == 0) {
      return y;
    }
    Value dropped = recording.dropout(of.module() + ".lora_dropout", of.x(), config.lora().loraDropout());
    return adapted(recording, site, dropped.equals(of.x()) ? of.unfolded()
        : recording.graph().unfold(dropped, of.indices(), of.inverse()), y);
  }

  private Value adapted(Sites recording, Site site, Value dropped, Value y) {
    Graph graph = recording.graph();
    Value down = graph.scaleColumns(graph.linear(dropped, site.a.declare(recording)), site.e.declare(recording));
    return graph.linearOnto(down, site.b.declare(recording), y, scaling());
  }

  private List<Site> living() {
    return sites.values().stream().filter(site -> site.rank > 0).toList();
  }

  /** The mean over all A and B of ‖A·Aᵀ − I‖ and ‖Bᵀ·B − I‖, times its weight; section 3.1 of the paper squares the norms, both codes do not. */
  @Override
  public void recordBeforeUpdate(Graph apply, Value count) {
    List<Site> living = living();
    if (config.orthRegWeight() == 0) {
      return;
    }
    Value penalty = apply.program().state(ORTHOGONALITY, Shape.vector(1));
    double weight = config.orthRegWeight() / (2 * living.size());
    boolean first = true;
    for (Site site : living) {
      apply.orthogonality(trainable(apply.program(), site.a), false, weight, first, count, penalty);
      apply.orthogonality(trainable(apply.program(), site.b), true, weight, false, count, penalty);
      first = false;
    }
  }

  /** Importance and masks; scores are s(E) + mean s(A) + mean s(B) with s = Ī·Ū. */
  @Override
  public boolean recordAfterUpdate(ProgramBuilder program, Value report) {
    Graph importance = program.entry(IMPORTANCE);
    Graph mask = program.entry(MASK);
    for (Site site : living()) {
      Value scores = program.state(site.scores(), Shape.vector(site.rank));
      Value e = trainable(program, site.e);
      importance.sensitivity(e, report, config.beta1(), config.beta2(), true, true, scores);
      importance.sensitivity(trainable(program, site.a), report, config.beta1(), config.beta2(), false, false, scores);
      importance.sensitivity(trainable(program, site.b), report, config.beta1(), config.beta2(), true, false, scores);
      mask.mask(e, program.input(site.mask(), e.shape()));
    }
    return true;
  }

  private static Value trainable(ProgramBuilder program, AdapterParameter parameter) {
    return program.find(parameter.slot()).orElseThrow(() -> new ConfigException(("%s was not recorded: the model has no such site, or the task "
        + "does not read what lies behind it").formatted(parameter.slot())));
  }

  @Override
  public Optional<StepHook> hook(int steps) {
    if (config.totalStep().isPresent() && config.totalStep().getAsInt() != steps) {
      throw new ConfigException("adalora: total_step is %d but the run has %d steps; leave total_step out".formatted(
          config.totalStep().getAsInt(), steps));
    }
    if (!config.rankPattern().isEmpty()) {
      throw new ConfigException("adalora: this adapter's ranks are allocated already (rank_pattern); export it as LoRA to train on");
    }
    return Optional.of(new AdaLoraSteps(this, config.schedule(steps, sites.size())));
  }

  @Override
  public LoadedAdapter mergeable(AdapterValues values) {
    return toLora(values);
  }

  @Override
  public LoadedAdapter toLora(AdapterValues values) {
    return AdaLoraExport.toLora(this, values);
  }
}
