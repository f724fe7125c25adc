package io.github.lora4j.train.session;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterRecording;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.DrawnModules;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.models.Weights;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A task, its weights and an adapter, compiled and loaded: ready to predict, and to train if it has an optimizer. */
public final class Session implements AutoCloseable {

  private final TaskProgram task;
  private final Executable executable;
  private final Adapter adapter;
  private final PackedBatch batch;
  private final Drawn drawn;
  private long written;
  private volatile boolean stopped;
  private final AdapterValues fixed;
  private final @Nullable BaseStarts starts;

  private Session(TaskProgram task, Executable executable, Adapter adapter, Drawn drawn, AdapterValues fixed,
      @Nullable BaseStarts starts) {
    this.fixed = fixed;
    this.starts = starts;
    this.task = task;
    this.executable = executable;
    this.adapter = adapter;
    this.drawn = drawn;
    batch = new PackedBatch(task.in(), adapter.virtualTokens());
  }

  /**
   * What a session is made from.
   *
   * @param base checkpoints that hold the base model's weights; {@link #open} reads them, the caller closes them
   * @param capacity the largest batch
   * @param weights how frozen weights are stored
   * @param seed what parameters that no checkpoint has are drawn from
   * @param values the adapter's values, copied; empty draws them from the seed
   * @param optimizer what trains it; empty for a session that predicts
   */
  public record Setup(RecordedTask task, List<Checkpoint> base, TaskProgram.Capacity capacity, WeightStorage weights, long seed,
      Optional<AdapterValues> values, Optional<OptimizerSpec> optimizer) {

    /** Copies the list. */
    public Setup {
      base = List.copyOf(base);
    }

    /** Of a session that predicts, with an adapter's first values drawn from the seed. */
    public Setup(RecordedTask task, List<Checkpoint> base, TaskProgram.Capacity capacity, WeightStorage weights, long seed) {
      this(task, base, capacity, weights, seed, Optional.empty(), Optional.empty());
    }

    /** The same with weights in a format. */
    public Setup(RecordedTask task, List<Checkpoint> base, TaskProgram.Capacity capacity, WeightFormat weights, long seed) {
      this(task, base, capacity, WeightStorage.of(weights), seed);
    }

    /** The same with the adapter's values. */
    public Setup from(AdapterValues given) {
      return new Setup(task, base, capacity, weights, seed, Optional.of(given), optimizer);
    }

    /** The same with what trains the adapter. */
    public Setup training(OptimizerSpec with) {
      return new Setup(task, base, capacity, weights, seed, values, Optional.of(with));
    }
  }

