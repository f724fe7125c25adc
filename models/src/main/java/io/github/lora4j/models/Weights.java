package io.github.lora4j.models;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Philox;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.DoubleQuantisation;
import io.github.lora4j.vector.blocks.FourBit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Where the parameters of a model come from: one or more checkpoints, the first that has a name wins; parameters of a head that
 * none has are drawn anew, N(0, initializer_range²) for weights and zero for biases, as Hugging Face does, and are remembered so
 * that they can be reported.
 */
public final class Weights implements AutoCloseable {

  private final List<Checkpoint> checkpoints;
  private final Model model;
  private final long seed;
  private final Set<String> transposed;
  private final Set<String> drawn = new LinkedHashSet<>();

  /** Takes over the checkpoints: closing this closes them. */
  public Weights(List<Checkpoint> checkpoints, Model model, long seed) {
    this.checkpoints = List.copyOf(checkpoints);
    this.model = model;
    this.seed = seed;
    transposed = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.CONV1D).map(m -> m.name() + ".weight")
        .collect(Collectors.toSet());
  }

  private record Found(Checkpoint checkpoint, String name) {}

  /** The tensor that holds a parameter: under its own name, or that of the one it shares. */
  private Optional<Found> find(String parameter) {
    Optional<Found> own = named(model.architecture().stored(parameter));
    String source = model.tied().get(parameter);
    return own.isPresent() || source == null ? own : named(model.architecture().stored(source));
  }

  private Optional<Found> named(String stored) {
    FamilyFacts facts = model.architecture().facts();
    String prefix = facts.prefix();
    List<String> names = new ArrayList<>(List.of(stored));
    // A model with a head keeps its base model under a prefix, a bare one does not.
    names.add(stored.startsWith(prefix) ? stored.substring(prefix.length()) : prefix + stored);
    for (String name : List.copyOf(names)) {
      facts.files().alternatives().forEach((ours, theirs) -> {
        if (name.endsWith(ours)) {
          names.add(name.substring(0, name.length() - ours.length()) + theirs);
        }
      });
    }
    for (Checkpoint checkpoint : checkpoints) {
      for (String name : names) {
        if (checkpoint.names().contains(name)) {
          return Optional.of(new Found(checkpoint, name));
        }
      }
    }
    return Optional.empty();
  }

  /** The name of the tensor that files have for a parameter, unless they leave it to one that it shares. */
  public Optional<String> source(String parameter) {
    return named(model.architecture().stored(parameter)).map(Found::name);
  }

  /** Whether some checkpoint has the parameter. */
  public boolean has(String parameter) {
    return find(parameter).isPresent();
  }

  /** The model. */
  public Model model() {
    return model;
  }

  /** The format in which the files have a parameter; empty where none has it. */
  public Optional<WeightFormat> format(String parameter) {
    return find(parameter).map(found -> found.checkpoint.stored(found.name));
  }

  /** Parameters that were drawn anew so far. */
  public Set<String> drawn() {
    return Set.copyOf(drawn);
  }

  /**
   * Fills {@code target} with a parameter.
   *
   * @param as element type: a floating-point one
   * @throws FormatException if the shape differs, or the parameter is missing and not part of a head
   */
  public void read(Value parameter, DType as, MemorySegment target) {
    Optional<Found> found = find(parameter.name());
    if (found.isEmpty()) {
      draw(parameter, as, target);
      return;
    }
    TensorInfo info = found.get().checkpoint.info(found.get().name);
    long rows = info.shape().isEmpty() ? 1 : info.shape().size() == 1 ? 1 : info.shape().getFirst();
    long cols = info.elements() / Math.max(1, rows);
    boolean turned = transposed.contains(parameter.name());
    if (rows != (turned ? parameter.shape().cols() : parameter.shape().rows()) || rows * cols != parameter.shape().elements()) {
      throw new FormatException("%s: %s has shape %s, but the model as configured needs %s; is this the checkpoint of that config.json?"
          .formatted(found.get().checkpoint.describe(), found.get().name, info.shape(), parameter.shape()));
    }
    if (!info.dtype().isFloat()) {
      throw new FormatException("%s: %s has element type %s; weights must be F32, F64, F16 or BF16"
          .formatted(found.get().checkpoint.describe(), found.get().name, info.dtype()));
    }
    if (turned && found.get().checkpoint.turned(found.get().name)) {
      found.get().checkpoint.read(found.get().name, new Elements(as), target);
    } else if (turned) {
      readTransposed(found.get(), as, target, rows, cols);
    } else {
      found.get().checkpoint.read(found.get().name, as, target);
    }
  }

  /** The same in rows of a format; what a file holds in it comes bit by bit. */
  public void read(Value parameter, WeightFormat as, MemorySegment target) {
    if (as instanceof Elements elements) {
      read(parameter, elements.type(), target);
      return;
    }
    int rows = parameter.shape().rows();
    int cols = parameter.shape().cols();
    if (quantisedWhole(parameter.name(), as)) {
      try (Memory memory = new Memory("quantising a weight")) {
        MemorySegment floats = memory.allocate(parameter.shape().elements() * Float.BYTES, parameter.name());
        read(parameter, DType.F32, floats);
        DoubleQuantisation.encode((FourBit) as, rows, cols, floats, DoubleQuantisation.BLOCK, target);
      }
      return;
    }
    boolean turned = transposed.contains(parameter.name());
    List<Long> shape = turned ? List.of((long) cols, (long) rows) : List.of((long) rows, (long) cols);
    Optional<Found> found = find(parameter.name()).filter(f -> f.checkpoint.info(f.name).shape().equals(shape)
        && turned == f.checkpoint.turned(f.name));
    if (found.isPresent()) {
      found.get().checkpoint.read(found.get().name, as, target);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(parameter.shape().elements() * Float.BYTES, 64);
      read(parameter, DType.F32, floats);
      WeightFormats.encode(as, rows, cols, new Elements(DType.F32), floats, target);
    }
  }

  /**
   * Gives rows of a parameter as F32 to one that wants no more of it at once: in memory it lies as the file has it, a block format as blocks.
   *
   * @param use given what fills memory with whole rows, from one on
   */
  public <T> T rows(Value parameter, Function<BiConsumer<Integer, MemorySegment>, T> use) {
    int cols = parameter.shape().cols();
    WeightFormat stored = readsTurned(parameter.name()) ? WeightFormat.F32 : format(parameter.name()).orElse(WeightFormat.F32);
    long rowBytes = WeightFormats.rowBytes(stored, cols);
    try (Memory memory = new Memory("rows of a weight")) {
      MemorySegment weight = memory.allocate(parameter.shape().rows() * rowBytes, parameter.name());
      read(parameter, stored, weight);
      MemorySegment floats = memory.allocate((long) cols * Float.BYTES, "a row of it");
      return use.apply((first, target) -> {
        for (long row = first, to = 0; to < target.byteSize(); row++, to += floats.byteSize()) {
          stored.decode(weight, row * rowBytes, floats, 0, cols);
          MemorySegment.copy(floats, 0, target, to, floats.byteSize());
        }
      });
    }
  }

  /** Whether a parameter lies in memory as floats, too, while it is read: turned, or because all of it must be there before any is encoded. */
  public boolean readsWhole(Value parameter, WeightFormat as) {
    return readsTurned(parameter.name()) || quantisedWhole(parameter.name(), as);
  }

  private boolean quantisedWhole(String parameter, WeightFormat as) {
    return as instanceof FourBit four && four.nested() && format(parameter).filter(Elements.class::isInstance).isPresent();
  }

  /** The mean of the absmax that a parameter's blocks have, see {@link DoubleQuantisation}. */
  float meanAbsmax(Value parameter) {
    try (Memory memory = new Memory("quantising a weight")) {
      MemorySegment floats = memory.allocate(parameter.shape().elements() * Float.BYTES, parameter.name());
      read(parameter, DType.F32, floats);
      DoubleQuantisation.Mean mean = new DoubleQuantisation.Mean();
      mean.add(floats);
      return mean.offset();
    }
  }

  /** Whether a file has the transpose of a parameter, which lies in memory both ways while it is read. */
  private boolean readsTurned(String parameter) {
    return transposed.contains(parameter) && find(parameter).filter(f -> !f.checkpoint.turned(f.name)).isPresent();
  }

  private static void readTransposed(Found found, DType as, MemorySegment target, long rows, long cols) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stored = arena.allocate(target.byteSize(), 64);
      found.checkpoint.read(found.name, as, stored);
      int bytes = as.bytes();
      for (long i = 0; i < rows; i++) {
        for (long j = 0; j < cols; j++) {
          MemorySegment.copy(stored, (i * cols + j) * bytes, target, (j * rows + i) * bytes, bytes);
        }
      }
    }
  }

  private void draw(Value parameter, DType as, MemorySegment target) {
    String name = parameter.name();
    if (!model.drawn(name)) {
      throw new FormatException("%s: no tensor for %s %s; it has %s".formatted(
          String.join(", ", checkpoints.stream().map(Checkpoint::describe).toList()), name, parameter.shape(),
          checkpoints.stream().flatMap(c -> c.names().stream()).limit(5).toList() + ", …"));
    }
    drawn.add(name);
    double deviation = name.endsWith(".bias") ? 0 : model.architecture().initializerRange();
    int[] bits = new int[4];
    int site = Graph.siteHash(name);
    Elements elements = new Elements(as);
    for (long i = 0; i < parameter.shape().elements(); i++) {
      if (i % 2 == 0) {
        Philox.generate((int) (i / 2), 0, 0, 0, (int) seed ^ site, (int) (seed >>> 32), bits);
      }
      double radius = Math.sqrt(-2 * Math.log((Integer.toUnsignedLong(bits[0]) + 1) * 0x1p-32));
      double angle = 2 * Math.PI * Integer.toUnsignedLong(bits[1]) * 0x1p-32;
      double value = deviation * radius * (i % 2 == 0 ? Math.cos(angle) : Math.sin(angle));
      elements.set(target, i, value);
    }
  }

  @Override
  public void close() {
    checkpoints.forEach(Checkpoint::close);
  }
}
