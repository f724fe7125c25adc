package io.github.lora4j.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How programs become tasks. */
class LoweringTest {

  private static final int ROWS = 12;
  private static final int WIDTH = 8;

  /** A network of equal layers with a loss and its gradients. */
  private static Program layers(int count) {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    RowAxis sequences = builder.axis("sequences", 3);
    Value segments = builder.table("segments", Shape.of(sequences, 5));
    Value labels = builder.table("labels", Shape.of(rows, 1));
    Graph graph = builder.entry("step");
    Value x = graph.linear(builder.input("x", Shape.of(rows, WIDTH)), builder.trainable("in", Shape.of(WIDTH, WIDTH), 0));
    for (int i = 0; i < count; i++) {
      String name = "layer." + i;
      Value in = x;
      x = graph.region(name, () -> {
        Value q = graph.linear(in, builder.trainable(name + ".q", Shape.of(WIDTH, WIDTH), 0));
        Value attended = graph.attention(new AttentionSpec(2, 2, WIDTH / 2, 0.5f, false), q, in, in, segments, ROWS);
        return graph.add(graph.activate(Activation.GELU, graph.linear(attended, builder.frozen(name + ".up", Shape.of(WIDTH, WIDTH)))), in);
      });
    }
    graph.backward(graph.loss(Loss.CROSS_ENTROPY, x, labels));
    return builder.build();
  }

  private static int kernels(int layers) {
    return TornadoGpu.lowered(layers(layers), CompileOptions.DEFAULT, false).lowering().chunks().stream().mapToInt(chunk ->
        chunk.steps().size()).sum();
  }

  /** The inner layers of a network are compiled once, however many there are. */
  @Test
  void equalLayersAreCompiledOnce() {
    assertEquals(kernels(4), kernels(12));
    TornadoGpu.Lowered lowered = TornadoGpu.lowered(layers(12), CompileOptions.DEFAULT, false);
    List<Lowering.Call> calls = lowered.lowering().entry("step");
    long distinct = calls.stream().map(Lowering.Call::chunk).distinct().count();
    assertTrue(calls.size() >= 24 && distinct <= 8, "%d calls of %d chunks".formatted(calls.size(), distinct));
  }

  /** A region of more tasks than a graph may have is cut. */
  @Test
  void longRegionsAreCut() {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Value in = builder.input("x", Shape.of(rows, WIDTH));
    Graph graph = builder.entry("long");
    Value x = in;
    for (int i = 0; i < 2 * Lowering.MOST_TASKS + 5; i++) {
      x = graph.add(x, in);
    }
    graph.output("sum", x);
    Program program = builder.build();
    List<Integer> sizes = TornadoGpu.lowered(program, CompileOptions.DEFAULT, false).lowering().entry("long").stream().map(call ->
        call.tasks().size()).toList();
    assertEquals(List.of(Lowering.MOST_TASKS, Lowering.MOST_TASKS, 5), sizes);
    try (Executable executable = new PlainBackend(false).compile(program, CompileOptions.DEFAULT)) {
      float[] ones = new float[ROWS * WIDTH];
      Arrays.fill(ones, 1);
      executable.write(in, ones, ones.length);
      executable.run("long");
      assertEquals(2 * Lowering.MOST_TASKS + 6, executable.floats(x)[3]);
    }
  }

  /** Weights kept in 16 bits compute as if the rounded weights had been given. */
  @Test
  void halfWeightsAreReadExactly() {
    for (DType type : List.of(DType.BF16, DType.F16)) {
      for (TestProgram program : CompositeCases.all().subList(0, 2)) {
        try (Workers workers = new Workers(1);
            Session half = new Session(program, new PlainBackend(false), new CompileOptions(new Elements(type)));
            Session widened = new Session(program, new PlainBackend(true), new CompileOptions(new Elements(type)));
            Session reference = new Session(program, new CpuBackend(new ReferenceKernels(DType.F64), workers),
                new CompileOptions(new Elements(type)))) {
          Live live = BackendSuite.lives(program).getFirst();
          var expected = reference.run(live);
          Comparison.check(program + " in " + type, half.run(live), expected, Comparison.tolerance(program.length()));
          Comparison.check(program + " widened from " + type, widened.run(live), expected, Comparison.tolerance(program.length()));
        }
      }
    }
  }

