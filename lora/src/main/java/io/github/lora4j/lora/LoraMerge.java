package io.github.lora4j.lora;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Puts an adapter into the weights; for LoRA W + s·B·A (transposed where the module stores [in, out]), summed in double and rounded once to
 * the weight's type. Unlike PEFT's, a merge that fails changes nothing, and one that would change two places by way of tied weights is
 * refused.
 */
public final class LoraMerge {

  private LoraMerge() {}

  /**
   * Adds the update to one module's weight in place; with DoRA then multiplies each output with m/n, n its norm.
   *
   * @param weight row-major, of this type
   * @return what {@link #unmerge} needs to know: m/n of each output, or nothing without DoRA
   * @throws FormatException when an element of the sum is not finite; the rows before it are changed by then
   */
  public static double[] merge(LoraAdapter.Site site, AdapterValues values, DType type, MemorySegment weight) {
    Update update = new Update(site, values, type);
    double[] factors = update.factors(weight);
    update.apply(weight, (row, delta, j, output) -> (row + delta) * (factors.length == 0 ? 1 : factors[output]));
    return factors;
  }

  /** Takes the update out again; exact but for rounding. */
  public static void unmerge(LoraAdapter.Site site, AdapterValues values, DType type, MemorySegment weight, double[] factors) {
    new Update(site, values, type).apply(weight, (row, delta, j, output) -> row / (factors.length == 0 ? 1 : factors[output]) - delta);
  }

  /**
   * Writes the merged model: every tensor of the base in its own element type, adapted weights merged, trained biases and modules replaced,
   * and a head that the base does not have added in F32. Tensors are streamed; the file appears complete or not at all.
   *
   * @param names from the base's tensor names to the model's, under which everything is written
   * @throws ConfigException when the base lacks adapted weights or weights are tied
   * @throws FormatException when a shape differs or a result is not finite, naming the tensor
   */
  public static void write(Checkpoint base, UnaryOperator<String> names, ModelDescription model, Adapter adapter, AdapterValues values,
      Path file) {
    try (PeftFormat.Loaded merged = adapter.mergeable(values)) {
      write(base, names, model, merged, file);
    }
  }

  private static void write(Checkpoint base, UnaryOperator<String> names, ModelDescription model, PeftFormat.Loaded loaded, Path file) {
    Adapter adapter = loaded.adapter();
    AdapterValues values = loaded.values();
    Map<String, WeightChange> changes = adapter.weightChanges(values);
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    model.modules().forEach(module -> shapes.putAll(ModelDescription.parameters(module)));
    Map<String, AdapterParameter> replaced = new LinkedHashMap<>();
    adapter.parameters().stream().filter(AdapterParameter::ofBase).forEach(p -> replaced.put(p.slot(), p));
    refuseTied(model, changes.keySet(), replaced.keySet());
    Map<String, String> sources = new LinkedHashMap<>();
    for (String name : base.names()) {
      if (sources.putIfAbsent(names.apply(name), name) != null) {
        throw new ConfigException("%s: two tensors would be named %s in the merged model".formatted(base.describe(), names.apply(name)));
      }
    }
    List<String> missing = changes.keySet().stream().filter(name -> !sources.containsKey(name) && !replaced.containsKey(name)).toList();
    if (!missing.isEmpty() && missing.stream().allMatch(name -> name.endsWith(".bias"))) {
      throw new ConfigException("merge: the adapter adds to biases that the base model does not have: %s; use it unmerged".formatted(
          Problems.some(missing)));
    }
    if (!missing.isEmpty()) {
      throw new ConfigException("%s: has no tensors for adapted modules: %s; is this the adapter's base model?"
          .formatted(base.describe(), Problems.some(missing)));
    }
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    sources.forEach((name, source) -> {
      TensorInfo info = base.info(source);
      TensorInfo target = new TensorInfo(name, info.dtype(), info.shape());
      WeightChange change = changes.getOrDefault(name, (type, data) -> { });
      if (replaced.containsKey(name)) {
        checkShape(base, info, replaced.get(name).shape());
      } else if (changes.containsKey(name)) {
        checkShape(base, info, shapes.get(name));
      }
      writer.add(target, data -> {
        if (replaced.containsKey(name)) {
          Elements.convert(name, values.get(name), info.dtype(), data);
        } else {
          base.read(source, info.dtype(), data);
        }
        change.apply(info.dtype(), data);
      });
    });
    replaced.values().stream().filter(p -> !sources.containsKey(p.slot())).forEach(p ->
        writer.add(new TensorInfo(p.slot(), DType.F32, p.shape()), data -> Elements.convert(p.slot(), values.get(p.slot()), DType.F32,
            data)));
    writer.write(file);
  }

  /** A new element from the old one, the update of it, and its place. */
  private interface Change {
    double of(double old, double delta, int column, int output);
  }

