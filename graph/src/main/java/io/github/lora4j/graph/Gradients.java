package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;

/** What an op's {@link Op#gradient} is written with: which inputs want a gradient, the gradients of its outputs, and where new ones go. */
public interface Gradients {

  /** Whether a gradient flows to this value: it is a trainable, or made from one. */
  boolean needs(Value x);

  /** The gradient of an output. */
  Value grad(Value y);

  /** Whether an output is what is differentiated, so that its gradient is 1 in every row and need not be read. */
  boolean start(Value y);

  /** Whether an output has a gradient. One of several outputs may have none; where an op has a single one it is reached only with it. */
  boolean reached(Value y);

  /** Adds to the gradient of x what has been computed; of a trainable, to its slot. Nothing to do if x needs none. */
  void passOn(Value x, Value gradient);

  /** If x needs a gradient, records an op that writes a new one. */
  void contribute(Value x, Function<Value, Op> op);

  /** If x needs a gradient, records an op that writes a new one and adds the one that is there, in its own pass over memory. */
  void extend(Value x, BiFunction<Optional<Value>, Value, Op> op);

  /** A new temporary for a gradient of a value, whose shape it has. */
  Value temp(Value like);

  /** A new temporary. */
  Value temp(String name, Shape shape);

  /** The gradient slot of a trainable. */
  Value slot(Value trainable);

  /** The slots for the inverse of an id list; see {@link ProgramBuilder#scatterIndex}. */
  RowOp.ScatterIndex scatterIndex(Value ids);

  /** Appends an op. */
  void record(Op op);

  /** Puts an op in the place of one of the forward pass: the same, which also writes what its gradient reads. */
  void replace(Op forward, Op by);

  /** A value of the forward pass, or its copy if it can be made again from what is kept anyway. */
  Value recomputed(Value x);

  /** Whether {@link #recomputed} makes a value again. */
  boolean recomputable(Value x);

  /** The error of an op that is reached and has no gradient. */
  ConfigException none(Op op);
}
