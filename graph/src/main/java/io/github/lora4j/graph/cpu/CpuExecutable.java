package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.MemoryPlan;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** Replays a program on the CPU: every op is bound to its memory once, a run only calls kernels. */
final class CpuExecutable implements Executable {

  private record BoundOp(Program.Node node, CpuSteps.Step step) {}

  private final Program program;
  private final CpuPlan plan;
  private final Kernels kernels;
  private final Memory memory;
  private final Map<Value, Map<CpuPlan.Form, MemorySegment>> frozen = new HashMap<>();
  private final Map<Value, MemorySegment> slots = new HashMap<>();
  private final Map<Arena, MemorySegment> arenas = new EnumMap<>(Arena.class);
  private final Map<Value, MemorySegment> temps = new HashMap<>();
  private MemorySegment slab = MemorySegment.NULL;
  private final Map<RowAxis, int[]> live = new HashMap<>();
  private final Map<String, BoundOp[]> entries = new HashMap<>();

  CpuExecutable(Program program, CpuPlan plan, Kernels kernels, Workers workers) {
    this.program = program;
    this.plan = plan;
    this.kernels = kernels;
    memory = new Memory("this program", Memory.machineBytes());
    try {
      program.axes().forEach(axis -> live.put(axis, new int[] {axis.capacity()}));
      allocate();
      CpuSteps steps = new CpuSteps(this, plan, workers, memory);
      for (Program.Entry entry : program.entries().values()) {
        entries.put(entry.name(), bind(entry.nodes(), steps));
      }
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  private static BoundOp[] bind(List<Program.Node> nodes, CpuSteps steps) {
    BoundOp[] bound = new BoundOp[nodes.size()];
    for (int i = 0; i < bound.length; i++) {
      Op op = nodes.get(i).op();
      if (i + 1 < bound.length && op.fuses(nodes.get(i + 1).op())) {
        bound[i] = new BoundOp(nodes.get(i), steps.bind(op, nodes.get(i + 1).op()));
        i++;
        bound[i] = new BoundOp(nodes.get(i), () -> { });
      } else {
        bound[i] = new BoundOp(nodes.get(i), steps.bind(op));
      }
    }
    return bound;
  }

  private void allocate() {
    plan.forms().forEach((weight, forms) -> {
      Map<CpuPlan.Form, MemorySegment> kept = new EnumMap<>(CpuPlan.Form.class);
      forms.forEach(form -> kept.put(form, memory.allocate(plan.formBytes(weight, form), CpuPlan.purpose(weight, form))));
      frozen.put(weight, kept);
    });
    plan.hostSlots().forEach(slot -> slots.put(slot, memory.allocate(plan.slotBytes(slot), slot.name())));
    for (Arena arena : Arena.values()) {
      arenas.put(arena, memory.allocate(plan.arenaBytes(arena), CpuPlan.purpose(arena)));
    }
    int width = plan.target().floats().bytes();
    boolean gradients = plan.arenaBytes(Arena.GRADIENTS) > 0;
    for (ParameterLayout.Range range : program.parameters().ranges()) {
      slots.put(range.value(), arena(Arena.PARAMETERS).asSlice(range.offset() * width, range.length() * width));
      if (gradients) {
        slots.put(range.gradient(), arena(Arena.GRADIENTS).asSlice(range.offset() * width, range.length() * width));
      }
    }
    slab = memory.allocate(plan.slabBytes(), "activations");
    for (MemoryPlan entry : plan.slabs().values()) {
      entry.offsets().forEach((value, offset) -> temps.put(value, slab.asSlice(offset, plan.slotBytes(value))));
    }
  }

  /** The memory of a value that is not a packed weight. */
  MemorySegment segment(Value value) {
    if (value.role() == Value.Role.FROZEN) {
      return frozen(value, CpuPlan.Form.RAW);
    }
    MemorySegment segment = value.slot() ? slots.get(value) : temps.get(value);
    if (segment == null) {
      throw new ConfigException("%s has no memory in this program".formatted(value));
    }
    return segment;
  }

  MemorySegment frozen(Value weight, CpuPlan.Form form) {
    return Objects.requireNonNull(forms(weight).get(form), "the plan keeps every form that an op asks for");
  }

  private Map<CpuPlan.Form, MemorySegment> forms(Value weight) {
    return Objects.requireNonNull(frozen.get(weight), "a frozen weight of the program");
  }

  /** The one-element array that holds the live count of a value's axis. */
  int[] liveCount(Value value) {
    return value.shape().axis().map(live::get).orElseGet(() -> new int[] {value.shape().rows()});
  }

  @Override
  public Program program() {
    return program;
  }

  @Override
  public DType floatType() {
    return plan.target().floats();
  }

  @Override
  public void rows(RowAxis axis, int rows) {
    int[] count = live.get(axis);
    if (count == null || rows < 0 || rows > axis.capacity()) {
      throw new ConfigException("%d rows on axis %s: its capacity is %d".formatted(rows, axis.name(), axis.capacity()));
    }
    count[0] = rows;
  }

  @Override
  public int rows(Value value) {
    return value.shape().axis().map(axis -> Objects.requireNonNull(live.get(axis), "an axis of the program")[0]).orElse(value.shape().rows());
  }

  @Override
  public WeightFormat format(Value parameter) {
    return parameter.role() == Value.Role.FROZEN ? plan.format(parameter) : plan.target().elements();
  }

  @Override
  public Optional<MemorySegment> place(Value parameter) {
    if (parameter.role() != Value.Role.FROZEN) {
      return Optional.of(segment(parameter));
    }
    Map<CpuPlan.Form, MemorySegment> kept = forms(parameter);
    // Without a raw form the format is the table's. What is kept in panels alone may come by way of memory that is idle until the next run.
    long bytes = parameter.shape().rows() * WeightFormats.rowBytes(plan.format(parameter), parameter.shape().cols());
    return Optional.ofNullable(kept.get(CpuPlan.Form.RAW)).or(() -> Optional.ofNullable(kept.get(CpuPlan.Form.TABLE)))
        .or(() -> bytes <= slab.byteSize() ? Optional.of(slab.asSlice(0, bytes)) : Optional.empty());
  }

  @Override
  public void write(Value slot, MemorySegment source) {
    if (slot.role() == Value.Role.FROZEN) {
      writeFrozen(slot, plan.format(slot), source);
      return;
    }
    MemorySegment target = segment(slot);
    if (source.byteSize() > target.byteSize()) {
      throw new ConfigException("%s holds %d bytes, got %d".formatted(slot, target.byteSize(), source.byteSize()));
    }
    MemorySegment.copy(source, 0, target, 0, source.byteSize());
  }

  /** @param as the weight's format, or floats */
  private void writeFrozen(Value weight, WeightFormat as, MemorySegment source) {
    int rows = weight.shape().rows();
    int cols = weight.shape().cols();
    long bytes = rows * WeightFormats.rowBytes(as, cols);
    if (source.byteSize() != bytes) {
      throw new ConfigException("%s needs %d bytes of %s, got %d".formatted(weight, bytes, as.name().toUpperCase(Locale.ROOT), source.byteSize()));
    }
    WeightFormat weights = plan.target().weights(weight);
    boolean stored = as.equals(weights);
    forms(weight).forEach((form, target) -> {
      if (form == CpuPlan.Form.PANELS && stored) {
        kernels.packStored(rows, cols, source, target, weights);
      } else if (form == CpuPlan.Form.PANELS) {
        kernels.pack(rows, cols, source, target, weights);
      } else if (form == CpuPlan.Form.RAW || stored) {
        MemorySegment.copy(source, 0, target, 0, bytes);
      } else {
        WeightFormats.encode(weights, rows, cols, plan.target().elements(), source, target);
      }
    });
  }

  @Override
  public void write(Value slot, float[] source, int length) {
    if (slot.integer()) {
      throw new ConfigException(slot + " holds integers");
    }
    if (slot.role() == Value.Role.FROZEN) {
      try (Memory staging = new Memory(slot.name())) {
        MemorySegment copy = staging.allocate((long) length * plan.target().floats().bytes(), "staging");
        Storage.fill(copy, plan.target().floats(), source, length);
        writeFrozen(slot, plan.target().elements(), copy);
      }
      return;
    }
    checkLength(slot, length);
    Storage.fill(segment(slot), plan.target().floats(), source, length);
  }

  @Override
  public void write(Value slot, int[] source, int length) {
    if (!slot.integer()) {
      throw new ConfigException(slot + " holds floats");
    }
    checkLength(slot, length);
    MemorySegment.copy(source, 0, segment(slot), ValueLayout.JAVA_INT, 0, length);
  }

  private static void checkLength(Value slot, int length) {
    if (length > slot.shape().elements()) {
      throw new ConfigException("%s holds %d elements, got %d".formatted(slot, slot.shape().elements(), length));
    }
  }

  @Override
  public void read(Value value, MemorySegment target) {
    program.requireReadable(value);
    MemorySegment.copy(segment(value), 0, target, 0, target.byteSize());
  }

  @Override
  public float[] floats(Value value) {
    program.requireReadable(value);
    if (value.integer()) {
      throw new ConfigException(value + " holds integers");
    }
    return Storage.floats(segment(value), plan.target().floats(), rows(value) * value.shape().cols());
  }

  @Override
  public MemorySegment arena(Arena arena) {
    return Objects.requireNonNull(arenas.get(arena), "every arena is allocated, if only with no bytes");
  }

  @Override
  public void arenaWritten(Arena arena) {
    // The arena is the memory the kernels read: nothing to transfer.
  }

  @Override
  public void run(String entry) {
    for (BoundOp op : entry(entry)) {
      op.step.run();
    }
  }

  @Override
  public Optional<String> findNonFinite(String entry) {
    for (BoundOp op : entry(entry)) {
      op.step.run();
      for (Value out : op.node.op().outputs()) {
        if (!out.integer() && op.node.op().finite(out) && !Storage.finite(segment(out), plan.target().floats(),
            (long) rows(out) * out.shape().cols())) {
          return Optional.of("%s%s (%s)".formatted(op.node.region().isEmpty() ? "" : op.node.region() + ": ", out.name(),
              op.node.op().getClass().getSimpleName()));
        }
      }
    }
    return Optional.empty();
  }

  @Override
  public List<OpTime> profile(String entry) {
    List<OpTime> times = new ArrayList<>();
    for (BoundOp bound : entry(entry)) {
      Op op = bound.node.op();
      long start = System.nanoTime();
      bound.step.run();
      times.add(new OpTime(bound.node.region(), op.getClass().getSimpleName(), op.outputs().getFirst().name(), System.nanoTime() - start,
          op.flops()));
    }
    return times;
  }

  private BoundOp[] entry(String name) {
    BoundOp[] ops = entries.get(name);
    if (ops == null) {
      throw new ConfigException("no entry %s; there are %s".formatted(name, entries.keySet()));
    }
    return ops;
  }

  @Override
  public long bytes() {
    return memory.used();
  }

  @Override
  public void close() {
    memory.close();
  }
}
