package io.github.lora4j.train;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterParameter;
import io.github.lora4j.lora.AdapterValues;
import io.github.lora4j.lora.BaseNorm;
import io.github.lora4j.models.EncoderTask;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.Weights;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.ResourceException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A task, its weights and an adapter, compiled and loaded: ready to predict, and to train if it has an optimizer. */
public final class Session implements AutoCloseable {

  private final TaskProgram task;
  private final Executable executable;
  private final Adapter adapter;
  private final PackedBatch batch;
  private final Set<String> drawn;

  private Session(TaskProgram task, Executable executable, Adapter adapter, Set<String> drawn) {
    this.task = task;
    this.executable = executable;
    this.adapter = adapter;
    this.drawn = drawn;
    batch = new PackedBatch(task.in());
  }

  /** An adapter that changes nothing: the base model. */
  public static final Adapter BASE = List::of;

  /**
   * Compiles and loads.
   *
   * @param base checkpoints that hold the base model's weights; read here, closed by the caller
   * @param values the adapter's values; empty draws them from the seed
   * @throws ResourceException if the forecast does not fit in memory
   */
  public static Session open(EncoderTask task, List<Checkpoint> base, Adapter adapter, Optional<AdapterValues> values,
      TaskProgram.Capacity capacity, Optional<OptimizerSpec> optimizer, Backend backend, DType weights, long seed) {
    TaskProgram program = TaskProgram.record(task, adapter, capacity, optimizer);
    adapter.requireRecorded(program.program());
    CompileOptions options = new CompileOptions(weights);
    refuseTooLarge(backend.forecast(program.program(), options));
    Executable executable = backend.compile(program.program(), options);
    Weights source = new Weights(base, task, seed);
    Map<String, BaseNorm> norms = adapter.baseNorms();
    try (AdapterValues initial = values.isPresent() ? null : new AdapterValues(adapter.parameters()).initialise(seed)
        .initialiseNorms(norm -> norms(source, norm))) {
      AdapterValues held = values.orElse(initial);
      Map<String, AdapterParameter> own = adapter.parameters().stream().filter(p -> values.isPresent() || !p.ofBase())
          .collect(Collectors.toMap(AdapterParameter::slot, Function.identity()));
      TaskProgram.load(executable, List.of((parameter, as, target) -> {
        if (own.containsKey(parameter.name())) {
          copy(own.get(parameter.name()), held.get(parameter.name()), as, target);
          return true;
        }
        if (norms.containsKey(parameter.name())) {
          widen(MemorySegment.ofArray(norms(source, norms.get(parameter.name()))), as, target);
          return true;
        }
        return false;
      }, (parameter, as, target) -> {
        source.read(parameter, as, target);
        return true;
      }));
      return new Session(program, executable, adapter, source.drawn());
    } catch (RuntimeException | Error e) {
      executable.close();
      throw e;
    }
  }

  private static void refuseTooLarge(List<Backend.Allocation> forecast) {
    long bytes = forecast.stream().mapToLong(a -> Memory.align(a.bytes())).sum();
    long limit = Memory.machineBytes();
    if (bytes > limit) {
      String largest = forecast.stream().sorted(Comparator.comparingLong(a -> -a.bytes())).limit(3)
          .map(a -> "%s %,d MB".formatted(a.purpose(), a.bytes() >> 20)).collect(Collectors.joining(", "));
      throw new ResourceException("this needs %,d MB of native memory, the machine (or its container) has %,d MB; largest: %s. Lower max_tokens or batch_size, or set weights: bf16"
          .formatted(bytes >> 20, limit >> 20, largest));
    }
  }

  /** Norms of a base weight, which is read for them alone. */
  private static float[] norms(Weights source, BaseNorm norm) {
    try (Memory memory = new Memory("norms of base weights")) {
      MemorySegment weight = memory.allocate(norm.shape().elements() * Float.BYTES, norm.weight());
      source.read(new Value(-1, norm.weight(), norm.shape(), Value.Role.FROZEN, DType.F32), DType.F32, weight);
      return norm.of(weight);
    }
  }

  private static void copy(AdapterParameter parameter, MemorySegment stored, DType as, MemorySegment target) {
    if (parameter.layout() == AdapterParameter.Layout.TRANSPOSED) {
      MemorySegment program = MemorySegment.ofArray(new float[Math.toIntExact(parameter.elements())]);
      parameter.toProgram(stored, program);
      widen(program, as, target);
    } else {
      widen(stored, as, target);
    }
  }

  private static void widen(MemorySegment f32, DType as, MemorySegment target) {
    if (as == DType.F32) {
      MemorySegment.copy(f32, 0, target, 0, f32.byteSize());
      return;
    }
    for (long i = 0; i < f32.byteSize() / 4; i++) {
      target.setAtIndex(ValueLayout.JAVA_DOUBLE_UNALIGNED, i, f32.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i));
    }
  }

  /** Copies the trainables as they are now. The caller closes the result. */
  public AdapterValues adapterValues() {
    AdapterValues values = new AdapterValues(adapter.parameters());
    for (AdapterParameter p : adapter.parameters()) {
      executable.program().slot(p.slot()).ifPresent(slot -> p.fromProgram(MemorySegment.ofArray(executable.floats(slot)), values.get(p.slot())));
    }
    return values;
  }

  /** Computes what the adapter derives from its parameters alone; before a forward pass whenever they have changed. */
  public void prepare() {
    if (executable.program().entries().containsKey(Adapter.PREPARE)) {
      executable.run(Adapter.PREPARE);
    }
  }

  /** Predicts every sequence of the data in order: one row each, or where the model judges tokens, the rows of its tokens one behind another. */
  public float[][] predict(TokenizedData data) {
    prepare();
    float[][] result = new float[data.ids().size()][];
    int next = 0;
    while (next < result.length) {
      int first = next;
      batch.clear();
      while (next < result.length && batch.fits(data.ids().get(next).length)) {
        batch.add(data.ids().get(next), data.types().get(next), next);
        next++;
      }
      if (next == first) {
        throw new ResourceException("a sequence of %d tokens does not fit in a batch of %d tokens; raise max_tokens or lower data.max_length"
            .formatted(data.ids().get(next).length, task.in().tokens().capacity()));
      }
      batch.write(executable, 0, 0);
      executable.run("predict");
      float[] rows = executable.floats(task.predictions());
      int cols = task.predictions().shape().cols();
      boolean tokens = task.predictions().shape().sameRows(task.in().ids().shape());
      int at = 0;
      for (int i = first; i < next; i++) {
        int end = at + (tokens ? data.ids().get(i).length : 1) * cols;
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
    return drawn;
  }

  @Override
  public void close() {
    executable.close();
  }
}
