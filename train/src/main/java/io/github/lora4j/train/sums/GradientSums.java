package io.github.lora4j.train.sums;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.train.sums.GradientExchange.Part;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The sums of a step's micro-batches as {@link GradientTree} orders them. Each micro-batch's gradients start from zero in the
 * executable's arena; sums that wait for a neighbour lie in memory that is allocated before the first step. Not used where a step is one
 * micro-batch and there is nobody to exchange with.
 */
public final class GradientSums implements AutoCloseable {

  private final Executable executable;
  private final DType type;
  private final Value[] totals;
  private final Memory memory = new Memory("sums of micro-batches");
  private final Deque<Part> free = new ArrayDeque<>();
  private final Part current;
  private final List<Part> waiting = new ArrayList<>();

  /** Room for steps of this many micro-batches at most. */
  public GradientSums(Executable executable, int microBatches) {
    this.executable = executable;
    type = executable.floatType();
    totals = new Value[] {executable.program().slot("lossSum").orElseThrow(), executable.program().slot("count").orElseThrow()};
    long bytes = executable.arena(Executable.Arena.GRADIENTS).byteSize();
    for (int i = 0; i < parts(microBatches); i++) {
      free.push(part(bytes));
    }
    current = free.pop();
  }

  /** Parts that a worker holds at once: in the middle of a step up to one for each level on both sides, the one at hand and a total. */
  static int parts(int microBatches) {
    return 2 * (32 - Integer.numberOfLeadingZeros(microBatches)) + 2;
  }

  /** Bytes allocated for so many F32 elements of gradients. */
  public static long bytes(int microBatches, long elements) {
    return parts(microBatches) * (Memory.align(elements * Float.BYTES) + Memory.align(2L * Float.BYTES));
  }

  private Part part(long bytes) {
    return new Part(0, 0, memory.allocate(bytes, "gradients"), memory.allocate(2L * type.bytes(), "loss and targets"));
  }

  /** Takes over what a micro-batch has left in the executable, and leaves zeros there. */
  public void add(int micro) {
    MemorySegment arena = executable.arena(Executable.Arena.GRADIENTS);
    Part right = of(0, micro, free.pop());
    right.gradients().copyFrom(arena);
    for (int i = 0; i < totals.length; i++) {
      executable.read(totals[i], sum(right, i));
    }
    while (!waiting.isEmpty() && GradientTree.join(waiting.getLast(), right)) {
      Part left = waiting.removeLast();
      GradientTree.add(left, right, type);
      free.push(left);
      right = of(left.level() + 1, left.index() / 2, right);
    }
    waiting.add(right);
    current.gradients().fill((byte) 0);
    current.sums().fill((byte) 0);
    write();
  }

  private static Part of(int level, int index, Part memory) {
    return new Part(level, index, memory.gradients(), memory.sums());
  }

  private MemorySegment sum(Part part, int i) {
    return part.sums().asSlice((long) i * type.bytes(), type.bytes());
  }

  /** Leaves the step's total in the executable. */
  public void finish(GradientExchange exchange, int step) {
    if (exchange == GradientExchange.NONE) {
      GradientTree.total(waiting, type, current);
    } else {
      exchange.exchange(step, List.copyOf(waiting), current);
    }
    free.addAll(waiting);
    waiting.clear();
    write();
  }

  private void write() {
    executable.arena(Executable.Arena.GRADIENTS).copyFrom(current.gradients());
    executable.arenaWritten(Executable.Arena.GRADIENTS);
    for (int i = 0; i < totals.length; i++) {
      executable.write(totals[i], sum(current, i));
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
