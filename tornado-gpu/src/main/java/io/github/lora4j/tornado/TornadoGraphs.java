package io.github.lora4j.tornado;

import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ResourceException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
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
 * graphs name the four arrays of {@link Arenas}, so these stay on the device whichever graph ran before; the first run of the first graph
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

  private record Graph(int index, IntArray cursor, WorkerGrid[] grids) {}

  private final Arenas arenas;
  private final IntUnaryOperator counts;
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
    ImmutableTaskGraph[] graphs = new ImmutableTaskGraph[5 + all.size()];
    GridScheduler scheduler = new GridScheduler();
    KernelContext context = new KernelContext();

    IntArray none = cursor(2);
    graphs[0] = resident(new TaskGraph("send").transferToDevice(DataTransferMode.FIRST_EXECUTION, arenas.table(), arenas.memory(),
        arenas.weights())
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, arenas.ints(), none)
        .task("nothing", Copies::nothing, context, none, arenas.table(), none, arenas.ints(), arenas.memory(), arenas.weights()));
    opening = new Graph(0, none, grids(scheduler, "send", List.of("nothing")));
    up = new Staging[] {stage(graphs, scheduler, context, 1, SMALL, true), stage(graphs, scheduler, context, 2, LARGE, true)};
    down = new Staging[] {stage(graphs, scheduler, context, 3, SMALL, false), stage(graphs, scheduler, context, 4, LARGE, false)};
    chunks = new Graph[all.size()];
    for (Lowering.Chunk chunk : all) {
      int index = 5 + chunk.id();
      String name = "chunk" + chunk.id();
      IntArray cursor = cursor(1);
      TaskGraph graph = consuming(name).transferToDevice(DataTransferMode.EVERY_EXECUTION, cursor);
      String[] tasks = new String[chunk.kernels().size()];
      for (int i = 0; i < tasks.length; i++) {
        tasks[i] = "t" + i;
        int at = chunk.at(i);
        if (chunk.kernels().get(i) == Kernel.SGEMM) {
          Objects.requireNonNull(library, "the program was lowered for a library").add(graph, tasks[i], cursor, arenas, () -> Sgemm.of(cursor.get(0)
              + at, arenas.table(), arenas.ints(), arenas.memory()));
          continue;
        }
        IntArray place = cursor(1);
        place.set(0, at);
        graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, place);
        graph.task(tasks[i], chunk.kernels().get(i).launch, context, cursor, arenas.table(), place, arenas.ints(), arenas.memory(),
            arenas.weights());
      }
      graphs[index] = resident(graph);
      chunks[chunk.id()] = new Graph(index, cursor, grids(scheduler, name, List.of(tasks)));
    }
    plan = new TornadoExecutionPlan(graphs);
    plan.withGridScheduler(scheduler).withDevice(device);
  }

  private static IntArray cursor(int size) {
    IntArray cursor = new IntArray(size);
    cursor.init(0);
    return cursor;
  }

  private TaskGraph consuming(String name) {
    // Without the name of a graph: from whichever ran last.
    return new TaskGraph(name).consumeFromDevice(arenas.table(), arenas.memory(), arenas.weights(), arenas.ints());
  }

  private ImmutableTaskGraph resident(TaskGraph graph) {
    return graph.persistOnDevice(arenas.table(), arenas.memory(), arenas.weights(), arenas.ints()).snapshot();
  }

  private static WorkerGrid[] grids(GridScheduler scheduler, String graph, List<String> tasks) {
    return tasks.stream().map(task -> {
      WorkerGrid grid = new WorkerGrid1D(Kernel.FLAT_GROUP);
      grid.setLocalWork(Kernel.FLAT_GROUP, 1, 1);
      scheduler.addWorkerGrid(graph + "." + task, grid);
      return grid;
    }).toArray(WorkerGrid[]::new);
  }

  private Staging stage(ImmutableTaskGraph[] graphs, GridScheduler scheduler, KernelContext context, int index, int size, boolean up) {
    String name = (up ? "up" : "down") + size;
    IntArray cursor = cursor(5);
    cursor.set(3, size);
    FloatArray floats = new FloatArray(size + 1);
    IntArray ints = new IntArray(up ? size : 1);
    floats.init(0f);
    ints.init(0);
    TaskGraph graph = consuming(name);
    if (up) {
      graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, cursor, floats, ints)
          .task("copy", Copies::up, context, cursor, floats, ints, arenas.table(), arenas.ints(), arenas.memory(), arenas.weights());
    } else {
      graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, cursor)
          .task("copy", Copies::down, context, cursor, floats, arenas.table(), arenas.ints(), arenas.memory(), arenas.weights())
          .transferToHost(DataTransferMode.EVERY_EXECUTION, floats);
    }
    graphs[index] = resident(graph);
    WorkerGrid grid = new WorkerGrid1D(size);
    grid.setLocalWork(Kernel.FLAT_GROUP, 1, 1);
    scheduler.addWorkerGrid(name + ".copy", grid);
    return new Staging(index, cursor, floats, floats.getSegment(), ints, ints.getSegment());
  }

  @Override
  public void run(Lowering.Call call) {
    Graph graph = chunks[call.chunk().id()];
    graph.cursor.set(0, call.cursor());
    for (int i = 0; i < graph.grids.length; i++) {
      int lanes = call.chunk().kernels().get(i).lanes;
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
  public void send(Arenas.Which which, int from, int count) {
    if (!open) {
      // The first run sends the arrays whole.
      return;
    }
    for (int done = 0; done < count;) {
      Staging staging = count - done <= SMALL ? up[0] : up[1];
      int part = Math.min(count - done, staging.size());
      MemorySegment source = switch (which) {
        case TABLE -> arenas.tableBytes();
        case MEMORY -> arenas.memoryBytes();
        case WEIGHTS -> arenas.weightsBytes();
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
