package io.github.lora4j.lora.files;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checkpoints of loralib (Hu et al., "LoRA", the authors' own code), as adapters that compute the same. It knows two forms that PEFT does
 * not, which become plain LoRA of a larger rank:
 *
 * <ul>
 *   <li>{@code MergedLinear}, several matrices in one (query, key, value), of which some are adapted: A [r·n, in] holds each one's own rows, B
 *       [out/parts·n, r] each one's own columns. As plain LoRA the rank is r·n and B is zero outside each part's block.
 *   <li>{@code Conv2d} with a square kernel k and g groups: B·A of [out/g·k, r·k] and [r·k, in·k], read as the weight's shape [out, in/g, k,
 *       k]. With a row of either cut into the largest pieces that fit both, n of the weight's and m of the product's, each piece of a weight's
 *       row is one of m pieces of A. As plain LoRA the rank is g·n·m·r·k, for each group an A that is zero on the channels of the others; without
 *       groups n = k and m = 1.
 * </ul>
 */
public final class LoralibFormat {

  private LoralibFormat() {}

  /** Reads a checkpoint that was trained for no task; see {@link #load(Checkpoint, double, List, ModelDescription, TaskType)}. */
  public static LoadedAdapter load(Checkpoint file, double loraAlpha, List<Boolean> enableLora, ModelDescription model) {
    return read(file, loraAlpha, enableLora, model, List.of());
  }

  /**
   * Reads a checkpoint. Tensors beside lora_A and lora_B that are parameters of the model replace them: biases, a head.
   *
   * @param loraAlpha which the file does not hold; updates are scaled with alpha/r
   * @param enableLora for MergedLinear modules, which parts are adapted: true, false, true for a GPT-2's queries and values
   * @param task what it was trained for, whose head is saved with the adapter
   * @return the adapter, which the caller closes
   * @throws FormatException when a tensor is missing, of another shape, or belongs to no module, listing them
   * @throws ConfigException when {@code enableLora} is needed or does not fit
   */
  public static LoadedAdapter load(Checkpoint file, double loraAlpha, List<Boolean> enableLora, ModelDescription model, TaskType task) {
    return read(file, loraAlpha, enableLora, model, List.of(task));
  }

  private static LoadedAdapter read(Checkpoint file, double loraAlpha, List<Boolean> enableLora, ModelDescription model, List<TaskType> task) {
    Problems problems = new Problems();
    Map<String, ModuleInfo> adapted = new LinkedHashMap<>();
    Set<String> replaced = new LinkedHashSet<>();
    Map<String, List<Long>> base = new LinkedHashMap<>();
    model.modules().forEach(m -> base.putAll(ModelDescription.parameters(m)));
    for (String name : file.names()) {
      String module = name.replaceFirst("\\.[^.]*$", "");
      if (name.endsWith(".lora_A") || name.endsWith(".lora_B")) {
        model.module(module).ifPresentOrElse(m -> adapted.put(module, m), () -> problems.add("%s: the model has no module %s", name, module));
        for (String other : List.of(module + ".lora_A", module + ".lora_B")) {
          if (!file.names().contains(other)) {
            problems.add("%s is there, but %s is missing", name, other);
          }
        }
      } else if (base.containsKey(name)) {
        replaced.add(name);
      } else {
        problems.add("%s: is no parameter of this model and no lora_A or lora_B", name);
      }
    }
    if (adapted.isEmpty()) {
      problems.add("no tensor is named lora_A or lora_B; is this a checkpoint of loralib's lora_state_dict?");
    }
    raise(file, problems);
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    adapted.values().forEach(m -> {
      int own = ownRank(file, m, problems);
      int copies = own == 0 ? 1 : copies(file, m, own, enableLora, problems);
      ranks.put(m.name(), own * copies);
      alphas.put(m.name(), loraAlpha * copies);
    });
    raise(file, problems);
    // A module that trains whole is a head; a bias alone is one of bias all or lora_only.
    Set<String> heads = new LinkedHashSet<>();
    replaced.stream().filter(name -> name.endsWith(".weight")).forEach(name -> heads.add(name.substring(0, name.length() - ".weight".length())));
    heads.stream().filter(adapted::containsKey).forEach(name -> problems.add("%s: the weight of an adapted module is its base's", name));
    Set<String> biases = new LinkedHashSet<>(replaced);
    biases.removeIf(name -> heads.contains(name.replaceFirst("\\.[^.]*$", "")));
    Bias bias = bias(model, adapted.keySet(), heads, biases, problems);
    raise(file, problems);
    LoraConfig.Builder config = LoraConfig.builder().r(ranks.values().iterator().next()).loraAlpha(alphas.values().iterator().next())
        .targetModules(new TargetModules.Names(List.copyOf(adapted.keySet())))
        .rankPattern(differ(ranks)).alphaPattern(differ(alphas)).bias(bias)
        .modulesToSave(heads.stream().filter(name -> task.stream().flatMap(t -> t.heads().stream())
            .noneMatch(head -> name.equals(head) || name.startsWith(head + "."))).toList());
    task.forEach(config::taskType);
    LoraAdapter adapter = new LoraMethod().restore(config.build(), model);
    AdapterValues values = new AdapterValues(adapter.parameters());
    try {
      fill(file, adapter, values, enableLora);
      return new LoadedAdapter(adapter, values);
    } catch (RuntimeException e) {
      values.close();
      throw e;
    }
  }