  /** Weights in blocks, and a table in others, by our product and where a library makes it. */
  @Test
  void blocksAreReadExactly() {
    for (WeightFormat format : List.of(GgufFormat.Q8_0, GgufFormat.Q5_0, GgufFormat.Q5_1, GgufFormat.Q4_0, GgufFormat.Q4_1, GgufFormat.Q2_K,
        GgufFormat.Q3_K, GgufFormat.Q4_K, GgufFormat.Q5_K, GgufFormat.Q6_K, GgufFormat.IQ4_NL, FourBit.NF4)) {
      ProgramBuilder builder = new ProgramBuilder();
      RowAxis rows = builder.axis("rows", ROWS);
      Value ids = builder.table("ids", Shape.of(rows, 1));
      Value table = builder.frozen("table", Shape.of(20, 64));
      Value weight = builder.frozen("weight", Shape.of(96, 64));
      Graph graph = builder.entry("run");
      Value x = graph.embedding(table, ids, false);
      Value y = graph.output("y", graph.linear(x, weight));
      Program program = builder.build();
      Map<String, WeightFormat> own = Map.of("table", GgufFormat.Q8_0);
      float[][] results = new float[4][];
      for (int i = 0; i < results.length; i++) {
        // The last has a bank for each matrix.
        try (Workers workers = new Workers(1);
            Executable executable = (i == 0 ? new CpuBackend(new ReferenceKernels(DType.F32), workers)
                : i == 3 ? new PlainBackend(false, 1 << 13) : new PlainBackend(i == 2))
                .compile(program, new CompileOptions(format, own))) {
          for (Value of : List.of(table, weight)) {
            float[] values = new float[(int) of.shape().elements()];
            for (int j = 0; j < values.length; j++) {
              values[j] = (float) Math.sin(j * 0.7 + of.shape().rows());
            }
            executable.write(of, values, values.length);
          }
          executable.write(ids, new int[] {3, 0, 19, 7}, 4);
          executable.rows(rows, 4);
          executable.run("run");
          results[i] = executable.floats(y);
        }
      }
      assertArrayEquals(results[0], results[1], 2e-5f, format.name());
      assertArrayEquals(results[0], results[2], 2e-5f, format.name());
      assertArrayEquals(results[1], results[3], format.name());
    }
  }

  /** With many banks, some of them in one region, a network computes the same bits as with one: forward, backward, in every form of product. */
  @Test
  void banksOfWeights() {
    WeightFormat half = WeightFormat.BF16;
    Map<String, WeightFormat> own = Map.of("layer.1.up", GgufFormat.Q5_K, "layer.2.up", GgufFormat.Q3_K, "layer.3.up", WeightFormat.F32,
        "layer.4.up", GgufFormat.Q4_0);
    for (boolean library : new boolean[] {false, true}) {
      List<float[]> results = new ArrayList<>();
      for (int most : new int[] {Layout.MOST, 1 << 13, 1 << 14}) {
        Program program = wide(8);
        CompileOptions options = new CompileOptions(half, own);
        TornadoGpu.Lowered lowered = TornadoGpu.lowered(program, options, library, most);
        int banks = lowered.layout().banks();
        assertTrue(most == Layout.MOST ? banks == 1 : banks > 3, most + ": " + banks);
        boolean mixed = lowered.lowering().chunks().stream()
            .anyMatch(chunk -> chunk.steps().stream().map(Lowering.Step::bank).distinct().count() > 2);
        assertEquals(most != Layout.MOST, mixed, "a region reads several banks");
        try (Executable executable = new PlainBackend(library, most).compile(program, options)) {
          program.slots().values().stream().filter(slot -> !slot.integer() && slot.role() != Value.Role.GRADIENT).forEach(slot -> {
            float[] values = new float[(int) slot.shape().elements()];
            for (int i = 0; i < values.length; i++) {
              values[i] = (float) Math.sin(0.7 * i + slot.id()) / 8;
            }
            executable.write(slot, values, values.length);
          });
          int[] labels = new int[ROWS];
          Arrays.setAll(labels, i -> i);
          executable.write(program.slot("labels").orElseThrow(), labels, ROWS);
          executable.run("step");
          results.add(executable.floats(program.parameters().ranges().getFirst().gradient()));
        }
      }
      assertArrayEquals(results.get(0), results.get(1));
      assertArrayEquals(results.get(0), results.get(2));
    }
  }

  /** Two frozen matrices in each region, of 4,096 elements. */
  private static Program wide(int layers) {
    int width = 64;
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", ROWS);
    Value labels = builder.table("labels", Shape.of(rows, 1));
    Graph graph = builder.entry("step");
    Value x = graph.linear(builder.input("x", Shape.of(rows, width)), builder.trainable("in", Shape.of(width, width), 0));
    for (int i = 0; i < layers; i++) {
      String name = "layer." + i;
      Value in = x;
      x = graph.region(i < 6 ? name : "layer.last", () -> graph.add(graph.linear(graph.activate(Activation.GELU, graph.linear(in,
          builder.frozen(name + ".up", Shape.of(width, width)))), builder.frozen(name + ".down", Shape.of(width, width))), in));
    }
    graph.backward(graph.loss(Loss.CROSS_ENTROPY, x, labels));
    return builder.build();
  }

