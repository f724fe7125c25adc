package io.github.lora4j.lora.plain;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Puts an adapter into the weights; for LoRA W + s·B·A (transposed where the module stores [in, out]), summed in double and rounded once to
 * the weight's type. Unlike PEFT's, a merge that fails changes nothing, and one that would change two places by way of tied weights is
 * refused, unless it may untie them.
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

  /** Writes the merged model, whose tied weights stay tied, as the method below does. */
  public static void write(Checkpoint base, UnaryOperator<String> names, ModelDescription model, Adapter adapter, AdapterValues values,
      Path file) {
    write(base, names, model, adapter, values, false, file);
  }

  /**
   * Writes the merged model: every tensor of the base in its own element type, adapted weights merged, trained biases and modules replaced,
   * and a head that the base does not have added in F32. Tensors are streamed; the file appears complete or not at all.
   *
   * @param names from the base's tensor names to the model's, under which everything is written
   * @param untie write every parameter that shares another's tensor as a tensor of its own; the model's config must then say so
   * @throws ConfigException when the base lacks adapted weights, or an adapter changes only one of the modules that share a weight and they
   *     are not untied
   * @throws FormatException when a shape differs or a result is not finite, naming the tensor
   */
  public static void write(Checkpoint base, UnaryOperator<String> names, ModelDescription model, Adapter adapter, AdapterValues values,
      boolean untie, Path file) {
    try (MergedWeights merged = MergedWeights.of(base, names, model, adapter, values, untie)) {
      merged.into(new SafetensorsWriter().metadata("format", "pt"), UnaryOperator.identity()).write(file);
    }
  }

  private static int groups(ModuleInfo module) {
    return module.convolution().map(Convolution::groups).orElse(1);
  }

  /** Whether A is zero on the channels of other groups than its rows': only then is the update of the weight's shape. */
  static boolean withinGroups(LoraAdapter.Site site, AdapterValues values) {
    int groups = groups(site.target().module());
    int in = site.target().module().in();
    int rank = site.target().rank();
    if (groups == 1) {
      return true;
    }
    MemorySegment a = values.get(site.a().slot());
    for (int k = 0; k < rank; k++) {
      for (int j = 0; j < in; j++) {
        if (j / (in / groups) != k / (rank / groups) && at(a, (long) k * in + j) != 0) {
          return false;
        }
      }
    }
    return true;
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
    private final int groups;
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
      groups = groups(module);
      r = site.target().rank() / groups;
      transposed = module.kind() == ModuleInfo.Kind.CONV1D || module.kind() == ModuleInfo.Kind.EMBEDDING;
      rows = transposed ? module.in() : module.out();
      cols = transposed ? module.out() : module.in() / groups;
      magnitude = site.magnitude().map(p -> values.get(p.slot()));
      MemorySegment a = values.get(site.a().slot());
      MemorySegment b = values.get(site.b().slot());
      // Linear: row o of the update is Σ_k b[o,k]·a[k,:]. Conv1D and embeddings: row i is Σ_k a[k,i]·b[:,k].
      left = new double[rows * r];
      right = new double[groups * r * cols];
      for (int k = 0; k < r; k++) {
        for (int i = 0; i < rows; i++) {
          left[i * r + k] = transposed ? at(a, (long) k * rows + i) : at(b, (long) i * r + k);
        }
      }
      for (int k = 0; k < groups * r; k++) {
        // Of A's columns those that its group's weights have.
        long first = (long) k * module.in() + (long) k / r * cols;
        for (int j = 0; j < cols; j++) {
          right[k * cols + j] = site.target().scaling() * (transposed ? at(b, (long) j * r + k) : at(a, first + j));
        }
      }
    }

    private void delta(int i, double[] delta) {
      Arrays.fill(delta, 0);
      int group = i / (rows / groups) * r;
      for (int k = 0; k < r; k++) {
        double factor = left[i * r + k];
        for (int j = 0; j < cols; j++) {
          delta[j] += factor * right[(group + k) * cols + j];
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
}
