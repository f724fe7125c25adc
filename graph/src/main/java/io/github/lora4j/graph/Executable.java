package io.github.lora4j.graph;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A compiled program with its memory. Write slots, say how many rows are live, run entries, read results. One thread at a time.
 */
public interface Executable extends AutoCloseable {

  /** The flat arenas that hold all trainables and what belongs to them; see {@link ParameterLayout}. */
  enum Arena {
    /** The values. */
    PARAMETERS,
    /** Sums of gradients since the last step. */
    GRADIENTS,
    /** Adam's first moment, or the momentum of SGD. */
    MOMENT1,
    /** Adam's second moment. */
    MOMENT2,
    /** The largest second moment so far, of AMSGrad. */
    MOMENT2_MAX;

    /** What a run must keep to go on exactly; an arena that the optimizer does without is empty. */
    public static final List<Arena> KEPT = List.of(PARAMETERS, MOMENT1, MOMENT2, MOMENT2_MAX);
  }

  /** The program this runs. */
  Program program();

  /** Element type of floats in this executable: F32, or F64 for the reference. */
  DType floatType();

  /** Sets the live rows of an axis for the runs that follow. */
  void rows(RowAxis axis, int live);

  /** Live rows of a value: fixed, or as set for its axis. */
  int rows(Value value);

  /**
   * Fills a slot from native memory: elements of {@link #floatType()}, or I32, row-major, from the first row on; a frozen weight from rows in
   * its {@link #format}. A frozen weight is brought to the layouts its ops read; the source is not kept.
   */
  void write(Value slot, MemorySegment source);

  /** The format in which this takes a parameter: for a frozen weight that is kept in no other, the stored one, whose bits are then kept. */
  default WeightFormat format(Value parameter) {
    return new Elements(floatType());
  }

  /**
   * Where a parameter is kept row-major in its {@link #format}, or may pass through on its way to another layout, if there is room: a loader may fill
   * this and hand it to {@link #write(Value, MemorySegment)} in place of a copy of its own. Outputs of the last run may be lost.
   */
  default Optional<MemorySegment> place(Value parameter) {
    return Optional.empty();
  }

  /** Fills the first {@code length} elements of a float slot. */
  void write(Value slot, float[] source, int length);

  /** Fills the first {@code length} elements of an integer slot. */
  void write(Value slot, int[] source, int length);

  /** Copies a slot or an output of the last run; frozen weights cannot be read back. */
  void read(Value value, MemorySegment target);

  /** The live rows of a float slot or output as an array. */
  float[] floats(Value value);

  /** The native arena of trainables, gradients or moments; elements of {@link #floatType()}. */
  MemorySegment arena(Arena arena);

  /** Says that {@link #arena} was written by the caller. */
  void arenaWritten(Arena arena);

  /** Whom to tell, in words, of work that is done once and takes long: compiling for a device. */
  default void progress(Consumer<String> listener) {
    // A program for the processor is ready when it is made.
  }

  /** Runs an entry. */
  void run(String entry);

  /**
   * Runs an entry op by op and names the first op whose result is not finite, with its region. The program's state is
   * spoilt afterwards: for use when a run has failed already.
   */
  Optional<String> findNonFinite(String entry);

  /**
   * One op's time in one run.
   *
   * @param op kind of op
   */
  record OpTime(String region, String op, String output, long nanos, long flops) {}

  /** Runs an entry and times each op. */
  List<OpTime> profile(String entry);

  /** Native bytes held. */
  long bytes();

  @Override
  void close();
}