  /**
   * Compiles and loads.
   *
   * @throws ResourceException if the forecast does not fit in memory
   */
  public static Session open(Setup setup, Adapter adapter, Backend backend) {
    Optional<AdapterValues> values = setup.values();
    RecordedTask task = setup.task();
    long seed = setup.seed();
    TaskProgram program = setup.optimizer().map(optimizer -> TaskProgram.record(task, adapter, setup.capacity(), optimizer))
        .orElseGet(() -> TaskProgram.record(task, adapter, setup.capacity()));
    AdapterRecording.requireRecorded(adapter, program.program());
    Weights source = new Weights(setup.base(), task.model(), seed);
    CompileOptions sizes = setup.weights().sizes(program.program(), source);
    Quantised.check(adapter, source, program.program());
    MemoryForecast.requireRoom(MemoryForecast.of(backend, program.program(), sizes, adapter, values.isPresent(), setup.capacity().microBatches(),
        parameter -> source.readsWhole(parameter, sizes.of(parameter))), Memory.machineBytes());
    CompileOptions options = setup.weights().options(program.program(), source);
    Map<String, BaseNorm> norms = adapter.baseNorms();
    Map<String, BaseRows> rows = adapter.baseRows();
    Optional<BaseStarts> starts = Optional.empty();
    List<AdapterParameter> drawn = adapter.parameters().stream().filter(p -> !p.ofBase() || adapter.frozen(p.slot())).toList();
    Executable executable = backend.compile(program.program(), options);
    try (AdapterValues initial = values.isPresent() ? null : new AdapterValues(drawn).initialise(seed)
        .initialiseNorms(norm -> derived(source, norm.weight(), norm.shape(), norm::of))
        .initialiseRows(of -> derived(source, of.weight(), of.shape(), of::of))) {
      starts = BaseStarts.of(adapter, values.isPresent(), source, seed);
      AdapterValues held = initial != null ? initial : values.orElseThrow();
      if (values.isEmpty()) {
        starts.ifPresent(s -> s.copyTo(held));
      }
      Optional<BaseStarts> changing = starts;
      Map<String, AdapterParameter> own = adapter.parameters().stream().filter(p -> values.isPresent() || !p.ofBase())
          .collect(Collectors.toMap(AdapterParameter::slot, Function.identity()));
      Map<String, float[]> constants = adapter.constants(held);
      TaskProgram.load(executable, List.of((parameter, as, target) -> {
        if (own.containsKey(parameter.name())) {
          copy(own.get(parameter.name()), held.get(parameter.name()), parameter, as, target);
          return true;
        }
        if (constants.containsKey(parameter.name())) {
          encode(MemorySegment.ofArray(constants.get(parameter.name())), parameter, as, target);
          return true;
        }
        if (norms.containsKey(parameter.name())) {
          BaseNorm norm = norms.get(parameter.name());
          encode(MemorySegment.ofArray(derived(source, norm.weight(), norm.shape(), norm::of)), parameter, as, target);
          return true;
        }
        if (rows.containsKey(parameter.name())) {
          BaseRows of = rows.get(parameter.name());
          encode(MemorySegment.ofArray(derived(source, of.weight(), of.shape(), of::of)), parameter, as, target);
          return true;
        }
        return false;
      }, (parameter, as, target) -> {
        if (changing.isEmpty() || !changing.get().read(parameter, source, as, target)) {
          source.read(parameter, as, target);
        }
        return true;
      }));
      held.requireBase((name, target) -> {
        Optional<Value> parameter = program.program().slot(name);
        parameter.ifPresent(of -> source.read(of, DType.F32, target));
        return parameter.isPresent();
      });
      return new Session(program, executable, adapter, Drawn.of(task, program.program(), source),
          held.copy(adapter.parameters().stream().filter(p -> adapter.frozen(p.slot())).toList()), starts.orElse(null));
    } catch (RuntimeException | Error e) {
      starts.ifPresent(BaseStarts::close);
      executable.close();
      throw e;
    }
  }

  private static float[] derived(Weights source, String name, Shape shape, Function<BiConsumer<Integer, MemorySegment>, float[]> of) {
    return source.rows(new Value(-1, name, shape, Value.Role.FROZEN, DType.F32), of);
  }

  private static void copy(AdapterParameter parameter, MemorySegment stored, Value slot, WeightFormat as, MemorySegment target) {
    if (parameter.layout() == AdapterParameter.Layout.TRANSPOSED) {
      try (Memory memory = new Memory("the other way round")) {
        MemorySegment program = memory.allocate(stored.byteSize(), parameter.slot());
        parameter.toProgram(stored, program);
        encode(program, slot, as, target);
      }
    } else {
      encode(stored, slot, as, target);
    }
  }

  /** Rows of F32 in another format. */
  static void encode(MemorySegment f32, Value parameter, WeightFormat as, MemorySegment target) {
    WeightFormats.encode(as, parameter.shape().rows(), parameter.shape().cols(), new Elements(DType.F32), f32, target);
  }

  /** Copies the adapter's parameters as they are now. The caller closes the result. */
  public AdapterValues adapterValues() {
    try (AdapterValues here = trained()) {
      return here.copy(adapter.parameters());
    }
  }

  /** The adapter's parameters where the program has them, without a copy: good until it runs or is closed. The caller closes the result. */
  public AdapterValues trained() {
    return AdapterValues.from(adapter.parameters(), (p, target) -> {
      if (adapter.frozen(p.slot())) {
        fixed.copyTo(p.slot(), target);
      } else {
        executable.program().slot(p.slot()).ifPresent(slot -> read(p, slot, target));
      }
    }, () -> { });
  }

  private void read(AdapterParameter parameter, Value slot, MemorySegment target) {
    if (executable.floatType() != DType.F32) {
      parameter.fromProgram(MemorySegment.ofArray(executable.floats(slot)), target);
    } else if (parameter.layout() != AdapterParameter.Layout.TRANSPOSED) {
      executable.read(slot, target);
    } else {
      try (Memory memory = new Memory("the other way round")) {
        MemorySegment program = memory.allocate(target.byteSize(), parameter.slot());
        executable.read(slot, program);
        parameter.fromProgram(program, target);
      }
    }
  }

  /** The adapter for the base model as it is in its files, with the values given; the caller closes it. */
  public LoadedAdapter onUntouchedBase(AdapterValues values) {
    try (AdapterValues start = starts == null ? new AdapterValues(List.of()) : starts.copy()) {
      return adapter.onUntouchedBase(values, start);
    }
  }

