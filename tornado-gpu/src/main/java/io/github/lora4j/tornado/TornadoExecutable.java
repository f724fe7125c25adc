package io.github.lora4j.tornado;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** A lowered program with its host arrays and the device that runs it. */
final class TornadoExecutable implements Executable {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** Time between reports while a device compiles. */
  private static final long TELL_NANOS = 5_000_000_000L;

  private final Program program;
  private final Layout layout;
  private final Lowering lowering;
  private final Arenas arenas;
  private final Device device;
  private final Map<RowAxis, Integer> live = new HashMap<>();
  private final Map<String, List<Op.Followed>> followed = new HashMap<>();
  /** Entries that have run, and chunks. */
  private final Set<String> ready = new HashSet<>();
  private final Set<Integer> compiled = new HashSet<>();
  private Consumer<String> progress = text -> { };
  private boolean intsChanged = true;

  TornadoExecutable(Program program, Layout layout, Lowering lowering, Device.Factory factory) {
    this.program = program;
    this.layout = layout;
    this.lowering = lowering;
    program.axes().forEach(axis -> live.put(axis, axis.capacity()));
    program.entries().values().forEach(entry -> followed.put(entry.name(), entry.nodes().stream().flatMap(node ->
        node.op().followed().stream()).distinct().toList()));
    arenas = layout.build();
    device = factory.open(arenas, lowering);
  }

  @Override
  public Program program() {
    return program;
  }

  @Override
  public DType floatType() {
    return DType.F32;
  }

  @Override
  public void rows(RowAxis axis, int rows) {
    if (!live.containsKey(axis) || rows < 0 || rows > axis.capacity()) {
      throw new ConfigException("%d rows on axis %s: its capacity is %d".formatted(rows, axis.name(), axis.capacity()));
    }
    live.put(axis, rows);
    arenas.ints().set(layout.count(axis), rows);
    intsChanged = true;
  }

  @Override
  public int rows(Value value) {
    return value.shape().axis().map(live::get).orElse(value.shape().rows());
  }

  /** Weights in blocks come in blocks; 16 bits are made here. */
  @Override
  public WeightFormat format(Value parameter) {
    WeightFormat stored = layout.format(parameter);
    return stored instanceof Elements ? WeightFormat.F32 : stored;
  }

  @Override
  public void write(Value slot, MemorySegment source) {
    WeightFormat format = format(slot);
    if (!(format instanceof Elements)) {
      copyBlocks(slot, format, source);
      return;
    }
    if (slot.role() == Value.Role.FROZEN && source.byteSize() != 4 * slot.shape().elements()) {
      throw new ConfigException("%s needs %d bytes of F32, got %d".formatted(slot, 4 * slot.shape().elements(), source.byteSize()));
    }
    if (source.byteSize() > 4 * slot.shape().elements()) {
      throw new ConfigException("%s holds %d bytes, got %d".formatted(slot, 4 * slot.shape().elements(), source.byteSize()));
    }
    copyIn(slot, source);
  }

  @Override
  public void write(Value slot, float[] source, int length) {
    if (slot.integer()) {
      throw new ConfigException(slot + " holds integers");
    }
    checkLength(slot, length);
    WeightFormat format = format(slot);
    if (!(format instanceof Elements)) {
      int rows = slot.shape().rows();
      int cols = slot.shape().cols();
      MemorySegment blocks = MemorySegment.ofArray(new byte[Math.toIntExact(rows * WeightFormats.rowBytes(format, cols))]);
      WeightFormats.encode(format, rows, cols, new Elements(DType.F32), MemorySegment.ofArray(source), blocks);
      copyBlocks(slot, format, blocks);
      return;
    }
    write(slot, MemorySegment.ofArray(source).asSlice(0, 4L * length));
  }