  /** Nothing where all are the same. */
  private static <T> Map<String, T> differ(Map<String, T> values) {
    return Set.copyOf(values.values()).size() == 1 ? Map.of() : values;
  }

  private static void raise(Checkpoint file, Problems problems) {
    try {
      problems.raise(file.describe());
    } catch (ConfigException e) {
      throw new FormatException(e.getMessage());
    }
  }

  private static List<Long> shape(Checkpoint file, ModuleInfo module, String matrix) {
    return file.info(module.name() + "." + matrix).shape();
  }

  /** The r of loralib's layer; 0 where the matrices do not fit each other or the module. */
  private static int ownRank(Checkpoint file, ModuleInfo m, Problems problems) {
    List<Long> a = shape(file, m, "lora_A");
    List<Long> b = shape(file, m, "lora_B");
    if (a.size() != 2 || b.size() != 2) {
      problems.add("%s: lora_A is %s and lora_B %s; both must be matrices", m.name(), a, b);
      return 0;
    }
    int k = kernel(m);
    long in = m.convolution().map(c -> (long) c.channels() * k).orElse((long) m.in());
    if (m.convolution().isPresent() && k == 0) {
      problems.add("%s: loralib's convolutions are known here over two dimensions with a square kernel, got %s", m.name(), m.convolution().get());
      return 0;
    }
    int groups = m.convolution().map(Convolution::groups).orElse(1);
    boolean fits = a.get(1) == in && b.get(1) > 0 && a.get(0) % b.get(1) == 0
        && (m.convolution().isPresent() ? b.get(0) * groups == (long) m.out() * k && a.get(0).equals(b.get(1)) && a.get(0) % k == 0
            : a.get(0).equals(b.get(1)) && b.get(0) == m.out() || m.kind() == ModuleInfo.Kind.LINEAR || m.kind() == ModuleInfo.Kind.CONV1D);
    if (!fits) {
      problems.add("%s: lora_A %s and lora_B %s do not fit each other, or a module of %d inputs and %d outputs", m.name(), a, b, m.in(), m.out());
      return 0;
    }
    return Math.toIntExact(m.convolution().isPresent() ? a.get(0) / k : b.get(1));
  }

  /** Side of a square kernel over two dimensions; 1 without a kernel, 0 for another. */
  private static int kernel(ModuleInfo m) {
    List<Integer> kernel = m.convolution().map(Convolution::kernel).orElse(List.of(1, 1));
    return kernel.size() == 2 && kernel.getFirst().equals(kernel.getLast()) ? kernel.getFirst() : 0;
  }

  /** What the rank grows by. */
  private static int copies(Checkpoint file, ModuleInfo m, int own, List<Boolean> enableLora, Problems problems) {
    if (m.convolution().isPresent()) {
      Pieces pieces = Pieces.of(m);
      return pieces.groups * pieces.ofWeight * pieces.ofProduct * kernel(m);
    }
    int enabled = Math.toIntExact(shape(file, m, "lora_A").getFirst() / own);
    if (enabled == 1 && shape(file, m, "lora_B").getFirst() == m.out()) {
      return 1;
    }
    long on = enableLora.stream().filter(e -> e).count();
    if (on != enabled || m.out() % enableLora.size() != 0
        || shape(file, m, "lora_B").getFirst() != (long) m.out() / enableLora.size() * enabled) {
      problems.add("%s: is a MergedLinear of which %d parts are adapted, lora_B %s; enable_lora must say which of the parts of its %d outputs, got "
          + "%s", m.name(), enabled, shape(file, m, "lora_B"), m.out(), enableLora);
      return 1;
    }
    return enabled;
  }

