package io.github.lora4j.tornado;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Backend.Allocation;
import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.MemoryPlan;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Where everything of a program lies in four arrays, which every kernel gets; weights and table are there once for each bank of frozen weights, of
 * which there are as many as it takes to number their elements:
 *
 * <ul>
 * <li>{@code memory}, floats: trainables, their gradients and moments, states, inputs, small frozen values, temporaries, numbers that ops
 * are
 *     made with, and scratch;
 * <li>{@code weights}, floats, of a bank: frozen matrices that only matrix products and look-ups read;
 * <li>{@code ints}, sent to the device before every run: ids and tables, and behind them the live counts;
 * <li>{@code table}, ints that never change, of a bank: such matrices in half floats, and descriptors of the tasks that read the bank; others' are in
 *     the first.
 * </ul>
 *
 * <p>A few big arrays, because a graph of TornadoVM keeps on the device only what its tasks name, and because an offset is data where an
 * array is a compiled argument.
 */
final class Layout {

  /** Elements of an arena that belong to one parameter: what {@link io.github.lora4j.graph.ParameterLayout} aligns to. */
  static final int BLOCK = 16;

  /** Elements of an array of TornadoVM, less a little for its own header. */
  static final int MOST = Integer.MAX_VALUE - 64;

  /**
   * Where a frozen matrix lies: one of {@link Moves#IN_MEMORY} and its kin, and its first element there.
   *
   * @param bank of which a task gets the arrays; 0 for what is in memory
   * @param decode place in memory of the table by which elements in few bits are read
   */
  record Weight(int bank, int where, int at, int decode) {
    static Weight inMemory(int at) {
      return new Weight(0, Moves.IN_MEMORY, at, 0);
    }

    /** Whether a library cannot read it where it lies. */
    boolean narrow() {
      return where > Moves.IN_WEIGHTS;
    }
  }

  private final Program program;
  private final WeightPlaces places;
  private final Map<Executable.Arena, Integer> arenas = new EnumMap<>(Executable.Arena.class);
  private final Map<Value, Integer> floats = new HashMap<>();
  private final Map<Value, Integer> integers = new HashMap<>();
  private final Map<Value, Weight> weights = new HashMap<>();
  private final List<SegmentMap> segmentMaps = new ArrayList<>();
  private final Map<Object, Integer> counts = new LinkedHashMap<>();
  private final Map<List<Float>, Integer> numbers = new HashMap<>();
  private final List<Allocation> allocations = new ArrayList<>();
  private final int numbersAt;
  private final int numbersEnd;
  private final int decode;
  private final int countsAt;
  private final int scratchAt;
  /** What follows the halves in the table of each bank. */
  private final List<List<int[]>> descriptors = new ArrayList<>();
  private final int[] described;
  private int numbersUsed;
  private long scratch;
  private long scratchUsed;

  /** @param most elements that a bank of frozen weights can number, at most {@link #MOST} */
  Layout(Program program, CompileOptions options, Binders<GpuBinder<?>> binders, int most) {
    this.program = program;
    long at = 0;
    for (Executable.Arena arena : Executable.Arena.values()) {
      long elements = program.uses(arena) ? program.parameters().elements() : 0;
      arenas.put(arena, index(at, "memory"));
      allocations.add(new Allocation("trainable " + arena, 4 * elements));
      at += elements;
    }
    boolean gradients = program.uses(Executable.Arena.GRADIENTS);
    program.parameters().ranges().forEach(range -> {
      floats.put(range.value(), arena(Executable.Arena.PARAMETERS) + Math.toIntExact(range.offset()));
      if (gradients) {
        floats.put(range.gradient(), arena(Executable.Arena.GRADIENTS) + Math.toIntExact(range.offset()));
      }
    });

    List<Value> slots = program.slots().values().stream().sorted(Comparator.comparingInt(Value::id)).toList();
    Set<Value> matrices = matrices(binders);
    places = new WeightPlaces(slots.stream().filter(matrices::contains).toList(), options, most);
    long ints = 0;
    for (Value slot : slots) {
      long elements = align(slot.shape().elements());
      if (slot.integer()) {
        integers.put(slot, index(ints, "ints"));
        ints += elements;
      } else if (!matrices.contains(slot) && !floats.containsKey(slot) && slot.role() != Value.Role.GRADIENT) {
        floats.put(slot, index(at, "memory"));
        at += elements;
        allocations.add(new Allocation(slot.name(), 4 * elements));
      }
    }
    described = new int[places.banks()];
    for (int bank = 0; bank < places.banks(); bank++) {
      descriptors.add(new ArrayList<>());
    }
    decode = index(at, "memory");
    at += places.decodeFloats();
    matrices.forEach(matrix -> weights.put(matrix, places.of(matrix, decode)));

    long slab = 0;
    for (Program.Entry entry : program.entries().values()) {
      MemoryPlan plan = MemoryPlan.of(entry, Float.BYTES);
      long start = at;
      plan.offsets().forEach((value, offset) -> floats.put(value, index(start + offset / Float.BYTES, "memory")));
      slab = Math.max(slab, plan.bytes() / Float.BYTES);
    }
    at += slab;
    allocations.add(new Allocation("activations", 4 * slab));
    int ops = program.entries().values().stream().mapToInt(entry -> entry.nodes().size()).sum();
    numbersAt = index(at, "memory");
    numbersEnd = index(at + align(16L * ops + 64), "memory");
    scratchAt = numbersEnd;
    countsAt = segmentMaps(index(ints, "ints"), binders);
    program.axes().forEach(axis -> counts.put(axis, countsAt + counts.size()));
  }