  private void copyBlocks(Value slot, WeightFormat format, MemorySegment blocks) {
    long bytes = slot.shape().rows() * WeightFormats.rowBytes(format, slot.shape().cols());
    if (blocks.byteSize() != bytes) {
      throw new ConfigException("%s needs %d bytes of %s, got %d".formatted(slot, bytes, format.name(), blocks.byteSize()));
    }
    Layout.Weight place = layout.weight(slot);
    Blocks.write(format, slot.shape().rows(), slot.shape().cols(), blocks, arenas.banks().get(place.bank()), place);
    int elements = Math.toIntExact(slot.shape().elements());
    int codes = place.where() == Moves.IN_NIBBLES ? 8 : 4;
    int scales = place.where() == Moves.IN_PAIRS ? 8 : 16;
    device.send(Arenas.Which.TABLE, place.bank(), place.at() / codes, elements / codes);
    device.send(Arenas.Which.WEIGHTS, place.bank(), place.at() / scales, elements / scales);
  }

  @Override
  public void write(Value slot, int[] source, int length) {
    if (!slot.integer()) {
      throw new ConfigException(slot + " holds floats");
    }
    checkLength(slot, length);
    copyIn(slot, MemorySegment.ofArray(source).asSlice(0, 4L * length));
  }

  private static void checkLength(Value slot, int length) {
    if (length > slot.shape().elements()) {
      throw new ConfigException("%s holds %d elements, got %d".formatted(slot, slot.shape().elements(), length));
    }
  }

