package io.github.lora4j.models;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.DoubleQuantisation;
import io.github.lora4j.vector.blocks.FourBit;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * How a model's frozen weights are kept while it is used.
 *
 * <p>A format of elements (f32, bf16, f16) holds for all of them, whatever the file has. A format of blocks (nf4, q8_0) holds for the linear modules
 * below the head, as bitsandbytes has it: the embedding, the output layer and heads stay as the file has them, F16 and BF16 in 16 bits, everything else
 * in F32. So do norms and biases, always in F32, and what an adapter adds.
 */
public sealed interface WeightStorage {

  /** As the file has them, where that is quantised: blocks as blocks, 16 bits as 16 bits. Otherwise F32. */
  WeightStorage STORED = new Stored();

  /** F32. */
  WeightStorage F32 = new As(WeightFormat.F32);

  /** See {@link #STORED}. */
  record Stored() implements WeightStorage {}

  /** In one format, as far as it holds. */
  record As(WeightFormat format) implements WeightStorage {}

  /** In four bits with double quantisation, see {@link DoubleQuantisation}: each matrix has a format of its own. */
  record Doubled(FourBit format) implements WeightStorage {}

  /** In a format. */
  static WeightStorage of(WeightFormat format) {
    return new As(format);
  }

  /**
   * By the name in a recipe: "stored", a format's, or "nf4_double" and "fp4_double".
   *
   * @throws ConfigException see {@link WeightFormats#named}
   */
  static WeightStorage named(String name) {
    return switch (name) {
      case "stored" -> STORED;
      case "nf4_double" -> new Doubled(FourBit.NF4);
      case "fp4_double" -> new Doubled(FourBit.FP4);
      default -> new As(WeightFormats.named(name));
    };
  }

  /**
   * How a program's weights are kept. Double quantisation reads each of them for its mean.
   *
   * @throws ConfigException when a file is quantised in another format of blocks than the one asked for
   */
  default CompileOptions options(Program program, Weights weights) {
    return switch (this) {
      case Stored _ -> stored(program, weights);
      case As as when as.format instanceof Elements -> new CompileOptions(as.format);
      case As as -> blocks(as.format.name(), program, weights, _ -> as.format);
      case Doubled doubled -> blocks(doubled.format.name(), program, weights,
          weight -> DoubleQuantisation.format(doubled.format, weight.shape().cols(), weights.meanAbsmax(weight)));
    };
  }

  /** Formats with blocks of the same size as those of {@link #options}, without reading a weight. */
  default CompileOptions sizes(Program program, Weights weights) {
    return this instanceof Doubled doubled
        ? blocks(doubled.format.name(), program, weights, weight -> DoubleQuantisation.format(doubled.format, weight.shape().cols(), 0))
        : options(program, weights);
  }

  private static CompileOptions stored(Program program, Weights weights) {
    Map<String, WeightFormat> formats = new HashMap<>();
    for (Value weight : program.slots().values()) {
      if (weight.role() == Value.Role.FROZEN) {
        weights.format(weight.name()).ifPresent(format -> formats.put(weight.name(), format));
      }
    }
    return formats.values().stream().allMatch(Elements.class::isInstance) ? CompileOptions.DEFAULT
        : new CompileOptions(WeightFormat.F32, compute(formats));
  }

  private static CompileOptions blocks(String wanted, Program program, Weights weights, Function<Value, WeightFormat> format) {
    Set<String> linear = linear(weights.model());
    Map<String, WeightFormat> formats = new HashMap<>();
    for (Value weight : program.slots().values()) {
      Optional<WeightFormat> stored = weight.role() == Value.Role.FROZEN ? weights.format(weight.name()) : Optional.empty();
      if (stored.isEmpty()) {
        continue;
      }
      WeightFormat has = stored.get();
      if (!(has instanceof Elements) && !has.name().equals(wanted)) {
        throw new ConfigException(("%s is stored as %s and would be quantised a second time as %s (weights), which loses more; leave weights out to keep "
            + "the file's own blocks, or say f32, bf16 or f16, or take the model that is not quantised")
            .formatted(weight.name(), has.name(), wanted));
      }
      formats.put(weight.name(), has instanceof Elements && linear.contains(weight.name()) ? format.apply(weight) : has);
    }
    return new CompileOptions(WeightFormat.F32, compute(formats));
  }

  /** What the file has in F64 is computed with in F32. */
  private static Map<String, WeightFormat> compute(Map<String, WeightFormat> formats) {
    formats.replaceAll((name, format) -> format.equals(WeightFormat.F64) ? WeightFormat.F32 : format);
    return formats;
  }

  /** Weights of linear modules below the head; not one that an embedding or the output layer is, too. */
  private static Set<String> linear(Model model) {
    Set<String> names = new HashSet<>();
    model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR || m.kind() == ModuleInfo.Kind.CONV1D)
        .filter(m -> !model.headModule(m.name())).forEach(m -> names.add(m.name() + ".weight"));
    model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.EMBEDDING).forEach(m -> names.remove(m.name() + ".weight"));
    names.removeAll(model.tied().values());
    return names;
  }
}
