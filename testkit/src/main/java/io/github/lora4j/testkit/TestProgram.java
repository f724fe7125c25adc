package io.github.lora4j.testkit;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Loss;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Function;

/**
 * A small program together with data for all its slots, so that any backend can run it and be compared. Its body is recorded
 * twice: as entry {@code forward}, whose outputs can be read, and as entry {@code step} with the backward pass, where nothing is
 * kept for reading and so memory is shared as in training.
 */
public final class TestProgram {

  /** Contents of an integer slot, which depend on the live rows: ids must point at rows that live. */
  @FunctionalInterface
  public interface Table {
    /** The elements to write; what lies behind them is filled with values that no kernel may follow. */
    int[] at(Live live);
  }

  /** What is recorded: returns the row losses. */
  @FunctionalInterface
  public interface Body extends Function<TestProgram, Value> { }

  private final String name;
  private final int length;
  private final Random random;
  private final ProgramBuilder builder = new ProgramBuilder();
  private final Map<Value, float[]> floats = new LinkedHashMap<>();
  private final Map<Value, Table> tables = new LinkedHashMap<>();
  private final Program program;
  private Graph graph;
  private boolean readable;

  /**
   * Records a program.
   *
   * @param length the longest sum in it: tolerances scale with it
   */
  public TestProgram(String name, int length, Body body) {
    this(name, length, body, program -> { });
  }

  /**
   * Records a program with further entries.
   *
   * @param more records them; an entry "prepare" runs before every run
   */
  public TestProgram(String name, int length, Body body, Consumer<ProgramBuilder> more) {
    this.name = name;
    this.length = length;
    random = new Random(Graph.siteHash(name));
    record("forward", body, true);
    record("step", body, false);
    more.accept(builder);
    program = builder.build();
  }

  private void record(String entry, Body body, boolean forward) {
    graph = builder.entry(entry);
    readable = forward;
    Value rowLoss = body.apply(this);
    if (forward) {
      graph.output("rowLoss", rowLoss);
    } else {
      graph.addSum(rowLoss, builder.state("lossSum", Shape.vector(1)));
      graph.backward(rowLoss);
    }
  }

  /** The same program with every temporary kept for reading, so that none shares memory with another. */
  public TestProgram withoutReuse() {
    Map<String, Program.Entry> entries = new LinkedHashMap<>();
    program.entries().forEach((entry, recorded) -> {
      Map<String, Value> outputs = new LinkedHashMap<>(recorded.outputs());
      recorded.nodes().forEach(node -> node.op().outputs().stream().filter(value -> !value.slot())
          .forEach(value -> outputs.put("temporary " + value.id(), value)));
      entries.put(entry, new Program.Entry(entry, recorded.nodes(), outputs));
    });
    return new TestProgram(this, new Program(program.axes(), program.slots(), program.parameters(), entries, program.constants()));
  }

  private TestProgram(TestProgram from, Program program) {
    name = from.name;
    length = from.length;
    random = from.random;
    graph = from.graph;
    floats.putAll(from.floats);
    tables.putAll(from.tables);
    this.program = program;
  }

  /** The name, for messages. */
  public String name() {
    return name;
  }

  /** The longest sum in it. */
  public int length() {
    return length;
  }

  /** What was recorded. */
  public Program program() {
    return program;
  }

  /** The entry being recorded. */
  public Graph graph() {
    return graph;
  }

  /** Contents of its float slots. */
  public Map<Value, float[]> floats() {
    return floats;
  }

  /** Contents of its integer slots. */
  public Map<Value, Table> tables() {
    return tables;
  }

  /** Declares a row axis. */
  public RowAxis axis(String axis, int capacity) {
    return builder.axis(axis, capacity);
  }

  /** A float input of normal numbers. */
  public Value input(String slot, Shape shape) {
    return fill(builder.input(slot, shape), random::nextGaussian);
  }

  /** A float input of the given numbers. */
  public Value input(String slot, Shape shape, DoubleSupplier numbers) {
    return fill(builder.input(slot, shape), numbers);
  }

  /** An integer input. */
  public Value table(String slot, Shape shape, Table contents) {
    Value value = builder.table(slot, shape);
    tables.putIfAbsent(value, contents);
    return value;
  }

  /** A frozen weight. */
  public Value frozen(String slot, Shape shape) {
    return fill(builder.frozen(slot, shape), () -> random.nextGaussian() / Math.sqrt(shape.cols()));
  }

  /** A trainable weight of group 0. */
  public Value trainable(String slot, Shape shape) {
    return fill(builder.trainable(slot, shape, 0), () -> random.nextGaussian() / Math.sqrt(shape.cols()));
  }

  /** An activation of normal numbers whose gradient can be read, row by row, as the gradient of trainable {@code slot}. */
  public Value probe(String slot, Shape shape) {
    return probe(slot, shape, random::nextGaussian);
  }

  /** A probe of the given numbers. */
  public Value probe(String slot, Shape shape, DoubleSupplier numbers) {
    Value table = fill(builder.trainable(slot, Shape.of(shape.rows(), shape.cols()), 0), numbers);
    Value ids = identity(slot + ".ids", shape, shape.rows());
    identity(slot + ".ids.unique", shape, shape.rows());
    identity(slot + ".ids.starts", Shape.of(shape.rows() + 1, 1), shape.rows() + 1);
    identity(slot + ".ids.order", shape, shape.rows());
    return graph.embedding(table, ids);
  }

  private Value identity(String slot, Shape shape, int rows) {
    return table(slot, shape.withCols(1), live -> java.util.stream.IntStream.range(0, shape.axis().map(live::of).orElse(rows)).toArray());
  }

  /** Keeps a value for comparison. */
  public Value output(String output, Value value) {
    return readable ? graph.output(output, value) : value;
  }

  /** Squared distance to random labels; the predictions are compared too. */
  public Value mse(Value y) {
    output("y", y);
    return graph.loss(Loss.MSE, y, input("labels", y.shape()));
  }

  /** Numbers of this program's own sequence. */
  public Random random() {
    return random;
  }

  private Value fill(Value slot, DoubleSupplier numbers) {
    if (!floats.containsKey(slot)) {
      float[] data = new float[Math.toIntExact(slot.shape().elements())];
      for (int i = 0; i < data.length; i++) {
        data[i] = (float) numbers.getAsDouble();
      }
      floats.put(slot, data);
    }
    return slot;
  }

  @Override
  public String toString() {
    return name;
  }
}
