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
 * A program as tasks. The ops of a region that follow each other make a chunk, which is a list of kernels and their banks and nothing else: what they
 * work on is said by descriptors in the banks' tables, from the cursors on. Regions with equal lists, such as the layers of a model, are one chunk
 * with several cursors, so the device compiles it once, or once for each bank.
 */
final class Lowering {

  /** Tasks of a graph: TornadoVM's buffer of 8 KB takes 15 + 5 · arguments bytes a task, 50 for our seven,
      which is 163; its own limit is 256. */
  static final int MOST_TASKS = 120;

  /** Threads, or groups of threads, that a task needs, given the live counts in ints. */
  interface Size {
    int of(IntUnaryOperator counts);
  }

  /** A kernel, and the bank whose arrays it gets. */
  record Step(Kernel kernel, int bank) {}

  /** One kernel on what a descriptor says. */
  record Task(Step step, Record descriptor, Size size) {
    Task {
      if (descriptor.getClass() != step.kernel.descriptor) {
        throw new IllegalStateException("%s is told a %s, not %s".formatted(step.kernel, step.kernel.descriptor.getSimpleName(), descriptor));
      }
    }

    /** Groups to launch, at least one. */
    int groups(IntUnaryOperator counts) {
      int needed = size.of(counts);
      return Math.max(1, step.kernel.grouped ? needed : (needed + step.kernel.lanes - 1) / step.kernel.lanes);
    }
  }

  /** Kernels one after another, compiled once. */
  record Chunk(int id, List<Step> steps) {
    /** Where the descriptor of a kernel lies, from the cursor of its bank on. */
    int at(int task) {
      int bank = steps.get(task).bank;
      return steps.subList(0, task).stream().filter(step -> step.bank == bank).mapToInt(step -> step.kernel.fields).sum();
    }
  }

  /**
   * A chunk on certain descriptors.
   *
   * @param cursors by bank
   */
  record Call(Chunk chunk, List<Integer> cursors, List<Task> tasks) {
    /** Where the descriptor of a task lies in the table of its bank. */
    int at(int task) {
      return cursors.get(chunk.steps.get(task).bank) + chunk.at(task);
    }
  }

  private final Layout layout;
  private final Map<List<Step>, Chunk> chunks = new LinkedHashMap<>();
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
    List<Step> steps = tasks.stream().map(Task::step).toList();
    Chunk chunk = chunks.computeIfAbsent(steps, key -> new Chunk(chunks.size(), key));
    List<Integer> cursors = new ArrayList<>();
    for (int b = 0; b < layout.banks(); b++) {
      int bank = b;
      cursors.add(layout.append(bank, tasks.stream().filter(task -> task.step.bank == bank)
          .flatMapToInt(task -> Arrays.stream(Descriptors.pack(task.descriptor()))).toArray()));
    }
    return new Call(chunk, List.copyOf(cursors), List.copyOf(tasks));
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
