package io.github.lora4j.tornado;

import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.tornado.Lowering.Size;
import io.github.lora4j.tornado.Lowering.Step;
import io.github.lora4j.tornado.Lowering.Task;
import io.github.lora4j.vector.DType;
import java.util.ArrayList;
import java.util.List;

/** Where a {@link GpuBinder} puts what its op does; the tasks run in the order in which they are added. */
public final class GpuTasks {

  /** A descriptor whose first fields are the place of the live row count and the number of columns. */
  interface Fields {
    Record of(int count, int cols);
  }

  private final Program program;
  private final Layout layout;
  private final Binders<GpuBinder<?>> binders;
  private final boolean library;
  private List<Task> tasks = new ArrayList<>();
  private int temps;

  /** @param library whether products are {@link Kernel#SGEMM} */
  GpuTasks(Program program, Layout layout, Binders<GpuBinder<?>> binders, boolean library) {
    this.program = program;
    this.layout = layout;
    this.binders = binders;
    this.library = library;
  }

  /** The tasks of one op of the program. */
  List<Task> of(Op op) {
    tasks = new ArrayList<>();
    layout.freeScratch();
    op(op);
    return tasks;
  }

  /** Adds what another op does, on values of the program and of {@link #temp}. */
  public <O extends Op> void op(O op) {
    GpuBinders.of(binders, op).lower(op, this);
  }

  /** A float value that lasts as long as the op that is being lowered. */
  public Value temp(Shape shape) {
    Value value = new Value(--temps, "scratch", shape, Value.Role.TEMP, DType.F32);
    layout.place(value, layout.scratch(shape.elements()));
    return value;
  }

  Program program() {
    return program;
  }

  Layout layout() {
    return layout;
  }

  boolean library() {
    return library;
  }

  int count(Value value) {
    return layout.count(value);
  }

  int at(Value value) {
    return layout.at(value);
  }

  int ints(Value value) {
    return layout.intsAt(value);
  }

  int number(double value) {
    return layout.numbers(value);
  }

  void add(Kernel kernel, Record descriptor, Size size) {
    add(kernel, 0, descriptor, size);
  }

  /** Adds a task that reads a frozen matrix of a bank. */
  void add(Kernel kernel, int bank, Record descriptor, Size size) {
    tasks.add(new Task(new Step(kernel, bank), descriptor, size));
  }

  /** A thread for each element of a value. */
  void rows(Kernel kernel, Value rowsOf, Fields fields) {
    flat(kernel, rowsOf, rowsOf.shape().cols(), fields);
  }

  /** A thread for each of so many columns of the rows of a value. */
  void flat(Kernel kernel, Value rowsOf, int cols, Fields fields) {
    int count = count(rowsOf);
    add(kernel, fields.of(count, cols), counts -> counts.applyAsInt(count) * cols);
  }

  /** A thread for each of a fixed number of elements. */
  void fixed(Kernel kernel, int elements, Fields fields) {
    add(kernel, fields.of(layout.count(1), elements), counts -> elements);
  }

  /** A group of threads for each row of a value. */
  void grouped(Kernel kernel, Value rowsOf, Fields fields) {
    grouped(kernel, count(rowsOf), rowsOf.shape().cols(), fields);
  }

  void grouped(Kernel kernel, int count, int cols, Fields fields) {
    grouped(kernel, count, cols, 1, fields);
  }

  /** So many groups of threads for each of so many rows. */
  void grouped(Kernel kernel, int count, int cols, int groups, Fields fields) {
    add(kernel, fields.of(count, cols), counts -> counts.applyAsInt(count) * groups);
  }

  /** One group of threads. */
  void single(Kernel kernel, int count, int cols, Fields fields) {
    add(kernel, fields.of(count, cols), counts -> 1);
  }
}
