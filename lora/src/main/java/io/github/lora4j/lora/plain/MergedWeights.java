package io.github.lora4j.lora.plain;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * The tensors of a base model as an adapter makes them, merged one at a time as they are read: every tensor of the base in its own element type,
 * adapted weights merged, trained biases and modules replaced, and a head that the base does not have added in F32. Read as another type, a
 * tensor is the exact sum rounded once to that type (to F16 and BF16 by way of F32, as in PyTorch).
 *
 * <p>Closing it closes neither the base nor the adapter's values.
 */
public final class MergedWeights implements Checkpoint {

  private final Checkpoint base;
  private final LoadedAdapter loaded;
  private final TiedMerge tied;
  /** The base's names by the merged ones. */
  private final Map<String, String> sources;
  private final Map<String, TensorInfo> infos = new LinkedHashMap<>();

  private MergedWeights(Checkpoint base, LoadedAdapter loaded, TiedMerge tied, Map<String, String> sources) {
    this.base = base;
    this.loaded = loaded;
    this.tied = tied;
    this.sources = sources;
    sources.forEach((name, source) -> infos.put(name, new TensorInfo(name, base.info(source).dtype(), base.info(source).shape())));
    tied.replaced().values().stream().filter(p -> !sources.containsKey(p.slot()))
        .forEach(p -> infos.put(p.slot(), new TensorInfo(p.slot(), DType.F32, p.shape())));
  }

  /**
   * Prepares a merge; nothing is read yet but what the adapter itself needs of the base.
   *
   * @param names from the base's tensor names to the model's, under which everything is found
   * @param untie show every parameter that shares another's tensor as a tensor of its own; the model's config must then say so
   * @throws ConfigException when the base lacks adapted weights, or an adapter changes only one of the modules that share a weight and they
   *     are not untied
   * @throws FormatException when a shape differs, naming the tensor
   */
  public static MergedWeights of(Checkpoint base, UnaryOperator<String> names, ModelDescription model, Adapter adapter, AdapterValues values,
      boolean untie) {
    values.requireBase((parameter, target) -> {
      Optional<String> source = base.names().stream().filter(name -> names.apply(name).equals(parameter)).findFirst();
      source.ifPresent(name -> base.read(name, DType.F32, target));
      return source.isPresent();
    });
    LoadedAdapter merged = adapter.mergeable(values);
    try {
      return of(base, names, model, merged, untie);
    } catch (RuntimeException | Error e) {
      merged.close();
      throw e;
    }
  }

  private static MergedWeights of(Checkpoint base, UnaryOperator<String> names, ModelDescription model, LoadedAdapter loaded, boolean untie) {
    Map<String, WeightChange> changes = loaded.adapter().weightChanges(loaded.values());
    Map<String, AdapterParameter> replaced = new LinkedHashMap<>();
    loaded.adapter().parameters().stream().filter(AdapterParameter::ofBase).forEach(p -> replaced.put(p.slot(), p));
    TiedMerge tied = new TiedMerge(model, loaded.adapter().sharedChanges(), changes, replaced);
    if (!untie) {
      tied.refuse();
    }
    Map<String, String> sources = new LinkedHashMap<>();
    for (String name : base.names()) {
      if (sources.putIfAbsent(names.apply(name), name) != null) {
        throw new ConfigException("%s: two tensors would be named %s in the merged model".formatted(base.describe(), names.apply(name)));
      }
    }
    if (untie) {
      model.tied().forEach((alias, source) -> {
        if (sources.containsKey(source)) {
          sources.putIfAbsent(alias, sources.get(source));
        }
      });
    }
    List<String> missing = changes.keySet().stream().filter(name -> !sources.containsKey(name) && !replaced.containsKey(name)).toList();
    if (!missing.isEmpty() && missing.stream().allMatch(name -> name.endsWith(".bias"))) {
      throw new ConfigException("merge: the adapter adds to biases that the base model does not have: %s; use it unmerged".formatted(
          Names.list(missing)));
    }
    if (!missing.isEmpty()) {
      throw new ConfigException("%s: has no tensors for adapted modules: %s; is this the adapter's base model?"
          .formatted(base.describe(), Names.list(missing)));
    }
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    model.modules().forEach(module -> shapes.putAll(ModelDescription.parameters(module)));
    sources.forEach((name, source) -> {
      if (tied.replacement(name).isPresent()) {
        checkShape(base, name, source, tied.replacement(name).get().shape());
      } else if (tied.change(name).isPresent()) {
        checkShape(base, name, source, Objects.requireNonNull(shapes.get(name), "a changed weight is a module's"));
      }
    });
    return new MergedWeights(base, loaded, tied, sources);
  }

