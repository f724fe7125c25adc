package io.github.lora4j.tornado;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Binder;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import java.util.function.BiConsumer;

/**
 * Lowers one kind of op to what the device runs. A module that brings an op of its own composes it of ops that have binders, with {@link
 * GpuTasks#op} and {@link GpuTasks#temp}.
 */
public interface GpuBinder<O extends Op> extends Binder<O> {

  /** Adds what the op does to the tasks of its program. */
  void lower(O op, GpuTasks to);

  /** Whether a frozen input is read as a matrix that may be stored in half floats, apart from all other values. */
  default boolean readsStored(O op, Value weight) {
    return false;
  }

  /** A binder that needs nothing else. */
  static <O extends Op> GpuBinder<O> of(Class<O> op, BiConsumer<O, GpuTasks> lower) {
    return new GpuBinder<>() {
      @Override
      public Class<O> op() {
        return op;
      }

      @Override
      public void lower(O o, GpuTasks to) {
        lower.accept(o, to);
      }
    };
  }

  /** A binder of an op that reads a table of segments, of which the host works out a {@link SegmentMap}. */
  interface Segmented<O extends Op> extends GpuBinder<O> {
    /** Whose segments. */
    AttentionOp.Attention segments(O op);
  }
}
