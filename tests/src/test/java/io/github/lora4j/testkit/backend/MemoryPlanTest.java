package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.MemoryPlan;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.testkit.GradientCheck;
import io.github.lora4j.testkit.Live;
import io.github.lora4j.testkit.RandomCases;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Sharing memory between temporaries changes what a program needs, never what it computes. */
class MemoryPlanTest {

  private static final int PROGRAMS = 40;

  private static Stream<TestProgram> programs() {
    return Stream.concat(BackendSuite.cases().stream(), RandomCases.all(PROGRAMS).stream());
  }

  /** Replays each plan as a map of who owns which bytes: whatever an op reads must still be there. */
  @Test
  void whatAnOpReadsIsStillThere() {
    programs().forEach(program -> program.program().entries().values().forEach(entry -> {
      for (int width : new int[] {4, 8}) {
        replay(program + " " + entry.name(), entry, MemoryPlan.of(entry, width), width);
      }
    }));
  }

  private static void replay(String what, Program.Entry entry, MemoryPlan plan, int width) {
    Value[] owner = new Value[Math.toIntExact(plan.bytes())];
    for (Program.Node node : entry.nodes()) {
      Op op = node.op();
      op.inputs().stream().filter(value -> !value.slot()).forEach(value -> owned(what, owner, plan, value, width));
      Value[] before = owner.clone();
      for (Value out : op.outputs()) {
        if (!out.slot()) {
          int from = Math.toIntExact(plan.offsets().get(out));
          int to = from + bytes(out, width);
          for (Value in : op.inputs()) {
            boolean same = !in.slot() && plan.offsets().get(in) == from && in.shape().equals(out.shape()) && op.inPlace().contains(in);
            assertTrue(same || Arrays.stream(before, from, to).noneMatch(in::equals), () -> what + ": " + out + " is written over " + in);
          }
          Arrays.fill(owner, from, to, out);
        }
      }
      op.outputs().stream().filter(value -> !value.slot()).forEach(value -> owned(what, owner, plan, value, width));
    }
    entry.outputs().values().forEach(value -> owned(what, owner, plan, value, width));
  }

  private static void owned(String what, Value[] owner, MemoryPlan plan, Value value, int width) {
    int from = Math.toIntExact(plan.offsets().get(value));
    assertEquals(0, from % 64, () -> what + ": " + value + " starts within a cache line");
    assertTrue(Arrays.stream(owner, from, from + bytes(value, width)).allMatch(value::equals), () -> what + ": " + value + " was overwritten");
  }

  private static int bytes(Value value, int width) {
    return Math.toIntExact(value.shape().elements() * width);
  }

  @Test
  void reuseSavesAndNeverCosts() {
    programs().forEach(program -> {
      Program.Entry entry = program.program().entries().get("step");
      MemoryPlan plan = MemoryPlan.of(entry, 4);
      assertTrue(plan.bytes() <= plan.withoutReuse(), program::toString);
      MemoryPlan kept = MemoryPlan.of(program.withoutReuse().program().entries().get("step"), 4);
      assertEquals(plan.withoutReuse(), kept.bytes(), program::toString);
      long largest = entry.nodes().stream().mapToLong(node -> node.op().outputs().stream().filter(v -> !v.slot())
          .mapToLong(v -> bytes(v, 4)).sum()).max().orElse(0);
      assertTrue(plan.bytes() >= largest, program::toString);
    });
    TestProgram encoder = BackendSuite.cases().stream().filter(p -> p.name().startsWith("encoder, everything")).findFirst().orElseThrow();
    MemoryPlan forward = MemoryPlan.of(encoder.program().entries().get("forward"), 4);
    assertTrue(3 * forward.bytes() < forward.withoutReuse(), "inference reuses most memory");
  }

  /** Bit for bit, as sharing changes where a number lies and not how it is computed. */
  @TestFactory
  Stream<DynamicTest> sharingNeverChangesResults() {
    return programs().map(program -> DynamicTest.dynamicTest(program.name(), () -> {
      try (Workers workers = new Workers(1); Session shared = session(program, workers); Session kept = session(program.withoutReuse(), workers)) {
        for (Live live : List.of(Session.full(program), BackendSuite.lives(program).getFirst())) {
          Map<String, double[]> want = kept.run(live);
          shared.run(live).forEach((name, got) -> assertArrayEquals(want.get(name), got, () -> program + " at " + live + ": " + name));
        }
      }
    }));
  }

  private static Session session(TestProgram program, Workers workers) {
    return new Session(program, new CpuBackend(KernelProvider.select("vector"), workers));
  }

  @TestFactory
  Stream<DynamicTest> randomProgramsAgreeWithTheReference() {
    return RandomCases.all(PROGRAMS).stream().map(program -> DynamicTest.dynamicTest(program.name(), () -> {
      try (Workers workers = new Workers(2)) {
        BackendSuite.agrees(program, new CpuBackend(KernelProvider.select("vector"), workers));
      }
      GradientCheck.check(program, BackendSuite.lives(program).getFirst());
    }));
  }

  @Test
  void theForecastIsExact() {
    try (Workers workers = new Workers(3)) {
      for (String kernels : List.of("vector", "reference")) {
        Backend backend = new CpuBackend(KernelProvider.select(kernels), workers);
        programs().forEach(program -> {
          long forecast = backend.forecast(program.program(), CompileOptions.DEFAULT).stream().mapToLong(Backend.Allocation::bytes).sum();
          try (Executable executable = backend.compile(program.program(), CompileOptions.DEFAULT)) {
            assertEquals(forecast, executable.bytes(), program::toString);
          }
        });
      }
    }
  }
}
