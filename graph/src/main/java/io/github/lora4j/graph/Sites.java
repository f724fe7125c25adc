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

  private final Graph graph;
  private final SiteHooks hooks;
  private final Optional<Randomness> randomness;
  private final UnaryOperator<String> names;
  private final String prefix;
  private final ModuleInfo.Kind linear;
  /** The same recording for adapters, who know modules by their whole names. */
  private final Sites whole;

  /**
   * Starts a recording.
   *
   * @param randomness present while training: then {@link #dropout} drops
   */
  public Sites(Graph graph, SiteHooks hooks, Optional<Randomness> randomness) {
    this(graph, hooks, randomness, UnaryOperator.identity(), "", ModuleInfo.Kind.LINEAR);
  }

  private Sites(Graph graph, SiteHooks hooks, Optional<Randomness> randomness, UnaryOperator<String> names, String prefix,
      ModuleInfo.Kind linear) {
    this.graph = graph;
    this.hooks = hooks;
    this.randomness = randomness;
    this.names = names;
    this.prefix = prefix;
    this.linear = linear;
    this.whole = prefix.isEmpty() ? this : new Sites(graph, hooks, randomness, names, "", linear);
  }

  /**
   * The same recording with modules that share parameters of others.
   *
   * @param source the parameter that one of this name is
   */
  public Sites sharing(UnaryOperator<String> source) {
    return new Sites(graph, hooks, randomness, source, prefix, linear);
  }

  /**
   * The same recording inside a module: all names begin with its own.
   *
   * @param path the module's name and a dot: "bert."
   */
  public Sites within(String path) {
    return new Sites(graph, hooks, randomness, names, prefix + path, linear);
  }

  /** The same recording with {@code Conv1D}s as linear modules, whose weights files hold as [in, out]. */
  public Sites conv1d() {
    return new Sites(graph, hooks, randomness, names, prefix, ModuleInfo.Kind.CONV1D);
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
    return linear(module, weightName, bias ? Optional.of(module + ".bias") : Optional.empty(), x, out);
  }

  /** A linear module whose weight and bias go by other names than its own. */
  public Value linear(String module, String weightName, Optional<String> biasName, Value x, int out) {
    String name = prefix + module;
    boolean ownBias = biasName.isPresent() && biasName.get().equals(module + ".bias");
    hooks.module(new ModuleInfo(name, linear, x.shape().cols(), out, ownBias));
    if (biasName.isPresent() && !ownBias) {
      String owner = prefix + biasName.get();
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
    Optional<Value> b = biasName.map(of -> parameter(of, Shape.vector(out)));
    return hooks.linear(whole, new SiteHooks.LinearSite(name, in, weight, b), graph.linear(in, weight, b));
  }

  /** The last linear module of a block (attention, feed-forward), then adapters of the block. */
  public Value blockOutput(String module, Value x, int out, boolean bias) {
    return hooks.blockOutput(whole, prefix + module, linear(module, x, out, bias));
  }

  /** Attention over segments, of the keys and values that adapters make of these; see {@link Graph#attention}. */
  public Value attention(String module, AttentionSpec spec, Value q, Value k, Value v, Value segments, int maxLength) {
    return attention(module, spec, List.of(q, k, v), Optional.empty(), segments, maxLength);
  }

  /**
   * The same with a bias by distance.
   *
   * @param rows queries, keys and values
   * @throws ConfigException if an adapter puts keys before those of a model that counts distances
   */
  public Value attention(String module, AttentionSpec spec, List<Value> rows, Optional<Value> bias, Value segments, int maxLength) {
    SiteHooks.AttentionSite own = new SiteHooks.AttentionSite(prefix + module, rows.get(1), rows.get(2), segments);
    SiteHooks.AttentionSite site = hooks.attention(whole, own);
    if (bias.isPresent() && !site.segments().equals(segments)) {
      throw new ConfigException("%s has a bias by distance, and keys before all others have no distance: prefixes do not fit this model"
          .formatted(own.module()));
    }
    return graph.attention(spec, List.of(rows.getFirst(), site.keys(), site.values()), bias, site.segments(), maxLength);
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
    Optional<Value> b = bias ? Optional.of(parameter(module + ".bias", Shape.vector(out))) : Optional.empty();
    Value y = grouped(unfolded, weight, b, Optional.empty(), convolution.groups(), 1);
    return hooks.convolution(whole, new SiteHooks.ConvolutionSite(prefix + module, convolution, x, unfolded, indices, inverse, weight, b), y);
  }

  /**
   * y = addend + bias + alpha · a product whose groups of outputs see their own group of x's columns each.
   *
   * @param weight [out, columns of x / groups]
   */
  public Value grouped(Value x, Value weight, Optional<Value> bias, Optional<Value> addend, int groups, double alpha) {
    if (groups == 1) {
      return graph.linear(x, weight, bias, addend, alpha);
    }
    int out = weight.shape().rows();
    if (out % groups != 0) {
      throw new ConfigException("%s: %d outputs have no %d equal groups".formatted(weight.name(), out, groups));
    }
    List<Value> parts = graph.split(x, groups);
    Optional<Value> y = addend;
    for (int g = 0; g < groups; g++) {
      int first = g * (out / groups);
      float[] own = new float[out];
      Arrays.fill(own, first, first + out / groups, 1);
      Value mask = graph.program().constant("groups." + out + "." + groups + "." + g, Shape.vector(out), () -> own);
      Value part = graph.scaleColumns(graph.linear(parts.get(g), weight, bias, Optional.empty(), alpha), mask);
      y = Optional.of(y.isPresent() ? graph.add(y.get(), part) : part);
    }
    return y.orElseThrow();
  }

  /** An embedding module: rows of its weight, plus the addend. */
  public Value embedding(String module, Value ids, int entries, int dim, Optional<Value> addend) {
    return embedding(module, ids, Shape.of(entries, dim), addend, false);
  }

  /** An embedding module whose gradients are divided by how often the ids have an entry, where that is said: torch's scale_grad_by_freq. */
  public Value embedding(String module, Value ids, Shape weight, Optional<Value> addend, boolean scaleGradByFreq) {
    hooks.module(ModuleInfo.embedding(prefix + module, weight.rows(), weight.cols()));
    Value table = parameter(module + ".weight", weight);
    return hooks.embedding(whole, new SiteHooks.EmbeddingSite(prefix + module, ids, table, scaleGradByFreq),
        graph.embedding(table, ids, addend, scaleGradByFreq));
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
   * A bias of attention scores whose numbers are an embedding's rows: the relative positions of T5.
   *
   * @param choice for each distance of key and query 1 at its row, else 0 [distances, entries]
   */
  public Value distanceBias(String module, Value choice, int heads) {
    int entries = choice.shape().cols();
    hooks.module(ModuleInfo.embedding(prefix + module, entries, heads));
    return graph.linearTransposed(choice, parameter(module + ".weight", Shape.of(entries, heads)), Optional.empty(), 1);
  }

  /** Dropout while training, keyed by the site's name; x itself otherwise. */
  public Value dropout(String site, Value x, double p) {
    if (p == 0 || randomness.isEmpty()) {
      return x;
    }
    Randomness r = randomness.get();
    Value keys = r.rowKeys.stream().filter(k -> k.shape().sameRows(x.shape())).findFirst().orElseThrow(() -> new ConfigException(
        "dropout(%s): rows lie on %s, but there are dropout keys only for %s".formatted(site, x.shape(), r.rowKeys)));
    return graph.dropout(x, keys, r.random, site, p);
  }
}
