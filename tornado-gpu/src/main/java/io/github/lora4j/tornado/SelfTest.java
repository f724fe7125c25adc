package io.github.lora4j.tornado;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.util.Optional;

/**
 * A small classifier, its loss and its gradients on the device and on the processor: a driver or a TornadoVM that computes wrong is found
 * out before it trains. Twice at different live counts, for what was compiled must not depend on them.
 */
final class SelfTest {

  private static final int ROWS = 70;
  private static final int IN = 37;
  private static final int OUT = 5;
  private static final double TOLERANCE = 1e-4;

  private SelfTest() {}

  /** Why the backend cannot be trusted; empty if it computes what the processor does. */
  static Optional<String> failure(Backend backend) {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis axis = builder.axis("rows", ROWS);
    Value x = builder.input("x", Shape.of(axis, IN));
    Value labels = builder.table("labels", Shape.of(axis, 1));
    Value weight = builder.trainable("weight", Shape.of(OUT, IN), 0);
    Value sum = builder.state("sum", Shape.vector(1));
    Graph graph = builder.entry("step");
    Value loss = graph.loss(Loss.CROSS_ENTROPY, graph.linear(graph.activate(Activation.GELU, x), weight), labels);
    graph.addSum(loss, sum);
    graph.backward(loss);
    Program program = builder.build();
    Value gradient = program.parameters().ranges().getFirst().gradient();
    try (Workers one = new Workers(1); Backend reference = new CpuBackend(new ReferenceKernels(DType.F32), one);
        Executable expected = reference.compile(program, CompileOptions.DEFAULT);
        Executable actual = backend.compile(program, CompileOptions.DEFAULT)) {
      for (int live : new int[] {ROWS, 3}) {
        for (Executable executable : new Executable[] {expected, actual}) {
          executable.rows(axis, live);
          executable.write(x, numbers(ROWS * IN, 1), live * IN);
          executable.write(weight, numbers(OUT * IN, 2), OUT * IN);
          int[] ids = new int[ROWS];
          for (int i = 0; i < ROWS; i++) {
            ids[i] = i % OUT;
          }
          executable.write(labels, ids, live);
          executable.write(sum, new float[1], 1);
          executable.write(gradient, new float[OUT * IN], OUT * IN);
          executable.run("step");
        }
        for (Value value : new Value[] {sum, gradient}) {
          float[] right = expected.floats(value);
          float[] got = actual.floats(value);
          for (int i = 0; i < right.length; i++) {
            if (!(Math.abs(got[i] - right[i]) <= TOLERANCE * Math.max(1, Math.abs(right[i])))) {
              return Optional.of(("its self-test failed: element %d of %s at %d rows is %s, expected %s. The driver or this TornadoVM computes "
                  + "wrong: try "
                  + "another version, or another device").formatted(i, value.name(), live, got[i], right[i]));
            }
          }
        }
      }
      return Optional.empty();
    } catch (RuntimeException e) {
      return Optional.of("its self-test failed: " + e.getMessage());
    }
  }

  private static float[] numbers(int count, int seed) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) Math.sin(seed + 1.7 * i);
    }
    return numbers;
  }
}
