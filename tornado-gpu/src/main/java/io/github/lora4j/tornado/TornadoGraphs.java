package io.github.lora4j.tornado;

import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ResourceException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * One execution plan: a graph that sends the ints, one for each direction of staged copies, small and large, and one for each chunk. All
 * graphs name all arrays of {@link Arenas}, so these stay on the device whichever graph ran before; the first run of the first graph
 * sends them whole.
 */
final class TornadoGraphs implements Device {

  private static final int SMALL = 256;
  private static final int LARGE = 1 << 20;
  /** Numbers of fetches start anew after so many, exact as floats. */
  private static final int TOKENS = 1 << 20;

  /** A graph that copies between a host array of its own and a range of an arena. */
  private record Staging(int graph, IntArray cursor, FloatArray floats, MemorySegment bytes, IntArray ints, MemorySegment intBytes) {

    /** Elements of a copy; behind them lies the number of the fetch. */
    int size() {
      return floats.getSize() - 1;
    }
  }

  private record Graph(int index, List<IntArray> cursors, WorkerGrid[] grids) {}

  private final Arenas arenas;
  private final IntUnaryOperator counts;
  private final GridScheduler scheduler = new GridScheduler();
  private final KernelContext context = new KernelContext();
  private final IntArray none = cursor(2);
  private final TornadoExecutionPlan plan;
  private final Graph opening;
  private final Staging[] up;
  private final Staging[] down;
  private final Graph[] chunks;
  private boolean open;
  private int fetched;

