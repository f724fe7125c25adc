package io.github.lora4j.train.session;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.models.Weights;
import io.github.lora4j.train.sums.GradientSums;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.ResourceException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** All memory that a session takes when it takes most, before any of it is there: the program's own, what lies beside it, and Java's. */
public final class MemoryForecast {

  /** Sums of a step's micro-batches, see {@link GradientSums}. */
  public static final String SUMS = "sums of micro-batches";
  /** What is held while a model is loaded or an adapter saved, whichever is more: neither happens during a step. */
  public static final String FILES = "loading and saving";
  /** What the process has before a program is compiled: the JVM, classes, objects, and the rest of the room for new ones. */
  public static final String JAVA = "Java itself";
  /** What it takes to compile the steps, and what that makes. */
  public static final String COMPILING = "compiling the steps";

  private MemoryForecast() {}

  /**
   * What the backend allocates for a program, and the rest under the names above.
   *
   * @param given whether the adapter's values lie in memory before, as those of a trained one do
   * @param microBatches of a step; 1 for what does not train
   * @param copied whether a parameter lies in memory as floats, too, while it is read, see {@link Weights#readsWhole}
   */
  public static List<Backend.Allocation> of(Backend backend, Program program, CompileOptions options, Adapter adapter, boolean given,
      int microBatches, Predicate<Value> copied) {
    List<Backend.Allocation> all = new ArrayList<>(backend.forecast(program, options));
    if (microBatches > 1) {
      all.add(new Backend.Allocation(SUMS, GradientSums.bytes(microBatches, program.parameters().elements())));
    }
    JavaMemory java = JavaMemory.now();
    // What Java takes only once steps are compiled is not there yet while a model is loaded.
    long loading = loading(backend.staging(program, options) + copied(program, copied), adapter, given) - java.compiling();
    all.add(new Backend.Allocation(FILES, Math.max(Math.max(0, loading), saving(adapter, program))));
    all.addAll(java.allocations());
    return List.copyOf(all);
  }

  private static long copied(Program program, Predicate<Value> copied) {
    return program.slots().values().stream().filter(copied).mapToLong(slot -> slot.shape().elements() * Float.BYTES).max()
        .orElse(0);
  }

  /** A weight as it is read, and the same turned where it is; the values of the adapter, and what its start from base weights keeps. */
  private static long loading(long staging, Adapter adapter, boolean given) {
    Collection<BaseStart> starts = adapter.baseStarts().values();
    long kept = bytes(starts.stream().flatMap(start -> List.of(start.a(), start.b()).stream()).toList(), _ -> true);
    long weight = starts.stream().mapToLong(start -> start.shape().elements() * Float.BYTES).max().orElse(0);
    // Norms and rows of a weight are those of its values.
    long derived = Math.max(adapter.baseNorms().values().stream().mapToLong(norm -> norm.shape().elements()).max().orElse(0),
        adapter.baseRows().values().stream().mapToLong(rows -> rows.shape().elements()).max().orElse(0)) * Float.BYTES;
    return Math.max(Math.max(staging, derived), Math.max(2 * weight, turned(adapter)))
        + bytes(adapter.parameters(), p -> given || !p.ofBase()) + kept;
  }

  /** A tensor and the same turned; methods that save another form than the one that trained make it first. */
  private static long saving(Adapter adapter, Program program) {
    long tensor = adapter.parameters().stream().mapToLong(p -> p.elements() * Float.BYTES).max().orElse(0);
    boolean converts = !adapter.baseStarts().isEmpty() || program.entries().containsKey(TaskProgram.CLEAR);
    return tensor + turned(adapter) + (converts ? 3 * bytes(adapter.parameters(), p -> !p.ofBase()) : 0);
  }

  private static long turned(Adapter adapter) {
    return adapter.parameters().stream().filter(p -> p.layout() == AdapterParameter.Layout.TRANSPOSED).mapToLong(p -> p.elements() * Float.BYTES)
        .max().orElse(0);
  }

  private static long bytes(List<AdapterParameter> parameters, Predicate<AdapterParameter> counted) {
    return parameters.stream().filter(counted).mapToLong(p -> Memory.align(p.elements() * Float.BYTES)).sum();
  }

  /**
   * Refuses what does not fit.
   *
   * @param limit bytes of the machine, or of the container
   * @throws ResourceException naming the parts and what would make them smaller
   */
  public static void requireRoom(List<Backend.Allocation> forecast, long limit) {
    long bytes = forecast.stream().mapToLong(a -> Memory.align(a.bytes())).sum();
    if (bytes <= limit) {
      return;
    }
    List<String> beside = List.of(SUMS, FILES, JAVA, COMPILING);
    List<Backend.Allocation> program = forecast.stream().filter(a -> !beside.contains(a.purpose())).toList();
    String largest = program.stream().sorted(Comparator.comparingLong(a -> -a.bytes())).limit(3).map(MemoryForecast::text)
        .collect(Collectors.joining(", "));
    throw new ResourceException(("this needs %,d MB of memory, the machine (or its container) has %,d MB: %,d MB for the program (largest: %s), %s. "
        + "Lower max_tokens or batch_size, or set recompute: layers or weights: bf16%s; lora4j plan says what each saves").formatted(bytes >> 20,
        limit >> 20,
            program.stream().mapToLong(a -> Memory.align(a.bytes())).sum() >> 20, largest,
            forecast.stream().filter(a -> beside.contains(a.purpose())).map(MemoryForecast::text).collect(Collectors.joining(", ")),
            forecast.stream().anyMatch(a -> a.purpose().equals(SUMS)) ? ", or lower gradient_accumulation" : ""));
  }

  private static String text(Backend.Allocation part) {
    return "%s %,d MB".formatted(part.purpose(), part.bytes() >> 20);
  }
}
