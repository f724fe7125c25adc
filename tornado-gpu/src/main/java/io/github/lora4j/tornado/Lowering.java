package io.github.lora4j.tornado;

import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.Program;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntUnaryOperator;

/**
 * A program as tasks. The ops of a region that follow each other make a chunk, which is a list of kernels and nothing else: what they work
 * on is said by descriptors in the table, from the cursor on. Regions with equal lists, such as the layers of a model, are one chunk with
 * several cursors, so the device compiles it once.
 */
final class Lowering {

  /** Tasks of a graph: TornadoVM's buffer of 8 KB takes 15 + 5 · arguments bytes a task, 50 for our seven,
      which is 163; its own limit is 256. */
  static final int MOST_TASKS = 120;

  /** Threads, or groups of threads, that a task needs, given the live counts in ints. */
  interface Size {
    int of(IntUnaryOperator counts);
  }

  /** One kernel on what a descriptor says. */
  record Task(Kernel kernel, Record descriptor, Size size) {
    Task {
      if (descriptor.getClass() != kernel.descriptor) {
        throw new IllegalStateException("%s is told a %s, not %s".formatted(kernel, kernel.descriptor.getSimpleName(), descriptor));
      }
    }

    /** Groups to launch, at least one. */
    int groups(IntUnaryOperator counts) {
      int needed = size.of(counts);
      return Math.max(1, kernel.grouped ? needed : (needed + kernel.lanes - 1) / kernel.lanes);
    }
  }

  /** Kernels one after another, compiled once. */
  record Chunk(int id, List<Kernel> kernels) {
    /** Where the descriptor of a kernel lies, from the cursor on. */
    int at(int task) {
      return kernels.subList(0, task).stream().mapToInt(kernel -> kernel.fields).sum();
    }
  }

  /** A chunk on certain descriptors. */
  record Call(Chunk chunk, int cursor, List<Task> tasks) {}

  private final Layout layout;
  private final Map<List<Kernel>, Chunk> chunks = new LinkedHashMap<>();
  private final Map<String, List<Call>> entries = new HashMap<>();
  private final Map<String, List<List<Call>>> ops = new HashMap<>();

  /** @param library whether products are {@link Kernel#SGEMM} */
  Lowering(Program program, Layout layout, Binders<GpuBinder<?>> binders, boolean library) {
    this.layout = layout;
    GpuTasks lowered = new GpuTasks(program, layout, binders, library);
    for (Program.Entry entry : program.entries().values()) {
      List<Call> calls = new ArrayList<>();
      List<List<Call>> single = new ArrayList<>();
      List<Task> pending = new ArrayList<>();
      String region = "";
      for (Program.Node node : entry.nodes()) {
        List<Task> tasks = lowered.of(node.op());
        if (!pending.isEmpty() && (!region.equals(node.region()) || pending.size() + tasks.size() > MOST_TASKS)) {
          calls.add(call(pending));
          pending = new ArrayList<>();
        }
        region = node.region();
        pending.addAll(tasks);
        single.add(split(tasks));
      }
      if (!pending.isEmpty()) {
        calls.add(call(pending));
      }
      entries.put(entry.name(), calls);
      ops.put(entry.name(), single);
    }
  }

  private List<Call> split(List<Task> tasks) {
    return tasks.stream().map(task -> call(List.of(task))).toList();
  }

  private Call call(List<Task> tasks) {
    if (tasks.size() > MOST_TASKS) {
      throw new IllegalStateException("%d tasks in one op".formatted(tasks.size()));
    }
    List<Kernel> kernels = tasks.stream().map(Task::kernel).toList();
    Chunk chunk = chunks.computeIfAbsent(kernels, key -> new Chunk(chunks.size(), key));
    int cursor = layout.append(tasks.stream().flatMapToInt(task -> Arrays.stream(Descriptors.pack(task.descriptor()))).toArray());
    return new Call(chunk, cursor, List.copyOf(tasks));
  }

  /** Everything that is compiled, by id. */
  List<Chunk> chunks() {
    return List.copyOf(chunks.values());
  }

  /** What an entry runs. */
  List<Call> entry(String name) {
    return Objects.requireNonNull(entries.get(name), "an entry of the program");
  }

  /** What each op of an entry runs, for those who look between ops: the same tasks one by one. */
  List<List<Call>> ops(String name) {
    return Objects.requireNonNull(ops.get(name), "an entry of the program");
  }
}