  private static Bias bias(ModelDescription model, Set<String> adapted, Set<String> heads, Set<String> got, Problems problems) {
    Set<String> all = new LinkedHashSet<>();
    Set<String> own = new LinkedHashSet<>();
    model.modules().stream().filter(m -> !heads.contains(m.name())).forEach(m -> ModelDescription.parameters(m).keySet().stream()
        .filter(name -> name.endsWith(".bias")).forEach(name -> {
          all.add(name);
          if (adapted.contains(m.name())) {
            own.add(name);
          }
        }));
    if (got.isEmpty()) {
      return Bias.NONE;
    }
    if (got.equals(own)) {
      return Bias.LORA_ONLY;
    }
    if (!got.equals(all)) {
      problems.add("holds some biases, neither those of all modules nor those of the adapted ones: %s", Names.list(List.copyOf(got)));
    }
    return Bias.ALL;
  }

  private static void fill(Checkpoint file, LoraAdapter adapter, AdapterValues values, List<Boolean> enableLora) {
    adapter.parameters().stream().filter(AdapterParameter::ofBase).forEach(p -> {
      if (!file.info(p.slot()).shape().equals(p.shape())) {
        throw new FormatException("%s: %s is %s, expected %s".formatted(file.describe(), p.slot(), file.info(p.slot()).shape(), p.shape()));
      }
      file.read(p.slot(), DType.F32, values.get(p.slot()));
    });
    adapter.sites().values().forEach(site -> {
      ModuleInfo m = site.target().module();
      float[] a = read(file, m.name() + ".lora_A");
      float[] b = read(file, m.name() + ".lora_B");
      int rank = site.target().rank();
      int rows = Math.toIntExact(shape(file, m, "lora_A").getFirst());
      int columns = Math.toIntExact(shape(file, m, "lora_B").getLast());
      MemorySegment plainA = values.get(site.a().slot());
      MemorySegment plainB = values.get(site.b().slot());
      if (m.convolution().isPresent()) {
        Pieces.of(m).fill(a, b, rows, m, plainA, plainB);
        return;
      }
      copy(a, 0, plainA, 0, a.length);
      if (rows == columns && b.length == m.out() * columns) {
        copy(b, 0, plainB, 0, b.length);
        return;
      }
      int part = m.out() / enableLora.size();
      int block = 0;
      for (int e = 0; e < enableLora.size(); e++) {
        if (enableLora.get(e)) {
          for (int o = 0; o < part; o++) {
            copy(b, (block * part + o) * columns, plainB, (long) (e * part + o) * rank + (long) block * columns, columns);
          }
          block++;
        }
      }
    });
  }

  /** The pieces that rows of a convolution's weight and of loralib's product B·A are made of. */
  private record Pieces(int groups, int ofWeight, int ofProduct) {

    static Pieces of(ModuleInfo m) {
      int groups = m.convolution().map(Convolution::groups).orElse(1);
      int k = kernel(m);
      int common = BigInteger.valueOf(k).gcd(BigInteger.valueOf(groups)).intValueExact();
      return new Pieces(groups, k / common, groups / common);
    }

    void fill(float[] a, float[] b, int rows, ModuleInfo m, MemorySegment plainA, MemorySegment plainB) {
      int width = a.length / rows;
      int piece = width / ofProduct;
      int rank = ofWeight * ofProduct * rows;
      for (int group = 0; group < groups; group++) {
        for (int direction = 0; direction < ofWeight * ofProduct; direction++) {
          long at = (long) group * m.in() / groups + (long) (direction / ofProduct) * piece;
          for (int i = 0; i < rows; i++) {
            long row = (long) group * rank + (long) direction * rows + i;
            copy(a, i * width + direction % ofProduct * piece, plainA, row * m.in() + at, piece);
          }
        }
      }
      for (int o = 0; o < m.out(); o++) {
        for (int p = 0; p < ofWeight; p++) {
          int unit = o * ofWeight + p;
          copy(b, unit / ofProduct * rows, plainB, (long) o * rank + (long) (p * ofProduct + unit % ofProduct) * rows, rows);
        }
      }
    }
  }

  private static float[] read(Checkpoint file, String name) {
    float[] values = new float[Math.toIntExact(file.info(name).elements())];
    file.read(name, DType.F32, MemorySegment.ofArray(values));
    return values;
  }

  private static void copy(float[] from, int at, MemorySegment to, long first, int length) {
    MemorySegment.copy(MemorySegment.ofArray(from), ValueLayout.JAVA_FLOAT, (long) at * Float.BYTES, to, ValueLayout.JAVA_FLOAT, first * Float.BYTES,
        length);
  }
}