  /** Computes what the adapter derives from its parameters alone; before a forward pass whenever they have changed. */
  public void prepare() {
    written = adapter.refresh(executable, written);
    if (executable.program().entries().containsKey(Adapter.PREPARE)) {
      executable.run(Adapter.PREPARE);
    }
  }

  /** Says that a session was told to {@link #stop} while it predicted. */
  public static final class Stopped extends CancellationException {
    private static final long serialVersionUID = 1;

    private Stopped() {
      super("stopped while predicting");
    }
  }

  /** Makes predictions end with {@link Stopped} after the batch at hand. For other threads. */
  public void stop() {
    stopped = true;
  }

  /** Ends what is made of many batches, if this was told to stop. */
  void requireRunning() {
    if (stopped) {
      throw new Stopped();
    }
  }

  /** Predicts every sequence of the data in order: one row each, or where the model judges tokens, the rows of its tokens one behind another. */
  public float[][] predict(TokenizedData data) {
    return predict(data, new int[data.sequences().size()]);
  }

  /**
   * Predicts sequences that use different adapters of a set, packed together.
   *
   * @param choices for each sequence, from {@link io.github.lora4j.lora.sets.AdapterSet#choices}
   * @throws ConfigException when there is no choice for each sequence, or this session trains
   */
  public float[][] predict(TokenizedData data, int[] choices) {
    List<Sequence> sequences = data.sequences();
    if (choices.length != sequences.size()) {
      throw new ConfigException("%d sequences but %d adapter names: each sequence needs one".formatted(sequences.size(), choices.length));
    }
    if (!adapter.parameters().isEmpty() && Arrays.stream(choices).anyMatch(choice -> choice != 0)) {
      throw new ConfigException("sequences cannot choose among adapters in a session that holds one of them to be trained: open a session "
          + "with the set itself");
    }
    prepare();
    float[][] result = new float[sequences.size()][];
    int next = 0;
    while (next < result.length) {
      requireRunning();
      int first = next;
      batch.clear();
      while (next < result.length && batch.fits(sequences.get(next).length())) {
        batch.add(sequences.get(next).ids(), sequences.get(next).types(), next, choices[next]);
        next++;
      }
      if (next == first) {
        throw new ResourceException("a sequence of %d tokens does not fit in a batch of %d tokens; raise max_tokens or lower data.max_length"
            .formatted(sequences.get(next).length(), task.in().tokens().capacity()));
      }
      batch.write(executable, 0, 0);
      executable.run("predict");
      float[] rows = executable.floats(task.predictions());
      int cols = task.predictions().shape().cols();
      boolean tokens = task.predictions().shape().sameRows(task.in().ids().shape());
      int at = 0;
      for (int i = first; i < next; i++) {
        int end = at + (tokens ? sequences.get(i).length() : 1) * cols;
        result[i] = java.util.Arrays.copyOfRange(rows, at, end);
        at = end;
      }
    }
    return result;
  }

  /** The compiled program. */
  public Executable executable() {
    return executable;
  }

  /** The recorded task. */
  public TaskProgram task() {
    return task;
  }

  /** The adapter's structure. */
  public Adapter adapter() {
    return adapter;
  }

  /** Parameters of the head that no checkpoint had and that were drawn anew. */
  public Set<String> drawn() {
    return drawn.names();
  }

  /** The adapter with what was drawn and stays frozen beside it, as it is saved; takes over and closes what it is given. */
  public LoadedAdapter withDrawn(LoadedAdapter trained) {
    return DrawnModules.beside(trained, drawn.model(), drawn.frozen());
  }

  /**
   * Parameters that no checkpoint had.
   *
   * @param frozen F32 values of those that do not train
   */
  private record Drawn(ModelDescription model, Set<String> names, Map<String, MemorySegment> frozen) {

    static Drawn of(RecordedTask task, Program program, Weights source) {
      Map<String, MemorySegment> frozen = new LinkedHashMap<>();
      for (String name : source.drawn()) {
        Value slot = program.slot(name).orElseThrow();
        if (slot.role() == Value.Role.FROZEN) {
          MemorySegment values = MemorySegment.ofArray(new float[Math.toIntExact(slot.shape().elements())]);
          source.read(slot, DType.F32, values);
          frozen.put(name, values);
        }
      }
      return new Drawn(task.description(), source.drawn(), frozen);
    }
  }

  @Override
  public void close() {
    fixed.close();
    if (starts != null) {
      starts.close();
    }
    executable.close();
  }
}