  private void copyIn(Value slot, MemorySegment source) {
    int elements = Math.toIntExact(source.byteSize() / 4);
    if (slot.integer()) {
      MemorySegment.copy(source, 0, arenas.intsBytes(), 4L * layout.intsAt(slot), 4L * elements);
      intsChanged = true;
      return;
    }
    Layout.Weight place = slot.slot() && (slot.role() == Value.Role.FROZEN || layout.inMemory(slot)) ? layout.weight(slot) : null;
    if (place == null) {
      throw new ConfigException("%s has no memory in this program".formatted(slot));
    }
    switch (place.where()) {
      case Moves.IN_MEMORY -> {
        MemorySegment.copy(source, 0, arenas.memoryBytes(), 4L * place.at(), 4L * elements);
        device.send(Arenas.Which.MEMORY, 0, place.at(), elements);
      }
      case Moves.IN_WEIGHTS -> {
        MemorySegment.copy(source, 0, arenas.banks().get(place.bank()).weightsBytes(), 4L * place.at(), 4L * elements);
        device.send(Arenas.Which.WEIGHTS, place.bank(), place.at(), elements);
      }
      default -> {
        MemorySegment table = arenas.banks().get(place.bank()).tableBytes();
        for (int i = 0; i < elements; i++) {
          float value = source.getAtIndex(FLOAT, i);
          short bits = layout.format(slot).equals(WeightFormat.F16) ? Float.floatToFloat16(value) : DType.floatToBf16(value);
          table.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * (place.at() + i), bits);
        }
        device.send(Arenas.Which.TABLE, place.bank(), place.at() / 2, (elements + 1) / 2);
      }
    }
  }

  @Override
  public void read(Value value, MemorySegment target) {
    program.requireReadable(value);
    if (value.integer()) {
      MemorySegment.copy(arenas.intsBytes(), 4L * layout.intsAt(value), target, 0, target.byteSize());
      return;
    }
    int at = layout.at(value);
    int elements = Math.toIntExact(target.byteSize() / 4);
    device.fetch(at, elements);
    MemorySegment.copy(arenas.memoryBytes(), 4L * at, target, 0, 4L * elements);
  }

  @Override
  public float[] floats(Value value) {
    if (value.integer()) {
      throw new ConfigException(value + " holds integers");
    }
    float[] values = new float[rows(value) * value.shape().cols()];
    read(value, MemorySegment.ofArray(values));
    return values;
  }

  @Override
  public MemorySegment arena(Arena arena) {
    device.fetch(layout.arena(arena), layout.arenaElements(arena));
    return arenas.memoryBytes().asSlice(4L * layout.arena(arena), 4L * layout.arenaElements(arena));
  }

  @Override
  public void arenaWritten(Arena arena) {
    device.send(Arenas.Which.MEMORY, 0, layout.arena(arena), layout.arenaElements(arena));
  }

  @Override
  public void run(String entry) {
    prepare(entry);
    List<Lowering.Call> calls = lowering.entry(entry);
    if (ready.contains(entry)) {
      calls.forEach(device::run);
    } else {
      first(entry, calls);
      ready.add(entry);
    }
  }

  /** The first run of an entry, in which the device compiles what no other entry had it compile. */
  private void first(String entry, List<Lowering.Call> calls) {
    List<Lowering.Chunk> missing = calls.stream().map(Lowering.Call::chunk).distinct().filter(chunk ->
        !compiled.contains(chunk.id())).toList();
    int kernels = missing.stream().mapToInt(chunk -> chunk.steps().size()).sum();
    int done = 0;
    long start = System.nanoTime();
    long told = start;
    if (kernels > 0) {
      progress.accept("compiling %s for the device, once: %d kernels in %d parts".formatted(entry, kernels, missing.size()));
    }
    for (Lowering.Call call : calls) {
      device.run(call);
      if (compiled.add(call.chunk().id())) {
        done += call.chunk().steps().size();
        if (System.nanoTime() - told > TELL_NANOS && done < kernels) {
          told = System.nanoTime();
          progress.accept("compiling %s: %d of %d kernels".formatted(entry, done, kernels));
        }
      }
    }
    if (kernels > 0) {
      progress.accept("compiled and first run of %s: %.1f s".formatted(entry, (System.nanoTime() - start) / 1e9));
    }
  }

  @Override
  public void progress(Consumer<String> listener) {
    progress = listener;
  }

  /** Checks what the device would follow blindly, and sends what the host knows of this run. */
  private void prepare(String entry) {
    List<Op.Followed> follows = followed.get(entry);
    if (follows == null) {
      throw new ConfigException("no entry %s; there are %s".formatted(entry, program.entries().keySet()));
    }
    follows.forEach(this::check);
    if (intsChanged) {
      layout.segmentMaps().forEach(map -> map.write(arenas.intsBytes(), layout.intsAt(map.segments()), rows(map.segments())));
      device.sendInts();
      intsChanged = false;
    }
  }

  private void check(Op.Followed ids) {
    int at = layout.intsAt(ids.ids());
    int cols = ids.ids().shape().cols();
    int count = rows(ids.ids()) * cols;
    for (int i = 0; i < count; i++) {
      int id = arenas.intsBytes().getAtIndex(INT, at + i);
      if ((id < 0 || id >= ids.limit()) && !ids.nothing().contains(id)) {
        throw new ConfigException("%s: that of row %d is %d, expected 0 to %d, or %s for none".formatted(ids.what(), i / cols, id, ids.limit() - 1,
            ids.nothing().stream().sorted(Comparator.reverseOrder()).map(String::valueOf).collect(Collectors.joining(" or "))));
      }
    }
  }

  @Override
  public Optional<String> findNonFinite(String entry) {
    prepare(entry);
    List<Program.Node> nodes = program.entry(entry).nodes();
    for (int i = 0; i < nodes.size(); i++) {
      Program.Node node = nodes.get(i);
      lowering.ops(entry).get(i).forEach(device::run);
      for (Value out : node.op().outputs()) {
        if (node.op().finite(out) && !finite(out)) {
          return Optional.of("%s%s (%s)".formatted(node.region().isEmpty() ? "" : node.region() + ": ", out.name(),
              node.op().getClass().getSimpleName()));
        }
      }
    }
    return Optional.empty();
  }

  private boolean finite(Value value) {
    int at = layout.at(value);
    int elements = rows(value) * value.shape().cols();
    device.fetch(at, elements);
    for (int i = 0; i < elements; i++) {
      if (!Float.isFinite(arenas.memoryBytes().getAtIndex(FLOAT, at + i))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public List<OpTime> profile(String entry) {
    prepare(entry);
    List<OpTime> times = new ArrayList<>();
    List<Program.Node> nodes = program.entry(entry).nodes();
    for (int i = 0; i < nodes.size(); i++) {
      Op op = nodes.get(i).op();
      long start = System.nanoTime();
      lowering.ops(entry).get(i).forEach(device::run);
      times.add(new OpTime(nodes.get(i).region(), op.getClass().getSimpleName(), op.outputs().isEmpty() ? ""
          : op.outputs().getFirst().name(),
          System.nanoTime() - start, op.flops()));
    }
    return times;
  }

  @Override
  public long bytes() {
    return layout.allocations().stream().mapToLong(allocation -> allocation.bytes()).sum();
  }

  @Override
  public void close() {
    device.close();
  }
}
