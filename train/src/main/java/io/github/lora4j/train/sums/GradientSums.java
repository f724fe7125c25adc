package io.github.lora4j.train.sums;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.train.sums.GradientExchange.Part;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The sums of a step's micro-batches as {@link GradientTree} orders them. Each micro-batch's gradients start from zero in the
 * executable's arena, where they are joined with the sums that wait for a neighbour; those lie in memory that is allocated before the
 * first step. Not used where a step is one micro-batch and there is nobody to exchange with.
 */
public final class GradientSums implements AutoCloseable {

  private final Executable executable;
  private final DType type;
  private final Value loss;
  private final Value count;
  private final Memory memory = new Memory("sums of micro-batches");
  private final Slot[] waiting;
  private final Slot sums;
  private int depth;
  private boolean held;
  private MemorySegment arena;

  /**
   * Room for a step.
   *
   * @param microBatches of a step at most
   * @param alone whether one worker computes all of them
   */
  public GradientSums(Executable executable, int microBatches, boolean alone) {
    this.executable = executable;
    type = executable.floatType();
    loss = executable.program().slot("lossSum").orElseThrow();
    count = executable.program().slot("count").orElseThrow();
    arena = executable.arena(Executable.Arena.GRADIENTS);
    waiting = new Slot[alone ? copies(microBatches) : 2 * (copies(microBatches) + 1)];
    for (int i = 0; i < waiting.length; i++) {
      waiting[i] = new Slot(memory.allocate(arena.byteSize(), "gradients"), memory.allocate(2L * type.bytes(), "loss and targets"), type);
    }
    sums = new Slot(arena, memory.allocate(2L * type.bytes(), "loss and targets"), type);
  }

  /** Sums that wait at once beside the one at hand: at most one for each level below the last micro-batch. */
  private static int copies(int microBatches) {
    return 31 - Integer.numberOfLeadingZeros(microBatches);
  }

  /** Bytes that one worker allocates for so many F32 elements of gradients. */
  public static long bytes(int microBatches, long elements) {
    return copies(microBatches) * (Memory.align(elements * Float.BYTES) + Memory.align(2L * Float.BYTES)) + Memory.align(2L * Float.BYTES);
  }

  /** A sum: its place in the tree, and memory with loss and targets each by itself too. */
  private static final class Slot {
    private final MemorySegment gradients;
    private final MemorySegment both;
    private final MemorySegment loss;
    private final MemorySegment count;
    private int level;
    private int index;

    Slot(MemorySegment gradients, MemorySegment both, DType type) {
      this.gradients = gradients;
      this.both = both;
      loss = both.asSlice(0, type.bytes());
      count = both.asSlice(type.bytes(), type.bytes());
    }

    Part part() {
      return new Part(level, index, gradients, both);
    }
  }

  /** Leaves zeros in the executable for the next micro-batch; what it holds waits for a neighbour. */
  public void before() {
    if (!held) {
      return;
    }
    Slot slot = waiting[depth++];
    slot.level = sums.level;
    slot.index = sums.index;
    slot.gradients.copyFrom(arena);
    slot.both.copyFrom(sums.both);
    arena.fill((byte) 0);
    sums.both.fill((byte) 0);
    write();
    held = false;
  }

  /** Joins what a micro-batch has left in the executable with the sums it completes. */
  public void after(int micro) {
    arena = executable.arena(Executable.Arena.GRADIENTS);
    executable.read(loss, sums.loss);
    executable.read(count, sums.count);
    sums.level = 0;
    sums.index = micro;
    held = true;
    while (depth > 0 && GradientTree.join(waiting[depth - 1].level, waiting[depth - 1].index, sums.level, sums.index)) {
      addLast();
      sums.level++;
      sums.index /= 2;
    }
  }

  private void addLast() {
    Slot left = waiting[--depth];
    GradientTree.add(left.gradients, arena, type);
    GradientTree.add(left.both, sums.both, type);
  }

  /** Leaves the step's total in the executable. */
  public void finish(GradientExchange exchange, int step) {
    if (exchange == GradientExchange.NONE) {
      while (depth > 0) {
        addLast();
      }
    } else {
      before();
      List<Part> mine = new ArrayList<>();
      for (int i = 0; i < depth; i++) {
        mine.add(waiting[i].part());
      }
      exchange.exchange(step, mine, new Part(0, 0, arena, sums.both));
      depth = 0;
    }
    write();
    held = false;
  }

  private void write() {
    executable.arenaWritten(Executable.Arena.GRADIENTS);
    executable.write(loss, sums.loss);
    executable.write(count, sums.count);
  }

  @Override
  public void close() {
    memory.close();
  }
}
