package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import io.github.lora4j.testkit.BackendSuite;
import io.github.lora4j.testkit.Comparison;
import io.github.lora4j.testkit.CompositeCases;
import io.github.lora4j.testkit.Live;
import io.github.lora4j.testkit.OpCases;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What the CPU executor promises beside right numbers. */
class ExecutorTest {

  private static CpuBackend vector(Workers workers) {
    return new CpuBackend(KernelProvider.select("vector"), workers);
  }

  @TestFactory
  Stream<DynamicTest> bitsDoNotDependOnThreads() {
    return Stream.concat(CompositeCases.all().stream(), OpCases.tall().stream()).map(program -> DynamicTest.dynamicTest(program.name(), () -> {
      Live live = BackendSuite.lives(program).getFirst();
      Map<String, double[]> want = run(program, live, 1);
      for (int threads : new int[] {2, 5}) {
        run(program, live, threads).forEach((name, got) -> assertArrayEquals(want.get(name), got, () -> name + " on " + threads + " threads"));
      }
    }));
  }

  private static Map<String, double[]> run(TestProgram program, Live live, int threads) {
    try (Workers workers = new Workers(threads); Session session = new Session(program, vector(workers))) {
      return session.run(live);
    }
  }

  /** In a JVM of its own, as a training process is; see {@link StepAllocation}. 64 columns fill vectors of any width, 14 those of none. */
  @TestFactory
  Stream<DynamicTest> aStepAllocatesNothing() {
    return Stream.of("64", "14").map(cols -> DynamicTest.dynamicTest(cols + " columns", () -> {
      Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m", "--add-modules",
          "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
          StepAllocation.class.getName(), cols).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), output);
    }));
  }

  /** A batch in one run and the same rows in two runs give the same sums, to rounding. */
  @Test
  void accumulatingTwiceIsOneLargeBatch() {
    int rows = 40;
    int in = 9;
    ProgramBuilder b = new ProgramBuilder();
    RowAxis axis = b.axis("rows", rows);
    Graph g = b.entry("accumulate");
    Value x = b.input("x", Shape.of(axis, in));
    Value labels = b.table("labels", Shape.of(axis, 1));
    Value w = b.trainable("w", Shape.of(4, in), 0);
    Value sum = b.state("sum", Shape.vector(1));
    Value count = b.state("count", Shape.vector(1));
    Value loss = g.loss(Loss.CROSS_ENTROPY, g.linear(x, w, b.trainable("bias", Shape.vector(4), 0)), labels);
    g.addSum(loss, sum);
    g.countTargets(Loss.CROSS_ENTROPY, labels, count);
    g.backward(loss);
    Program program = b.build();
    Random random = new Random(1);
    float[] data = new float[rows * in];
    int[] classes = new int[rows];
    for (int i = 0; i < data.length; i++) {
      data[i] = (float) random.nextGaussian();
      classes[i / in] = i / in % 5 == 0 ? -100 : random.nextInt(4);
    }
    float[] weights = Arrays.copyOf(data, 4 * in);
    try (Workers workers = new Workers(2);
        Executable once = vector(workers).compile(program, CompileOptions.DEFAULT);
        Executable twice = vector(workers).compile(program, CompileOptions.DEFAULT)) {
      once.write(w, weights, weights.length);
      twice.write(w, weights, weights.length);
      accumulate(once, axis, data, classes, 0, rows);
      accumulate(twice, axis, data, classes, 0, 13);
      accumulate(twice, axis, data, classes, 13, rows);
      assertEquals(32, once.floats(count)[0]);
      assertEquals(32, twice.floats(count)[0]);
      for (Value slot : List.of(sum, program.slot("w.grad").orElseThrow(), program.slot("bias.grad").orElseThrow())) {
        double[] want = doubles(once.floats(slot));
        Comparison.check(slot.name(), doubles(twice.floats(slot)), want,
            Comparison.tolerance(rows) * Arrays.stream(want).map(Math::abs).max().orElseThrow());
      }
    }
  }

  private static void accumulate(Executable executable, RowAxis axis, float[] data, int[] classes, int from, int to) {
    Program program = executable.program();
    int in = data.length / classes.length;
    executable.rows(axis, to - from);
    executable.write(program.slot("x").orElseThrow(), Arrays.copyOfRange(data, from * in, to * in), (to - from) * in);
    executable.write(program.slot("labels").orElseThrow(), Arrays.copyOfRange(classes, from, to), to - from);
    executable.run("accumulate");
  }

  private static double[] doubles(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  /** A toy format of blocks: five bytes, and the power of two that they are multiplied by. */
  private static final class Eighths implements WeightFormat {
    @Override
    public String name() {
      return "eighths";
    }

    @Override
    public int blockValues() {
      return 5;
    }

    @Override
    public int blockBytes() {
      return 6;
    }

    @Override
    public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
      for (int i = 0; i < count; i++) {
        long block = at + i / 5 * 6L;
        floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + 4L * i,
            Math.scalb((float) blocks.get(ValueLayout.JAVA_BYTE, block + 1 + i % 5), blocks.get(ValueLayout.JAVA_BYTE, block)));
      }
    }

    @Override
    public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
      for (int first = 0; first < count; first += 5, at += 6) {
        float largest = Float.MIN_NORMAL;
        for (int i = first; i < Math.min(count, first + 5); i++) {
          largest = Math.max(largest, Math.abs(floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, from + 4L * i)));
        }
        int power = Math.max(-100, Math.getExponent(largest) - 5);
        blocks.set(ValueLayout.JAVA_BYTE, at, (byte) power);
        for (int i = 0; i < 5; i++) {
          float value = first + i < count ? floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, from + 4L * (first + i)) : 0;
          blocks.set(ValueLayout.JAVA_BYTE, at + 1 + i, (byte) Math.round(Math.scalb(value, -power)));
        }
      }
    }
  }

  /** Weights kept in 16 bits, or in blocks of a format that nothing here knows, compute as if the rounded weights had been given. */
  @Test
  void narrowWeightsAreRoundedOnceAndComputedInF32() {
    for (WeightFormat type : List.of(WeightFormat.BF16, WeightFormat.F16, new Eighths())) {
      for (TestProgram program : CompositeCases.all().subList(0, 2)) {
        try (Workers workers = new Workers(2);
            Session narrow = new Session(program, vector(workers), new CompileOptions(type));
            Session reference = new Session(program, new CpuBackend(new ReferenceKernels(DType.F64), workers), new CompileOptions(type));
            Session wide = new Session(program, vector(workers))) {
          Live live = BackendSuite.lives(program).getFirst();
          Map<String, double[]> want = reference.run(live);
          Comparison.check(program + " in " + type.name(), narrow.run(live), want, Comparison.tolerance(program.length()));
          Map<String, double[]> unrounded = wide.run(live);
          assertThrows(AssertionError.class, () -> Comparison.check("", unrounded, want, 1e-5), "the rounding can be seen");
          long stored = withoutScratch(program, workers, new CompileOptions(type));
          long floats = withoutScratch(program, workers, CompileOptions.DEFAULT);
          assertTrue(stored < floats, () -> "%s in %s: %,d and %,d bytes".formatted(program, type.name(), stored, floats));
        }
      }
    }
  }

  /** What decoding needs besides does not grow with the model, and these models are tiny. */
  private static long withoutScratch(TestProgram program, Workers workers, CompileOptions options) {
    return vector(workers).forecast(program.program(), options).stream().filter(a -> !a.purpose().startsWith("scratch")).mapToLong(Backend.Allocation::bytes)
        .sum();
  }

  @Test
  void theFirstOpThatIsNotFiniteIsNamed() {
    ProgramBuilder b = new ProgramBuilder();
    RowAxis axis = b.axis("rows", 4);
    Graph g = b.entry("run");
    Value x = b.input("x", Shape.of(axis, 2));
    Value y = g.region("layer 1", () -> g.scale(x, 2));
    g.output("z", g.region("layer 2", () -> g.multiply(y, y)));
    try (Workers workers = new Workers(1); Executable executable = vector(workers).compile(b.build(), CompileOptions.DEFAULT)) {
      executable.rows(axis, 2);
      executable.write(x, new float[] {1, 2, 3, 4}, 4);
      assertEquals(Optional.empty(), executable.findNonFinite("run"));
      executable.write(x, new float[] {1, 2, 3, 1e30f, Float.NaN}, 5);
      assertEquals(Optional.of("layer 2: x.scaled* (Multiply)"), executable.findNonFinite("run"));
      executable.write(x, new float[] {1, Float.NaN}, 2);
      assertEquals(Optional.of("layer 1: x.scaled (Scale)"), executable.findNonFinite("run"));
    }
  }

  @Test
  void whatCannotBeDoneIsRefused() {
    ProgramBuilder b = new ProgramBuilder();
    RowAxis axis = b.axis("rows", 4);
    Graph g = b.entry("run");
    Value x = b.input("x", Shape.of(axis, 2));
    Value w = b.frozen("w", Shape.of(3, 2));
    Value ids = b.table("ids", Shape.of(axis, 1));
    Value hidden = g.linear(x, w);
    g.output("y", g.scale(hidden, 2));
    try (Workers workers = new Workers(1); Executable executable = vector(workers).compile(b.build(), CompileOptions.DEFAULT)) {
      refused("no entry step; there are [run]", () -> executable.run("step"));
      refused("5 rows on axis rows: its capacity is 4", () -> executable.rows(axis, 5));
      refused("-1 rows", () -> executable.rows(axis, -1));
      refused("axis other", () -> executable.rows(new RowAxis("other", 4), 1));
      refused("x[rows, 2] holds 8 elements, got 9", () -> executable.write(x, new float[9], 9));
      refused("ids[rows, 1] holds integers", () -> executable.write(ids, new float[4], 4));
      refused("x[rows, 2] holds floats", () -> executable.write(x, new int[4], 4));
      refused("w[3, 2] needs 24 bytes of F32, got 20", () -> executable.write(w, new float[5], 5));
      refused("w[3, 2] is frozen", () -> executable.floats(w));
      refused("ids[rows, 1] holds integers", () -> executable.floats(ids));
      refused("is not an output", () -> executable.floats(hidden));
    }
  }

  private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
    String message = assertThrows(ConfigException.class, call).getMessage();
    assertTrue(message.contains(part), () -> "expected \"" + part + "\" in: " + message);
  }
}
