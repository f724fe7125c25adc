package io.github.lora4j.graph;

import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The building blocks that model code is written with: each knows a module's name, declares its weights as frozen or trainable
 * as the {@link SiteHooks} say, and gives adapters their turn. Serves one recorded entry.
 *
 * <p>A model names each module once, here: its module tree in Hugging Face's order, with shared parameters, is what the hooks are told while it
 * is recorded.
 */
public final class Sites {

  /**
   * What dropout needs; see {@link ElementOp.Dropout}.
   *
   * @param rowKeys for each row axis that may be dropped on, its (example, position) table
   */
  public record Randomness(List<Value> rowKeys, Value random) {}

  /** Begins the names of {@link Randomness} keys of rows that are as many in every batch, and their number: I32 [rows, 2], written with it. */
  public static final String FIXED_KEYS = "dropoutKeys.";

  private final Graph graph;
  private final SiteHooks hooks;
  private final Optional<Randomness> randomness;
  private final UnaryOperator<String> names;
  private final String prefix;
  private final ModuleInfo.Kind linear;
  /** The same recording for adapters, who know modules by their whole names. */
  private final Sites whole;

  /** Starts a recording in which {@link #dropout} drops nothing. */
  public Sites(Graph graph, SiteHooks hooks) {
    this(graph, hooks, List.of());
  }

  /**
   * Starts a recording of training.
   *
   * @param randomness what {@link #dropout} drops by
   */
  public Sites(Graph graph, SiteHooks hooks, Randomness randomness) {
    this(graph, hooks, List.of(randomness));
  }

  private Sites(Graph graph, SiteHooks hooks, List<Randomness> randomness) {
    this.graph = graph;
    this.hooks = hooks;
    this.randomness = randomness.stream().findFirst();
    this.names = UnaryOperator.identity();
    this.prefix = "";
    this.linear = ModuleInfo.Kind.LINEAR;
    this.whole = this;
  }

  private Sites(Sites of, UnaryOperator<String> names, String prefix, ModuleInfo.Kind linear) {
    this.graph = of.graph;
    this.hooks = of.hooks;
    this.randomness = of.randomness;
    this.names = names;
    this.prefix = prefix;
    this.linear = linear;
    this.whole = prefix.isEmpty() ? this : new Sites(of, names, "", linear);
  }

  /**
   * The same recording with modules that share parameters of others.
   *
   * @param source the parameter that one of this name is
   */
  public Sites sharing(UnaryOperator<String> source) {
    return new Sites(this, source, prefix, linear);
  }

  /**
   * The same recording inside a module: all names begin with its own.
   *
   * @param path the module's name and a dot: "bert."
   */
  public Sites within(String path) {
    return new Sites(this, names, prefix + path, linear);
  }

  /** The same recording with {@code Conv1D}s as linear modules, whose weights files hold as [in, out]. */
  public Sites conv1d() {
    return new Sites(this, names, prefix, ModuleInfo.Kind.CONV1D);
  }

  /** Lists a module that computes nothing in this recording: a dropout of the base model, an activation. */
  public void module(String module, ModuleInfo.Kind kind) {
    hooks.module(ModuleInfo.other(prefix + module, kind));
  }

  /** Says in which order Hugging Face lists these modules, before others beside them, where the model computes them in another order. */
  public void order(String... modules) {
    hooks.order(prefix.substring(0, Math.max(0, prefix.length() - 1)), List.of(modules));
  }

  /** The entry being recorded. */
  public Graph graph() {
    return graph;
  }

  /** A parameter of the base model under its Hugging Face name: frozen unless the hooks train it. */
  public Value parameter(String parameter, Shape shape) {
    String own = prefix + parameter;
    String name = names.apply(own);
    if (!name.equals(own)) {
      hooks.alias(own, name);
    }
    var group = hooks.trainableGroup(name);
    return group.isPresent() ? graph.program().trainable(name, shape, group.getAsInt()) : graph.program().frozen(name, shape);
  }

  /** A parameter that an adapter brings, in its own group unless the hooks that lead the recording say another or freeze it. */
  public Value trainable(String name, Shape shape, int group) {
    if (hooks.frozen(name)) {
      return graph.program().frozen(name, shape);
    }
    return graph.program().trainable(name, shape, hooks.trainableGroup(name).orElse(group));
  }

  /** A linear module: x·weightᵀ + bias, then the adapter. */
  public Value linear(String module, Value x, int out, boolean bias) {
    return linear(module, module + ".weight", x, out, bias);
  }

  /** A linear module whose weight is another module's, unless the hooks give it its own: a tied output layer. */
  public Value linear(String module, String weightName, Value x, int out, boolean bias) {
    return linear(module, weightName, bias ? List.of(module + ".bias") : List.of(), x, out);
  }