  /** @param library makes products that are {@link Kernel#SGEMM}; null if there are none */
  TornadoGraphs(Arenas arenas, Lowering lowering, TornadoDevice device, @Nullable LibraryTasks library) {
    this.arenas = arenas;
    counts = arenas.ints()::get;
    List<Lowering.Chunk> all = lowering.chunks();
    int banks = arenas.banks().size();
    ImmutableTaskGraph[] graphs = new ImmutableTaskGraph[3 + 2 * banks + all.size()];
    TaskGraph send = new TaskGraph("send").transferToDevice(DataTransferMode.FIRST_EXECUTION, kept(false))
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, arenas.ints(), none);
    graphs[0] = resident("send", send, Set.of());
    opening = new Graph(0, List.of(none), new WorkerGrid[0]);
    up = new Staging[2 * banks];
    for (int bank = 0; bank < banks; bank++) {
      up[2 * bank] = stage(graphs, 3 + 2 * bank, bank, SMALL, true);
      up[2 * bank + 1] = stage(graphs, 4 + 2 * bank, bank, LARGE, true);
    }
    down = new Staging[] {stage(graphs, 1, 0, SMALL, false), stage(graphs, 2, 0, LARGE, false)};
    chunks = new Graph[all.size()];
    for (Lowering.Chunk chunk : all) {
      int index = 3 + 2 * banks + chunk.id();
      graphs[index] = chunk(index, chunk, library);
    }
    plan = new TornadoExecutionPlan(graphs);
    plan.withGridScheduler(scheduler).withDevice(device);
  }

  private static IntArray cursor(int size) {
    IntArray cursor = new IntArray(size);
    cursor.init(0);
    return cursor;
  }

  private ImmutableTaskGraph chunk(int index, Lowering.Chunk chunk, @Nullable LibraryTasks library) {
    String name = "chunk" + chunk.id();
    List<IntArray> cursors = arenas.banks().stream().map(_ -> cursor(1)).toList();
    TaskGraph graph = consuming(name).transferToDevice(DataTransferMode.EVERY_EXECUTION, cursors.toArray());
    WorkerGrid[] grids = new WorkerGrid[chunk.steps().size()];
    for (int i = 0; i < grids.length; i++) {
      Lowering.Step step = chunk.steps().get(i);
      Arenas.Bank bank = arenas.banks().get(step.bank());
      IntArray cursor = cursors.get(step.bank());
      int at = chunk.at(i);
      grids[i] = grid(name + ".t" + i, Kernel.FLAT_GROUP);
      if (step.kernel() == Kernel.SGEMM) {
        Objects.requireNonNull(library, "the program was lowered for a library").add(graph, "t" + i, cursor, arenas, bank, () ->
            Sgemm.of(cursor.get(0) + at, bank.table(), arenas.ints(), arenas.memory()));
        continue;
      }
      IntArray place = cursor(1);
      place.set(0, at);
      graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, place);
      graph.task("t" + i, step.kernel().launch, context, cursor, bank.table(), place, arenas.ints(), arenas.memory(), bank.weights());
    }
    chunks[chunk.id()] = new Graph(index, cursors, grids);
    return resident(name, graph, chunk.steps().stream().map(Lowering.Step::bank).collect(Collectors.toSet()));
  }

  /** The arrays that stay on the device. */
  private Object[] kept(boolean ints) {
    List<Object> kept = new ArrayList<>(List.of(arenas.memory()));
    arenas.banks().forEach(bank -> kept.addAll(List.of(bank.table(), bank.weights())));
    if (ints) {
      kept.add(arenas.ints());
    }
    return kept.toArray();
  }

  private TaskGraph consuming(String name) {
    // Without the name of a graph: from whichever ran last.
    return new TaskGraph(name).consumeFromDevice(kept(true));
  }

  /** Ends a graph: of banks that no task of it names, one does that does nothing, for the device keeps only what tasks name. */
  private ImmutableTaskGraph resident(String name, TaskGraph graph, Set<Integer> named) {
    for (int i = 0; i < arenas.banks().size(); i++) {
      if (!named.contains(i)) {
        Arenas.Bank bank = arenas.banks().get(i);
        if (!name.equals("send")) {
          graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, none);
        }
        graph.task("keep" + i, Copies::nothing, context, none, bank.table(), none, arenas.ints(), arenas.memory(), bank.weights());
        grid(name + ".keep" + i, Kernel.FLAT_GROUP);
      }
    }
    return graph.persistOnDevice(kept(true)).snapshot();
  }

  private WorkerGrid grid(String task, int size) {
    WorkerGrid grid = new WorkerGrid1D(size);
    grid.setLocalWork(Kernel.FLAT_GROUP, 1, 1);
    scheduler.addWorkerGrid(task, grid);
    return grid;
  }

  private Staging stage(ImmutableTaskGraph[] graphs, int index, int of, int size, boolean up) {
    Arenas.Bank bank = arenas.banks().get(of);
    String name = (up ? "up" : "down") + size + (of == 0 ? "" : "bank" + of);
    IntArray cursor = cursor(5);
    cursor.set(3, size);
    FloatArray floats = new FloatArray(size + 1);
    IntArray ints = new IntArray(up ? size : 1);
    floats.init(0f);
    ints.init(0);
    TaskGraph graph = consuming(name);
    if (up) {
      graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, cursor, floats, ints)
          .task("copy", Copies::up, context, cursor, floats, ints, bank.table(), arenas.ints(), arenas.memory(), bank.weights());
    } else {
      graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, cursor)
          .task("copy", Copies::down, context, cursor, floats, bank.table(), arenas.ints(), arenas.memory(), bank.weights())
          .transferToHost(DataTransferMode.EVERY_EXECUTION, floats);
    }
    graphs[index] = resident(name, graph, Set.of(of));
    grid(name + ".copy", size);
    return new Staging(index, cursor, floats, floats.getSegment(), ints, ints.getSegment());
  }

  @Override
  public void run(Lowering.Call call) {
    Graph graph = chunks[call.chunk().id()];
    for (int bank = 0; bank < graph.cursors.size(); bank++) {
      graph.cursors.get(bank).set(0, call.cursors().get(bank));
    }
    for (int i = 0; i < graph.grids.length; i++) {
      int lanes = call.chunk().steps().get(i).kernel().lanes;
      graph.grids[i].setGlobalWork((long) call.tasks().get(i).groups(counts) * lanes, 1, 1);
      graph.grids[i].setLocalWork(lanes, 1, 1);
    }
    execute(graph.index);
  }

  @Override
  public void sendInts() {
    open = true;
    execute(opening.index);
  }

  @Override
  public void send(Arenas.Which which, int bank, int from, int count) {
    if (!open) {
      // The first run sends the arrays whole.
      return;
    }
    for (int done = 0; done < count;) {
      Staging staging = up[2 * bank + (count - done <= SMALL ? 0 : 1)];
      int part = Math.min(count - done, staging.size());
      MemorySegment source = switch (which) {
        case TABLE -> arenas.banks().get(bank).tableBytes();
        case MEMORY -> arenas.memoryBytes();
        case WEIGHTS -> arenas.banks().get(bank).weightsBytes();
      };
      MemorySegment target = which == Arenas.Which.TABLE ? staging.intBytes : staging.bytes;
      MemorySegment.copy(source, 4L * (from + done), target, 0, 4L * part);
      staging.cursor.set(0, from + done);
      staging.cursor.set(1, part);
      staging.cursor.set(2, which.ordinal());
      execute(staging.graph);
      done += part;
    }
  }

  @Override
  public void fetch(int from, int count) {
    if (!open) {
      return;
    }
    for (int done = 0; done < count;) {
      Staging staging = count - done <= SMALL ? down[0] : down[1];
      int part = Math.min(count - done, staging.size());
      staging.cursor.set(0, from + done);
      staging.cursor.set(1, part);
      fetched = fetched % TOKENS + 1;
      staging.cursor.set(4, fetched);
      execute(staging.graph);
      if (staging.floats.get(staging.size()) != fetched) {
        throw new BackendException("the device has stopped: what its memory holds did not come back. TornadoVM prints the reason of its driver "
            + "above; an illegal address or an unspecified launch failure is a defect of lora4j or of TornadoVM, please report it");
      }
      MemorySegment.copy(staging.bytes, 0, arenas.memoryBytes(), 4L * (from + done), 4L * part);
      done += part;
    }
  }

  private void execute(int graph) {
    try {
      plan.withGraph(graph).execute();
    } catch (RuntimeException | Error e) {
      throw failure(e);
    }
  }

  /** TornadoVM's errors, with what to do. */
  private static RuntimeException failure(Throwable e) {
    String message = String.valueOf(e.getMessage());
    if (e.getClass().getSimpleName().contains("OutOfMemory") || message.contains("Out of memory") || message.contains("device.memory")) {
      return new ResourceException("the device has not enough memory: use fewer rows (batch size, maximal length), or a smaller model: " + message);
    }
    return new BackendException("TornadoVM failed: " + e, e);
  }

  @Override
  public void close() {
    try {
      plan.close();
    } catch (Exception e) {
      throw new BackendException("TornadoVM failed to release the device: " + e, e);
    }
  }
}
