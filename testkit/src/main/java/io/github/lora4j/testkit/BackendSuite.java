package io.github.lora4j.testkit;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What every backend must do. Extend it in a test, name the backend, and all of this runs on it. */
public abstract class BackendSuite {

  /** The backend under test; asked for once for each test. */
  protected abstract Backend backend();

  /** Forward and backward of every op, at several live counts one after another, against the reference in F64. */
  @TestFactory
  Stream<DynamicTest> agreesWithTheReference() {
    return Stream.of(cases(), LossCases.stopped(), OpCases.tall()).flatMap(List::stream)
        .map(program -> DynamicTest.dynamicTest(program.name(), () -> agrees(program, backend())));
  }

  /** Every program of the suite. */
  public static List<TestProgram> cases() {
    List<TestProgram> cases = new ArrayList<>(OpCases.all());
    cases.addAll(LossCases.all());
    cases.addAll(AttentionCases.all());
    cases.addAll(CompositeCases.all());
    return cases;
  }

  /** Runs a program on a backend and on the reference and compares everything they computed. */
  public static void agrees(TestProgram program, Backend backend) {
    try (Workers one = new Workers(1);
        Session reference = new Session(program, new CpuBackend(new ReferenceKernels(DType.F64), one));
        Session tested = new Session(program, backend)) {
      tested.spoil(Session.full(program));
      for (Live live : lives(program)) {
        Comparison.check(program + " at " + live, tested.run(live), reference.run(live), Comparison.tolerance(program.length()));
      }
    }
  }

  /** Live counts to run at: none, one, some and all rows, with the axes' fillings mixed, shrinking and growing again. */
  public static List<Live> lives(TestProgram program) {
    double[][] fillings = {{0.6, 0.9, 0.4}, {1, 1, 1}, {0, 0, 0}, {0.3, 1, 0.7}, {1, 0, 0.5}, {0, 0.5, 1}, {1, 0.2, 0}, {0.01, 0.01, 0.01}};
    List<Live> lives = new ArrayList<>();
    for (double[] filling : fillings) {
      Map<RowAxis, Integer> rows = new HashMap<>();
      List<RowAxis> axes = program.program().axes();
      for (int i = 0; i < axes.size(); i++) {
        rows.put(axes.get(i), (int) Math.ceil(filling[i % filling.length] * axes.get(i).capacity()));
      }
      lives.add(new Live(rows));
    }
    return lives;
  }
}