  private static long align(long elements) {
    return (elements + BLOCK - 1) / BLOCK * BLOCK;
  }

  private static int index(long at, String array) {
    if (at > MOST) {
      throw new ResourceException(("%s of this program would have %,d elements; an array of TornadoVM has at most %,d. Use fewer rows "
          + "(batch size, maximal length)").formatted(array, at, MOST));
    }
    return (int) at;
  }

  /** Frozen values that nothing but matrix products and look-ups reads. */
  private Set<Value> matrices(Binders<GpuBinder<?>> binders) {
    Set<Value> matrices = new HashSet<>();
    Set<Value> others = new HashSet<>();
    for (Program.Entry entry : program.entries().values()) {
      for (Program.Node node : entry.nodes()) {
        for (Value in : node.op().inputs()) {
          if (in.role() == Value.Role.FROZEN) {
            (readsStored(binders, node.op(), in) ? matrices : others).add(in);
          }
        }
      }
    }
    matrices.removeAll(others);
    return matrices;
  }

  private static <O extends Op> boolean readsStored(Binders<GpuBinder<?>> binders, O op, Value in) {
    return GpuBinders.of(binders, op).readsStored(op, in);
  }

  private int segmentMaps(int from, Binders<GpuBinder<?>> binders) {
    int at = from;
    for (Program.Entry entry : program.entries().values()) {
      for (Program.Node node : entry.nodes()) {
        at = segmentMap(at, node.op(), GpuBinders.of(binders, node.op()));
      }
    }
    return at;
  }

  /** Makes room for the map of an op's segments, if it has some and no other has the same; returns what follows. */
  private <O extends Op> int segmentMap(int at, O op, GpuBinder<O> binder) {
    if (!(binder instanceof GpuBinder.Segmented<O> segmented) || findSegmentMap(segmented.segments(op)).isPresent()) {
      return at;
    }
    AttentionOp.Attention o = segmented.segments(op);
    SegmentMap map = SegmentMap.at(at, o);
    segmentMaps.add(map);
    return index(map.end(), "ints");
  }

  /** What the host writes for segments before a run. */
  List<SegmentMap> segmentMaps() {
    return segmentMaps;
  }

  SegmentMap segmentMap(AttentionOp.Attention o) {
    return findSegmentMap(o).orElseThrow();
  }

  private Optional<SegmentMap> findSegmentMap(AttentionOp.Attention o) {
    return segmentMaps.stream().filter(map -> map.segments().equals(o.segments())
        && map.sight().equals(SegmentMap.Sight.of(o.spec()))).findFirst();
  }

  /** The first element of a float value in memory. */
  int at(Value value) {
    Integer at = floats.get(value);
    if (at == null) {
      throw new IllegalStateException("%s has no place in memory".formatted(value));
    }
    return at;
  }

  /** The first element of an integer slot in ints. */
  int intsAt(Value slot) {
    return Objects.requireNonNull(integers.get(slot), "an integer slot of the program");
  }

  /** Where a matrix lies that may be a frozen weight. */
  Weight weight(Value matrix) {
    Weight weight = weights.get(matrix);
    return weight == null ? Weight.inMemory(at(matrix)) : weight;
  }

  boolean inMemory(Value value) {
    return floats.containsKey(value);
  }

  /** First element of an arena in memory. */
  int arena(Executable.Arena arena) {
    return Objects.requireNonNull(arenas.get(arena), "an arena that the program uses");
  }