  /** A linear module whose weight and bias go by other names than its own. */
  public Value linear(String module, String weightName, String biasName, Value x, int out) {
    return linear(module, weightName, List.of(biasName), x, out);
  }

  private Value linear(String module, String weightName, List<String> biasName, Value x, int out) {
    String name = prefix + module;
    boolean ownBias = biasName.contains(module + ".bias");
    hooks.module(new ModuleInfo(name, linear, x.shape().cols(), out, ownBias));
    if (!biasName.isEmpty() && !ownBias) {
      String owner = prefix + biasName.getFirst();
      if (owner.indexOf('.') > 0) {
        hooks.module(new ModuleInfo(owner.substring(0, owner.lastIndexOf('.')), ModuleInfo.Kind.CONTAINER, 0, out, true));
      }
    }
    Value in = hooks.linearInput(whole, name, x);
    boolean shared = !weightName.equals(module + ".weight");
    if (shared) {
      hooks.alias(name + ".weight", prefix + weightName);
    }
    Value weight = parameter(shared && hooks.untied(name) ? module + ".weight" : weightName, Shape.of(out, x.shape().cols()));
    List<Value> b = biasName.stream().map(of -> parameter(of, Shape.vector(out))).toList();
    return hooks.linear(whole, new SiteHooks.LinearSite(name, in, weight, b.stream().findFirst()), graph.linear(in, weight, b, List.of(), 1));
  }

  /** The last linear module of a block (attention, feed-forward), then adapters of the block. */
  public Value blockOutput(String module, Value x, int out, boolean bias) {
    return hooks.blockOutput(whole, prefix + module, linear(module, x, out, bias));
  }

  /** Attention over segments, of the keys and values that adapters make of these; see {@link Graph#attention}. */
  public Value attention(String module, AttentionSpec spec, Value q, Value k, Value v, Value segments, int maxLength) {
    SiteHooks.AttentionSite site = hooks.attention(whole, new SiteHooks.AttentionSite(prefix + module, k, v, segments));
    return graph.attention(spec, q, site.keys(), site.values(), site.segments(), maxLength);
  }

  /**
   * The same where scores have something by distance.
   *
   * @param rows queries, keys and values
   * @throws ConfigException if an adapter puts keys before those of a model that counts distances
   */
  public Value attention(String module, AttentionSpec spec, List<Value> rows, AttentionOp.Distances by, Value segments, int maxLength) {
    SiteHooks.AttentionSite own = new SiteHooks.AttentionSite(prefix + module, rows.get(1), rows.get(2), segments);
    SiteHooks.AttentionSite site = hooks.attention(whole, own);
    if (!site.segments().equals(segments)) {
      throw new ConfigException("%s counts distances, and keys before all others have no distance: prefixes do not fit this model"
          .formatted(own.module()));
    }
    return graph.attention(spec, List.of(rows.getFirst(), site.keys(), site.values()), by, site.segments(), maxLength);
  }

  /**
   * A convolution, then the adapter. With groups each group's product is computed for all outputs and those of the others are dropped: as many
   * times the work as there are groups, which suits few of them.
   *
   * @param indices of {@link Convolution#indices}
   * @param inverse of {@link Convolution#inverse}
   */
  public Value convolution(String module, Convolution convolution, Value x, Value indices, Value inverse, int out, boolean bias) {
    hooks.module(ModuleInfo.convolution(prefix + module, convolution, out, bias));
    Value unfolded = graph.unfold(x, indices, inverse);
    Value weight = parameter(module + ".weight", Shape.of(out, convolution.features() / convolution.groups()));
    List<Value> b = bias ? List.of(parameter(module + ".bias", Shape.vector(out))) : List.of();
    Value y = grouped(unfolded, weight, b, List.of(), convolution.groups(), 1);
    return hooks.convolution(whole, new SiteHooks.ConvolutionSite(prefix + module, convolution, x, unfolded, indices, inverse, weight,
        b.stream().findFirst()), y);
  }

  /**
   * y = addend + alpha · a product whose groups of outputs see their own group of x's columns each.
   *
   * @param weight [out, columns of x / groups]
   */
  public Value groupedOnto(Value x, Value weight, Value addend, int groups, double alpha) {
    return grouped(x, weight, List.of(), List.of(addend), groups, alpha);
  }

  /** The same plus a bias. */
  public Value groupedOnto(Value x, Value weight, Value bias, Value addend, int groups, double alpha) {
    return grouped(x, weight, List.of(bias), List.of(addend), groups, alpha);
  }

