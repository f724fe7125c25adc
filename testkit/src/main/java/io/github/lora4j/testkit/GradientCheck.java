package io.github.lora4j.testkit;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;

/**
 * Compares the recorded backward pass with central differences of the recorded forward pass, in F64, along random directions of
 * each trainable. The error of a central difference falls with the square of its step, so three steps are taken, each half of
 * the one before: a correct gradient shows errors that fall four times each, whatever the curvature; a fixed step with a fixed
 * tolerance would reject correct gradients and let wrong ones pass.
 */
public final class GradientCheck {

  private static final double STEP = 1e-2;

  private GradientCheck() {}

  /** Checks each trainable of the program at these live rows. */
  public static void check(TestProgram program, Live live) {
    try (Workers workers = new Workers(1); Session session = new Session(program, new CpuBackend(new ReferenceKernels(DType.F64), workers))) {
      session.spoil(Session.full(program));
      session.load(live);
      session.zero();
      session.executable().run("step");
      List<ParameterLayout.Range> ranges = program.program().parameters().ranges();
      double[][] gradients = ranges.stream().map(range -> session.read(range.gradient())).toArray(double[][]::new);
      double norm = 0;
      for (double[] gradient : gradients) {
        for (double g : gradient) {
          norm += g * g;
        }
      }
      for (int i = 0; i < gradients.length; i++) {
        checkOne(session, program + " at " + live + ": " + ranges.get(i).value().name(), ranges.get(i), gradients[i], Math.sqrt(norm));
      }
    }
  }

  private static void checkOne(Session session, String what, ParameterLayout.Range range, double[] gradient, double norm) {
    double[] direction = direction(gradient);
    double exact = 0;
    for (int i = 0; i < gradient.length; i++) {
      exact += gradient[i] * direction[i];
    }
    double[] error = new double[3];
    double[] derivative = new double[3];
    double size = 0;
    for (int s = 0; s < 3; s++) {
      double h = STEP / (1 << s);
      double above = loss(session, range, direction, h);
      double below = loss(session, range, direction, -h);
      derivative[s] = (above - below) / (2 * h);
      error[s] = Math.abs(derivative[s] - exact);
      size = Math.max(size, Math.abs(above));
    }
    // Rounding of the loss, divided by the smallest step: below this an error says nothing.
    double floor = 1e-14 * size / (STEP / 4) + 1e-12 * norm;
    double extrapolated = (4 * derivative[2] - derivative[1]) / 3;
    double allowed = 1e-6 * Math.max(Math.abs(exact), 1e-3 * norm) + 10 * floor;
    if (!(Math.abs(extrapolated - exact) <= allowed)) {
      throw new AssertionError("%s: the gradient along a direction is %.12g, differences give %.12g (errors %.3g, %.3g, %.3g)"
          .formatted(what, exact, extrapolated, error[0], error[1], error[2]));
    }
    // Where the leading term happens to be small, errors fall faster than four times, or cross zero far below the derivative.
    double negligible = 10 * floor + 1e-8 * Math.max(Math.abs(exact), 1e-3 * norm);
    for (int s = 0; s < 2; s++) {
      if (error[s + 1] > negligible && !(error[s] / error[s + 1] > 3.5)) {
        throw new AssertionError("%s: errors of the differences are %.3g, %.3g, %.3g and do not fall four times each (exact %.6g)"
            .formatted(what, error[0], error[1], error[2], exact));
      }
    }
  }

  /** Half along the gradient, so that the derivative is not a small difference of large terms, half random. */
  private static double[] direction(double[] gradient) {
    Random random = new Random(gradient.length);
    double length = 0;
    double[] direction = new double[gradient.length];
    double size = Comparison.largest(gradient);
    for (int i = 0; i < gradient.length; i++) {
      direction[i] = random.nextGaussian() + (size == 0 ? 0 : gradient[i] / size);
      length += direction[i] * direction[i];
    }
    for (int i = 0; i < gradient.length; i++) {
      direction[i] /= Math.sqrt(length);
    }
    return direction;
  }

  /** The loss with the trainable moved, which is put back afterwards. */
  private static double loss(Session session, ParameterLayout.Range range, double[] direction, double h) {
    Executable executable = session.executable();
    MemorySegment arena = executable.arena(Executable.Arena.PARAMETERS);
    double[] before = new double[direction.length];
    for (int i = 0; i < direction.length; i++) {
      before[i] = arena.getAtIndex(ValueLayout.JAVA_DOUBLE, range.offset() + i);
      arena.setAtIndex(ValueLayout.JAVA_DOUBLE, range.offset() + i, before[i] + h * direction[i]);
    }
    executable.arenaWritten(Executable.Arena.PARAMETERS);
    session.zero();
    executable.run("step");
    double loss = session.read(session.executable().program().slot("lossSum").orElseThrow())[0];
    for (int i = 0; i < direction.length; i++) {
      arena.setAtIndex(ValueLayout.JAVA_DOUBLE, range.offset() + i, before[i]);
    }
    executable.arenaWritten(Executable.Arena.PARAMETERS);
    return loss;
  }
}
