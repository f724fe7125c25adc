package io.github.lora4j.testkit.doors;

import io.github.lora4j.graph.Binder;
import io.github.lora4j.graph.ElementOp;
import io.github.lora4j.graph.Gradients;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBinder;
import io.github.lora4j.graph.cpu.CpuSteps;
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.testkit.GradientCheck;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.tornado.GpuBinder;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** An op of another module, y = x·|x|: this file and one line in META-INF/services, and it runs with its gradient on every backend. */
class ToyOpTest {

  /** y = x·|x|. */
  record SignedSquare(Value x, Value y) implements Op {
    @Override
    public List<Value> inputs() {
      return List.of(x);
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new SignedSquareGrad(x, g.grad(y), d));
    }
  }

  /** dx = 2·dy·|x|. */
  record SignedSquareGrad(Value x, Value dy, Value dx) implements Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return List.of(x, dy);
    }

    @Override
    public List<Value> outputs() {
      return List.of(dx);
    }
  }

  /** On the processor a loop; on a device made of ops that are there. */
  public static final class ToyBinders implements Binder.Provider {
    @Override
    public List<Binder<?>> binders() {
      return List.of(CpuBinder.of(SignedSquare.class, (o, at) -> loop(at, o.x(), o.x(), o.y(), 1)),
          CpuBinder.of(SignedSquareGrad.class, (o, at) -> loop(at, o.dy(), o.x(), o.dx(), 2)),
          GpuBinder.of(SignedSquare.class, (o, to) -> {
            to.op(new SignedSquareGrad(o.x(), o.x(), o.y()));
            to.op(new ElementOp.Scale(o.y(), 0.5, o.y()));
          }),
          GpuBinder.of(SignedSquareGrad.class, (o, to) -> {
            Value size = to.temp(o.x().shape());
            Value more = to.temp(o.x().shape());
            to.op(new ElementOp.Activate(Activation.RELU, o.x(), size));
            to.op(new ElementOp.Scale(o.x(), -1, more));
            to.op(new ElementOp.Activate(Activation.RELU, more, more));
            to.op(new ElementOp.Add(size, more, size));
            to.op(new ElementOp.Multiply(o.dy(), size, o.dx()));
            to.op(new ElementOp.Scale(o.dx(), 2, o.dx()));
          }));
    }

    /** out = factor·a·|b|. */
    private static CpuSteps.Step loop(CpuSteps at, Value a, Value b, Value out, double factor) {
      MemorySegment[] s = {at.s(a), at.s(b), at.s(out)};
      long cols = a.shape().cols();
      return at.rows(a, a.shape().cols(), (from, to) -> {
        for (long i = from * cols; i < to * cols; i++) {
          if (at.floats() == DType.F64) {
            s[2].setAtIndex(ValueLayout.JAVA_DOUBLE, i, factor * s[0].getAtIndex(ValueLayout.JAVA_DOUBLE, i)
                * Math.abs(s[1].getAtIndex(ValueLayout.JAVA_DOUBLE, i)));
          } else {
            s[2].setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) factor * s[0].getAtIndex(ValueLayout.JAVA_FLOAT, i)
                * Math.abs(s[1].getAtIndex(ValueLayout.JAVA_FLOAT, i)));
          }
        }
      });
    }
  }

  private static final TestProgram PROGRAM = new TestProgram("x·|x|", 7, p -> {
    Value x = p.probe("x", Shape.of(p.axis("a", 19), 7));
    Value y = p.graph().temp("signed square", x.shape());
    p.graph().record(new SignedSquare(x, y));
    return p.mse(y);
  });

  @Test
  void itsGradientIsTheDerivative() {
    BackendSuite.lives(PROGRAM).stream().limit(4).forEach(live -> GradientCheck.check(PROGRAM, live));
  }

  @TestFactory
  Stream<DynamicTest> itRunsOnEveryBackend() {
    return TestedBackends.each(on -> Stream.of(DynamicTest.dynamicTest("on " + on, () -> BackendSuite.agrees(PROGRAM, on.open()))));
  }
}