  /** One module's s·B·A in the orientation that its weight is stored in. */
  private static final class Update {
    private final String name;
    private final DType type;
    private final boolean transposed;
    private final int rows;
    private final int cols;
    private final int r;
    private final double[] left;
    private final double[] right;
    private final Optional<MemorySegment> magnitude;

    Update(LoraAdapter.Site site, AdapterValues values, DType type) {
      ModuleInfo module = site.target().module();
      name = module.name() + ".weight";
      this.type = type;
      if (!type.isFloat()) {
        throw new ConfigException("merge: %s is stored as %s; LoRA merges into F32, F64, F16 and BF16".formatted(name, type));
      }
      r = site.target().rank();
      transposed = module.kind() != ModuleInfo.Kind.LINEAR;
      rows = transposed ? module.in() : module.out();
      cols = transposed ? module.out() : module.in();
      magnitude = site.magnitude().map(p -> values.get(p.slot()));
      MemorySegment a = values.get(site.a().slot());
      MemorySegment b = values.get(site.b().slot());
      // Linear: row o of the update is Σ_k b[o,k]·a[k,:]. Conv1D and embeddings: row i is Σ_k a[k,i]·b[:,k].
      left = new double[rows * r];
      right = new double[r * cols];
      for (int k = 0; k < r; k++) {
        for (int i = 0; i < rows; i++) {
          left[i * r + k] = transposed ? at(a, (long) k * rows + i) : at(b, (long) i * r + k);
        }
        for (int j = 0; j < cols; j++) {
          right[k * cols + j] = site.target().scaling() * (transposed ? at(b, (long) j * r + k) : at(a, (long) k * cols + j));
        }
      }
    }

    private void delta(int i, double[] delta) {
      Arrays.fill(delta, 0);
      for (int k = 0; k < r; k++) {
        double factor = left[i * r + k];
        for (int j = 0; j < cols; j++) {
          delta[j] += factor * right[k * cols + j];
        }
      }
    }

    /** m/n of each output for DoRA; empty without it. */
    double[] factors(MemorySegment weight) {
      if (magnitude.isEmpty()) {
        return new double[0];
      }
      double[] squares = new double[transposed ? cols : rows];
      double[] row = new double[cols];
      double[] delta = new double[cols];
      for (int i = 0; i < rows; i++) {
        Elements.load(type, weight, (long) i * cols, row);
        delta(i, delta);
        for (int j = 0; j < cols; j++) {
          squares[transposed ? j : i] += (row[j] + delta[j]) * (row[j] + delta[j]);
        }
      }
      for (int o = 0; o < squares.length; o++) {
        squares[o] = at(magnitude.get(), o) / Math.sqrt(squares[o]);
      }
      return squares;
    }

    void apply(MemorySegment weight, Change change) {
      double[] row = new double[cols];
      double[] delta = new double[cols];
      for (int i = 0; i < rows; i++) {
        Elements.load(type, weight, (long) i * cols, row);
        delta(i, delta);
        for (int j = 0; j < cols; j++) {
          row[j] = change.of(row[j], delta[j], j, transposed ? j : i);
        }
        Elements.store(name, type, row, weight, (long) i * cols);
      }
    }
  }

  /** A module's bias with the bias behind B added. */
  static void addBias(LoraAdapter.Site site, AdapterValues values, DType type, MemorySegment bias) {
    double[] row = new double[site.target().module().out()];
    Elements.load(type, bias, 0, row);
    MemorySegment more = values.get(site.bias().orElseThrow().slot());
    for (int i = 0; i < row.length; i++) {
      row[i] += site.target().scaling() * at(more, i);
    }
    Elements.store(site.target().module().name() + ".bias", type, row, bias, 0);
  }

  private static float at(MemorySegment values, long index) {
    return values.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  private static void checkShape(Checkpoint base, TensorInfo info, List<Long> expected) {
    if (!info.shape().equals(expected)) {
      throw new FormatException("%s: tensor %s is %s, but the adapter needs %s; is this the adapter's base model?"
          .formatted(base.describe(), info.name(), info.shape(), expected));
    }
  }

  private static void refuseTied(ModelDescription model, Set<String> merged, Set<String> replaced) {
    Set<String> touched = new LinkedHashSet<>(merged);
    touched.addAll(replaced);
    Set<String> tied = new HashSet<>(model.tied().keySet());
    tied.addAll(model.tied().values());
    List<String> both = new ArrayList<>(touched);
    both.retainAll(tied);
    if (!both.isEmpty()) {
      throw new ConfigException(("merge: %s shares its memory with another parameter of the model (%s), so merging would change both and "
          + "the model would ")
          .formatted(Problems.some(both), model.tied()) + "no longer compute what was trained; use the adapter unmerged");
    }
  }
}
