package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.ElementOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBinder;
import io.github.lora4j.graph.cpu.CpuBinders;
import io.github.lora4j.testkit.ShippedClasses;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.tornado.GpuBinders;
import io.github.lora4j.vector.BackendException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every op has one binder on every backend. */
class BindersTest {

  /** An op that no backend knows. */
  record Unknown(Value x, Value y) implements Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return List.of(x);
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }
  }

  /** All ops on the class path that belong to no test. */
  private static Set<String> ops() {
    return ShippedClasses.ALL.stream().filter(type -> type.isAssignableTo(Op.class) && !type.isInterface()).map(JavaClass::getName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void noOpLacksABinder() {
    Set<String> ops = ops();
    assertTrue(ops.size() > 50 && ops.contains(ElementOp.Add.class.getName()), ops::toString);
    assertEquals(Set.of(), missing(ops, CpuBinders.all()), "on the processor, with either kernels");
    assertEquals(Set.of(), missing(ops, GpuBinders.all()), "on a GPU");
    assertEquals(Set.of(Unknown.class.getName()), missing(Set.of(Unknown.class.getName()), CpuBinders.all()), "one that is missing is seen");
  }

  private static Set<String> missing(Set<String> ops, Binders<?> binders) {
    Set<String> missing = new TreeSet<>(ops);
    binders.ops().forEach(op -> missing.remove(op.getName()));
    return missing;
  }

  @TestFactory
  Stream<DynamicTest> anOpWithoutABinderIsAnErrorBeforeAnythingRuns() {
    ProgramBuilder builder = new ProgramBuilder();
    var graph = builder.entry("run");
    graph.record(new Unknown(builder.input("x", Shape.of(2, 3)), graph.temp("y", Shape.of(2, 3))));
    Program program = builder.build();
    return Stream.of(TestedBackends.REFERENCE, TestedBackends.VECTOR, TestedBackends.PLAIN).map(on -> DynamicTest.dynamicTest("on " + on, () -> {
      try (Backend backend = on.open()) {
        String message = assertThrows(BackendException.class, () -> backend.compile(program, CompileOptions.DEFAULT)).getMessage();
        assertEquals("backend %s cannot run %s: no binder for it; add one to a io.github.lora4j.graph.Binder$Provider service".formatted(
            on == TestedBackends.PLAIN ? "gpu" : "cpu", Unknown.class.getName()), message);
      }
    }));
  }

  /** The toy op beside this test has a binder as a service. */
  @Test
  @SuppressWarnings("unchecked")
  void twoBindersForOneOpAreAnErrorThatNamesBoth() {
    Class<?> toy = CpuBinders.all().ops().stream().filter(op -> op.getSimpleName().equals("SignedSquare")).findFirst().orElseThrow();
    CpuBinder<?> second = CpuBinder.of((Class<Op>) toy, (o, at) -> () -> { });
    String message = assertThrows(BackendException.class, () -> Binders.of("cpu", (Class<CpuBinder<?>>) (Class<?>) CpuBinder.class, List.of(second)))
        .getMessage();
    assertTrue(message.startsWith("backend cpu has two binders for " + toy.getName()) && message.contains("of the backend itself and of ")
        && message.contains("ToyBinders"), message);
  }
}