  private Value grouped(Value x, Value weight, List<Value> bias, List<Value> addend, int groups, double alpha) {
    if (groups == 1) {
      return graph.linear(x, weight, bias, addend, alpha);
    }
    int out = weight.shape().rows();
    if (out % groups != 0) {
      throw new ConfigException("%s: %d outputs have no %d equal groups".formatted(weight.name(), out, groups));
    }
    List<Value> parts = graph.split(x, groups);
    Optional<Value> y = addend.stream().findFirst();
    for (int g = 0; g < groups; g++) {
      int first = g * (out / groups);
      float[] own = new float[out];
      Arrays.fill(own, first, first + out / groups, 1);
      Value mask = graph.program().constant("groups." + out + "." + groups + "." + g, Shape.vector(out), () -> own);
      Value part = graph.scaleColumns(graph.linear(parts.get(g), weight, bias, List.of(), alpha), mask);
      y = Optional.of(y.isPresent() ? graph.add(y.get(), part) : part);
    }
    return y.orElseThrow();
  }

  /** An embedding module: rows of its weight. */
  public Value embedding(String module, Value ids, int entries, int dim) {
    return embedding(module, ids, Shape.of(entries, dim), false);
  }

  /** An embedding module: rows of its weight, plus the addend. */
  public Value embedding(String module, Value ids, int entries, int dim, Value addend) {
    return embedding(module, ids, Shape.of(entries, dim), List.of(addend), false);
  }

  /** An embedding module whose gradients are divided by how often the ids have an entry, where that is said: torch's scale_grad_by_freq. */
  public Value embedding(String module, Value ids, Shape weight, boolean scaleGradByFreq) {
    return embedding(module, ids, weight, List.of(), scaleGradByFreq);
  }

  private Value embedding(String module, Value ids, Shape weight, List<Value> addend, boolean scaleGradByFreq) {
    hooks.module(ModuleInfo.embedding(prefix + module, weight.rows(), weight.cols()));
    Value table = parameter(module + ".weight", weight);
    return hooks.embedding(whole, new SiteHooks.EmbeddingSite(prefix + module, ids, table, scaleGradByFreq),
        graph.gather(table, ids, List.of(), addend, scaleGradByFreq));
  }

  /** A layer norm module. */
  public Value layerNorm(String module, Value x, double eps) {
    Shape vector = Shape.vector(x.shape().cols());
    hooks.module(ModuleInfo.layerNorm(prefix + module, vector.cols()));
    return graph.layerNorm(x, parameter(module + ".weight", vector), parameter(module + ".bias", vector), eps);
  }

  /** A root-mean-square norm module. */
  public Value rmsNorm(String module, Value x, double eps) {
    hooks.module(ModuleInfo.rmsNorm(prefix + module, x.shape().cols()));
    return graph.rmsNorm(x, parameter(module + ".weight", Shape.vector(x.shape().cols())), eps);
  }

  /**
   * A root-mean-square norm module of each so many columns.
   *
   * @param offset what is added to the weight before it multiplies: 1 in Gemma
   */
  public Value rmsNorm(String module, Value x, int columns, double eps, double offset) {
    hooks.module(ModuleInfo.rmsNorm(prefix + module, columns));
    Value weight = parameter(module + ".weight", Shape.vector(columns));
    return graph.rmsNorm(x, offset == 0 ? weight : graph.shift(weight, offset), eps);
  }

  /** A layer norm module without a bias. */
  public Value layerNormOfWeight(String module, Value x, double eps) {
    int columns = x.shape().cols();
    hooks.module(ModuleInfo.rmsNorm(prefix + module, columns));
    Value zeros = graph.program().constant("zeros." + columns, Shape.vector(columns), () -> new float[columns]);
    return graph.layerNorm(x, parameter(module + ".weight", Shape.vector(columns)), zeros, eps);
  }

  /**
   * What attention scores have by distance as an embedding's rows: the relative positions of T5 and DeBERTa.
   *
   * @param choice for each distance of key and query 1 at its row, else 0 [distances, entries]
   */
  public Value distances(String module, Value choice, int columns) {
    int entries = choice.shape().cols();
    hooks.module(ModuleInfo.embedding(prefix + module, entries, columns));
    return graph.linearTransposed(choice, parameter(module + ".weight", Shape.of(entries, columns)));
  }

  /** Dropout while training, keyed by the site's name; x itself otherwise. */
  public Value dropout(String site, Value x, double p) {
    if (p == 0 || randomness.isEmpty()) {
      return x;
    }
    Randomness r = randomness.get();
    Value keys = x.shape().axis().isEmpty() ? graph.program().table(FIXED_KEYS + x.shape().rows(), Shape.of(x.shape().rows(), 2))
        : r.rowKeys.stream().filter(k -> k.shape().sameRows(x.shape())).findFirst().orElseThrow(() -> new ConfigException(
        "dropout(%s): rows lie on %s, but there are dropout keys only for %s".formatted(site, x.shape(), r.rowKeys)));
    return graph.dropout(x, keys, r.random, site, p);
  }
}
