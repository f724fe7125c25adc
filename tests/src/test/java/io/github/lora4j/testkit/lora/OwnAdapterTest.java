package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterRecording;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.testkit.GradientCheck;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** An adapter that lora4j does not have, in thirty lines of a user's code, with exact gradients on any backend. */
class OwnAdapterTest {

  /** A parallel bottleneck with a nonlinearity (He et al., "Towards a unified view", ICLR 2022): y + s·gelu(x·Dᵀ + b)·Uᵀ. */
  private record ParallelBottleneck(String module, int width, int bottleneck, double scale) implements Adapter {

    private AdapterParameter down() {
      return AdapterParameter.matrix(module + ".down.weight", bottleneck, width, 0, new Initial.Normal(0.1));
    }

    private AdapterParameter bias() {
      return AdapterParameter.of(module + ".down.bias", List.of((long) bottleneck), 1, Initial.ZEROS);
    }

    private AdapterParameter up() {
      return AdapterParameter.matrix(module + ".up.weight", width, bottleneck, 0, Initial.ZEROS);
    }

    @Override
    public List<AdapterParameter> parameters() {
      return List.of(down(), bias(), up());
    }

    @Override
    public Value linear(Sites sites, LinearSite of, Value y) {
      String site = of.module();
      Value x = of.x();
      if (!site.equals(module)) {
        return y;
      }
      Graph g = sites.graph();
      Value hidden = g.activate(Activation.GELU, g.linear(x, down().declare(sites), bias().declare(sites)));
      return g.linearOnto(hidden, up().declare(sites), y, scale);
    }
  }

  private static TestProgram model(SiteHooks adapter) {
    return new TestProgram("own adapter", 9, p -> {
      Sites sites = new Sites(p.graph(), adapter);
      Value x = p.probe("x", Shape.of(p.axis("rows", 5), 9)); // its gradient passes through the adapter too
      Value y = sites.linear("second", sites.linear("first", x, 9, true), 9, true);
      return p.mse(y);
    });
  }

  /** Numbers for the slots that the adapter and the sites declared. */
  private static TestProgram filled(TestProgram program) {
    program.program().slots().values().stream().filter(v -> v.role() == Value.Role.FROZEN || v.role() == Value.Role.TRAINABLE).forEach(v ->
        {
      float[] data = program.floats().computeIfAbsent(v, s -> new float[Math.toIntExact(s.shape().elements())]);
      for (int i = 0; i < data.length; i++) {
        data[i] = (float) program.random().nextGaussian() / 3;
      }
    });
    return program;
  }

  @Test
  void itsGradientsAreDerivatives() {
    Adapter adapter = new ParallelBottleneck("second", 9, 3, 2);
    TestProgram program = filled(model(adapter));
    AdapterRecording.requireRecorded(adapter, program.program());
    GradientCheck.check(program, Session.full(program));
  }

  /** On every backend, though it names none. */
  @TestFactory
  Stream<DynamicTest> computesTheSameOnEveryBackend() {
    return TestedBackends.each(on -> Stream.of(DynamicTest.dynamicTest("on " + on, () -> {
      try (Backend backend = on.open()) {
        BackendSuite.agrees(filled(model(new ParallelBottleneck("second", 9, 3, 2))), backend);
      }
    })));
  }

  @Test
  void startsAtTheBaseModelAndItsValuesComeBack() {
    Adapter adapter = new ParallelBottleneck("second", 9, 3, 2);
    TestProgram program = filled(model(adapter));
    try (CpuBackend backend = new CpuBackend(new ReferenceKernels(DType.F32), new Workers(1)); Session session = new Session(program,
        backend);
        AdapterValues values = new AdapterValues(adapter.parameters())
            .initialise(1); AdapterValues copy = new AdapterValues(adapter.parameters())) {
      values.write(session.executable());
      copy.read(session.executable());
      adapter.parameters().forEach(p -> assertEquals(-1, values.get(p.slot()).mismatch(copy.get(p.slot())), p.slot()));
      double[] adapted = session.run(Session.full(program)).get("y");
      TestProgram plain = model(SiteHooks.NONE);
      program.floats().forEach((slot, data) -> plain.program().slot(slot.name()).ifPresent(s -> plain.floats().put(s, data)));
      try (Session base = new Session(plain, backend)) {
        org.junit.jupiter.api.Assertions.assertArrayEquals(base.run(Session.full(plain)).get("y"), adapted);
      }
    }
  }

  @Test
  void aSiteThatDoesNotExistIsNamed() {
    Adapter adapter = new ParallelBottleneck("third", 9, 3, 2);
    assertThrows(io.github.lora4j.vector.ConfigException.class, () -> AdapterRecording.requireRecorded(adapter, model(adapter).program()));
  }
}
