package io.github.lora4j.testkit;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** A {@link TestProgram} compiled by a backend and filled with its data. */
public final class Session implements AutoCloseable {

  private static final int UNFOLLOWABLE = 1 << 30;

  private final TestProgram program;
  private final Executable executable;

  /** Compiles the program and writes its weights. */
  public Session(TestProgram program, Backend backend) {
    this(program, backend, CompileOptions.DEFAULT);
  }

  /** Compiles the program with the given storage of weights. */
  public Session(TestProgram program, Backend backend, CompileOptions options) {
    this.program = program;
    executable = backend.compile(program.program(), options);
    program.floats().forEach((slot, data) -> {
      if (slot.role() != Value.Role.INPUT) {
        executable.write(slot, data, data.length);
      }
    });
    program.program().constants().forEach((name, data) -> executable.write(program.program().slot(name).orElseThrow(), data, data.length));
  }

  /** The compiled program. */
  public Executable executable() {
    return executable;
  }

  /**
   * Writes the inputs for these live rows. Rows that do not live hold NaN, or ids that lead out of every slot, so whoever reads
   * them is found out.
   */
  public void load(Live live) {
    live.rows().forEach(executable::rows);
    program.floats().forEach((slot, data) -> {
      if (slot.role() == Value.Role.INPUT) {
        float[] rows = data.clone();
        Arrays.fill(rows, executable.rows(slot) * slot.shape().cols(), rows.length, Float.NaN);
        executable.write(slot, rows, rows.length);
      }
    });
    program.tables().forEach((slot, table) -> {
      int[] rows = new int[Math.toIntExact(slot.shape().elements())];
      Arrays.fill(rows, UNFOLLOWABLE);
      int[] contents = table.at(live);
      System.arraycopy(contents, 0, rows, 0, contents.length);
      executable.write(slot, rows, rows.length);
    });
  }

  /** Runs at full capacity on NaN everywhere, so that whatever a later run reads without having written it is NaN. */
  public void spoil(Live full) {
    load(full);
    program.floats().forEach((slot, data) -> {
      if (slot.role() == Value.Role.INPUT || slot.role() == Value.Role.TRAINABLE) {
        float[] nan = new float[data.length];
        Arrays.fill(nan, Float.NaN);
        executable.write(slot, nan, nan.length);
      }
    });
    executable.run("forward");
    executable.run("step");
    program.floats().forEach((slot, data) -> {
      if (slot.role() == Value.Role.TRAINABLE) {
        executable.write(slot, data, data.length);
      }
    });
  }

  /** Sets gradients and sums to zero. */
  public void zero() {
    for (ParameterLayout.Range range : program.program().parameters().ranges()) {
      executable.write(range.gradient(), new float[Math.toIntExact(range.length())], Math.toIntExact(range.length()));
    }
    program.program().slots().values().stream().filter(slot -> slot.role() == Value.Role.STATE)
        .forEach(slot -> executable.write(slot, new float[Math.toIntExact(slot.shape().elements())], Math.toIntExact(slot.shape().elements())));
  }

  /** Runs both entries on these live rows: the readable outputs of {@code forward}, then sums and gradients of {@code step}. */
  public Map<String, double[]> run(Live live) {
    load(live);
    zero();
    if (program.program().entries().containsKey("prepare")) {
      executable.run("prepare");
    }
    Map<String, double[]> results = new TreeMap<>();
    executable.run("forward");
    program.program().entry("forward").outputs().forEach((name, value) -> results.put(name, read(value)));
    executable.run("step");
    gradients(results);
    return results;
  }

  /** Adds every gradient and sum to the results. */
  public Map<String, double[]> gradients(Map<String, double[]> results) {
    program.program().slots().values().forEach(slot -> {
      if (slot.role() == Value.Role.STATE || slot.role() == Value.Role.GRADIENT) {
        results.put(slot.name(), read(slot));
      }
    });
    return results;
  }

  /** The live rows of a value. */
  public double[] read(Value value) {
    int elements = executable.rows(value) * value.shape().cols();
    boolean wide = executable.floatType() == DType.F64;
    double[] result = new double[elements];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate((long) elements * (wide ? 8 : 4), 8);
      executable.read(value, copy);
      for (int i = 0; i < elements; i++) {
        result[i] = wide ? copy.getAtIndex(ValueLayout.JAVA_DOUBLE, i) : copy.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      }
    }
    return result;
  }

  /** Every axis at its capacity. */
  public static Live full(TestProgram program) {
    Map<RowAxis, Integer> rows = new java.util.HashMap<>();
    program.program().axes().forEach(axis -> rows.put(axis, axis.capacity()));
    return new Live(rows);
  }

  @Override
  public void close() {
    executable.close();
  }
}