  /** Elements of an arena; 0 if the program does without. */
  int arenaElements(Executable.Arena arena) {
    return program.uses(arena) ? Math.toIntExact(program.parameters().elements()) : 0;
  }

  /** Place in ints of the live rows of a value. */
  int count(Value value) {
    return value.shape().axis().map(axis -> counts.get(axis)).orElseGet(() -> count(value.shape().rows()));
  }

  /** Place in ints of the live rows of an axis. */
  int count(RowAxis axis) {
    return Objects.requireNonNull(counts.get(axis), "an axis of the program");
  }

  /** Place in ints of a number that does not change. */
  int count(int rows) {
    return counts.computeIfAbsent(rows, key -> countsAt + counts.size());
  }

  /** Place in memory of numbers that an op is made with, side by side. */
  int numbers(double... values) {
    List<Float> key = Arrays.stream(values).mapToObj(value -> (float) value).toList();
    return numbers.computeIfAbsent(key, added -> {
      if (numbersAt + numbersUsed + values.length > numbersEnd) {
        throw new IllegalStateException("more numbers than were planned for");
      }
      numbersUsed += values.length;
      return numbersAt + numbersUsed - values.length;
    });
  }

  /** Place in memory of what one op hands from task to task, until {@link #freeScratch}. */
  int scratch(long elements) {
    int at = index(scratchAt + scratchUsed, "memory");
    scratchUsed += align(elements);
    scratch = Math.max(scratch, scratchUsed);
    index(scratchAt + scratch, "memory");
    return at;
  }

  /** Lets the next op have all scratch. */
  void freeScratch() {
    scratchUsed = 0;
  }

  /** Says where a value lies that is no value of the program. */
  void place(Value value, int at) {
    floats.put(value, at);
  }

  /** Appends constants to the table of a bank. */
  int append(int bank, int... values) {
    int at = index((long) places.tableEnd(bank) + described[bank], "table");
    index((long) at + values.length, "table");
    descriptors.get(bank).add(values.clone());
    described[bank] += values.length;
    return at;
  }

  /** How many banks there are. */
  int banks() {
    return places.banks();
  }

  /** The arrays, with all that does not depend on what the caller writes. */
  Arenas build() {
    List<Arenas.Bank> banks = new ArrayList<>();
    for (int bank = 0; bank < places.banks(); bank++) {
      Arenas.Bank of = new Arenas.Bank(tableSize(bank), places.weightsEnd(bank));
      int at = places.tableEnd(bank);
      for (int[] values : descriptors.get(bank)) {
        for (int value : values) {
          of.table().set(at++, value);
        }
      }
      banks.add(of);
    }
    Arenas made = new Arenas(banks, intsSize(), memorySize());
    counts.forEach((key, at) -> made.ints().set(at, key instanceof RowAxis axis ? axis.capacity() : (Integer) key));
    numbers.forEach((values, at) -> {
      for (int i = 0; i < values.size(); i++) {
        made.memory().set(at + i, values.get(i));
      }
    });
    places.fillTables(made.memory(), decode);
    return made;
  }

  /** The format in which a frozen matrix comes. */
  WeightFormat format(Value matrix) {
    return weights.containsKey(matrix) ? places.format(matrix) : WeightFormat.F32;
  }

  private int tableSize(int bank) {
    return Math.max(1, places.tableEnd(bank) + described[bank]);
  }

  private int intsSize() {
    return countsAt + Math.max(1, counts.size());
  }

  private int memorySize() {
    return index(scratchAt + Math.max(1, scratch), "memory");
  }

  /** Bytes of the largest array. */
  long largestArray() {
    int banks = IntStream.range(0, places.banks()).map(bank -> Math.max(tableSize(bank), places.weightsEnd(bank))).max().orElseThrow();
    return 4L * Math.max(banks, Math.max(memorySize(), intsSize()));
  }

  /** What the arrays hold; asked for when everything is lowered. */
  List<Allocation> allocations() {
    List<Allocation> all = new ArrayList<>(allocations);
    long named = all.stream().mapToLong(Allocation::bytes).sum();
    long frozen = IntStream.range(0, places.banks()).mapToLong(bank -> (long) places.weightsEnd(bank) + places.tableEnd(bank)).sum();
    long described = IntStream.range(0, places.banks()).mapToLong(bank -> tableSize(bank) - places.tableEnd(bank)).sum();
    all.add(new Allocation("frozen weights " + places.describe(), 4 * frozen));
    all.add(new Allocation("ids and tables", 4L * intsSize()));
    all.add(new Allocation("descriptors", 4 * described));
    all.add(new Allocation("scratch", 4L * memorySize() - named));
    return all;
  }
}