  private static void checkShape(Checkpoint base, String name, String source, List<Long> expected) {
    if (!base.info(source).shape().equals(expected)) {
      throw new FormatException("%s: tensor %s is %s, but the adapter needs %s; is this the adapter's base model?"
          .formatted(base.describe(), name, base.info(source).shape(), expected));
    }
  }

  /** Whether the adapter makes a tensor another than the base's, or adds it. */
  public boolean changed(String name) {
    return tied.change(name).isPresent() || tied.replacement(name).isPresent();
  }

  /** The base's name of a tensor; empty for one that the adapter adds. */
  public Optional<String> source(String name) {
    return Optional.ofNullable(sources.get(name));
  }

  /** Reads a tensor as it is without the adapter, in F32; it must have a {@link #source}. */
  public void base(String name, MemorySegment target) {
    base.read(source(name).orElseThrow(), DType.F32, target);
  }

  /** The base's format of a tensor that does not change, and of the one that it was for one that does; F32 for one that the adapter adds. */
  @Override
  public WeightFormat stored(String name) {
    return source(name).map(base::stored).orElse(WeightFormat.F32);
  }

  /**
   * Adds all tensors to a file; they are merged when the file is written, while this is open.
   *
   * @param types from the type that a tensor has to the one it is written in
   */
  public SafetensorsWriter into(SafetensorsWriter writer, UnaryOperator<DType> types) {
    infos.values().forEach(info -> {
      DType type = types.apply(info.dtype());
      writer.add(new TensorInfo(info.name(), type, info.shape()), data -> read(info.name(), type, data));
    });
    return writer;
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(infos.keySet());
  }

  @Override
  public TensorInfo info(String name) {
    return Optional.ofNullable(infos.get(name)).orElseThrow(() -> new FormatException("%s has no tensor %s".formatted(describe(), name)));
  }

  /**
   * See {@link Checkpoint#read}.
   *
   * @throws FormatException when an element of the result is not finite, naming the tensor; what is copied as it is is not looked at
   */
  @Override
  public void read(String name, DType as, MemorySegment target) {
    Optional<AdapterParameter> trained = tied.replacement(name);
    Optional<WeightChange> change = tied.change(name);
    DType stored = info(name).dtype();
    DType exact = stored.isFloat() && as.isFloat() && !widens(stored, as) ? through(stored) : as;
    if (change.isEmpty() || exact == as) {
      raw(name, as, target);
      change.ifPresent(c -> c.apply(as, target));
      if (change.isEmpty() && trained.isEmpty() && as != stored && as.isFloat()) {
        Elements.requireFinite(name, as, target);
      }
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment sums = arena.allocate(Math.max(1, info(name).elements() * exact.bytes()), 64).asSlice(0, info(name).elements() * exact.bytes());
      raw(name, exact, sums);
      change.get().apply(exact, sums);
      Elements.convert(name, exact, sums, as, target);
    }
  }

  /** The type to add in where the wanted one does not hold what is stored. */
  private static DType through(DType stored) {
    return stored == DType.F64 ? DType.F64 : DType.F32;
  }

  private static boolean widens(DType stored, DType as) {
    return stored == as || as == DType.F64 || as == DType.F32 && stored != DType.F64;
  }

  private void raw(String name, DType as, MemorySegment target) {
    Optional<AdapterParameter> trained = tied.replacement(name);
    if (trained.isPresent()) {
      Elements.convert(name, DType.F32, loaded.values().get(trained.get().slot()), as, target);
    } else {
      base.read(Objects.requireNonNull(sources.get(name), "what is not the base's is trained"), as, target);
    }
  }

  @Override
  public Map<String, String> metadata() {
    return base.metadata();
  }

  @Override
  public String describe() {
    return base.describe();
  }

  @Override
  public void close() {
    loaded.close();
  }
}