  @Test
  void aFormatThatNoDeviceReadsIsRefusedByName() {
    for (WeightFormat format : List.of(GgufFormat.IQ4_XS, FourBit.single("nf4", FourBit.NF4.map(), 64, 64, DType.BF16))) {
      String message = assertThrows(BackendException.class, () -> TornadoGpu.lowered(layers(1), new CompileOptions(format), false)).getMessage();
      assertTrue(message.contains(format.name()) && message.contains("backend: cpu"), message);
    }
  }

  /** A device follows ids blindly, so the host checks them. */
  @Test
  void idsThatLeadNowhereAreErrors() {
    Program program = layers(1);
    try (Executable executable = new PlainBackend(false).compile(program, CompileOptions.DEFAULT)) {
      RowAxis rows = program.axis("rows").orElseThrow();
      executable.rows(rows, 2);
      executable.rows(program.axis("sequences").orElseThrow(), 0);
      Value labels = program.slot("labels").orElseThrow();
      executable.write(labels, new int[] {1, -100, 77}, 3);
      executable.run("step");
      executable.write(labels, new int[] {1, WIDTH}, 2);
      String message = assertThrows(ConfigException.class, () -> executable.run("step")).getMessage();
      assertEquals("labels: that of row 1 is 8, expected 0 to 7, or -100 for none", message);
      executable.write(labels, new int[] {1, 2}, 2);
      executable.rows(program.axis("sequences").orElseThrow(), 1);
      executable.write(program.slot("segments").orElseThrow(), new int[] {0, 2, 11, 2, 0}, 5);
      assertEquals("segments: segment 0 has 2 key rows from 11 on, of 12", assertThrows(ConfigException.class,
          () -> executable.run("step")).getMessage());
    }
  }

  /** The same for the first op that computes what is not finite. */
  @Test
  void theFirstOpThatIsNotFiniteIsNamed() {
    Program program = layers(2);
    List<String> names = new ArrayList<>();
    try (Executable executable = new PlainBackend(false).compile(program, CompileOptions.DEFAULT)) {
      float[] values = new float[WIDTH * WIDTH];
      values[5] = Float.POSITIVE_INFINITY;
      for (String slot : List.of("in", "layer.0.q", "layer.1.q")) {
        executable.write(program.slot(slot).orElseThrow(), slot.equals("layer.1.q") ? values : new float[WIDTH * WIDTH], WIDTH * WIDTH);
      }
      float[] ones = new float[ROWS * WIDTH];
      Arrays.fill(ones, 1);
      executable.write(program.slot("x").orElseThrow(), ones, ones.length);
      names.add(executable.findNonFinite("step").orElseThrow());
    }
    assertTrue(names.getFirst().startsWith("layer.1: "), names.getFirst());
  }

  /** An array of TornadoVM has 2³¹ elements at most. */
  @Test
  void whatIsTooLargeForAnArrayIsAnError() {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", 1 << 20);
    Graph graph = builder.entry("large");
    graph.output("y", graph.activate(Activation.RELU, builder.input("x", Shape.of(rows, 4096))));
    Program program = builder.build();
    String message = assertThrows(ResourceException.class, () -> new PlainBackend(false).forecast(program, CompileOptions.DEFAULT)).getMessage();
    assertTrue(message.startsWith("memory of this program would have 4,294,967,") && message.contains("batch size"), message);
  }

  /** Fewer rows or half weights do not help a matrix with more elements than an index can name; the processor does. */
  @Test
  void tooManyFrozenElementsAreAnErrorWithAWayOn() {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", 2);
    Graph graph = builder.entry("large");
    graph.output("y", graph.linear(builder.input("x", Shape.of(rows, 1 << 16)), builder.frozen("w", Shape.of(1 << 16, 1 << 16))));
    Program program = builder.build();
    for (DType type : List.of(DType.F32, DType.BF16)) {
      String message = assertThrows(ResourceException.class, () -> new PlainBackend(false).forecast(program,
          new CompileOptions(new Elements(type)))).getMessage();
      assertEquals("w has 4,294,967,296 elements; this backend numbers at most 2,147,483,583 of one matrix: use a smaller model, or the backend cpu",
          message);
    }
  }
}
