package io.github.lora4j.cli.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import picocli.CommandLine;

/** The benchmark's files and arithmetic; how long anything takes is not judged. */
class BenchTest {

  @TempDir
  private Path directory;

  private static Measurement step(String backend, int batch, double... seconds) {
    return new Measurement("step", "minilm", backend, batch, batch * 128L, batch * 5_000_000_000L, 0, 7 << 20, OptionalDouble.empty(),
        seconds);
  }

  private static Measurement kernel(String name, long flops, double... seconds) {
    return new Measurement("kernel", name, "cpu", 0, 0, flops, 0, 0, OptionalDouble.of(2.5), seconds);
  }

  private static BenchResult result(Measurement... measurements) {
    return new BenchResult(Map.of("processor", "a < b"), List.of("cpu: two threads"), List.of("busy"), List.of(measurements));
  }

  @Test
  void quantilesAreInterpolated() {
    Measurement m = step("cpu", 1, 4, 1, 2, 3);
    assertEquals(2.5, m.median());
    assertEquals(1.75, m.quantile(0.25));
    assertEquals(0.3, m.spread(), 1e-12);
    assertEquals(2, m.gflops(), 1e-12);
    assertEquals(51.2, m.tokensPerSecond(), 1e-12);
  }

  @Test
  void theFileComesBack() throws IOException {
    BenchResult written = result(step("cpu", 4, 0.5, 0.25), kernel("gelu", 10, 1e-3));
    Path file = Files.writeString(directory.resolve("bench.json"), written.json());
    BenchResult read = BenchResult.read(file);
    assertEquals(written.machine(), read.machine());
    assertEquals(written.backends(), read.backends());
    assertEquals(written.warnings(), read.warnings());
    for (int i = 0; i < 2; i++) {
      assertEquals(written.measurements().get(i).key(), read.measurements().get(i).key());
      assertArrayEquals(written.measurements().get(i).seconds(), read.measurements().get(i).seconds());
      assertEquals(written.measurements().get(i).joules(), read.measurements().get(i).joules());
    }
    Files.writeString(file, "{\"measurements\": 3}");
    assertTrue(assertThrows(FormatException.class, () -> BenchResult.read(file)).getMessage().contains("bench.json of lora4j bench"));
    Files.writeString(file, "[1,");
    assertThrows(FormatException.class, () -> BenchResult.read(file));
    assertThrows(FormatException.class, () -> BenchResult.read(directory.resolve("none.json")));
  }

  /** A change beyond the repetitions' noise is told from one within it. */
  @Test
  void comparesWithTheNoise() {
    BenchResult before = result(step("cpu", 1, 1.0, 1.01, 0.99, 1.02, 1.0), step("cpu", 4, 2.0, 3.0, 2.5, 2.2, 2.9), step("cpu", 8, 5, 5.1,
        4.9),
        step("ptx", 8, 1));
    BenchResult after = result(step("cpu", 1, 1.2, 1.21, 1.19, 1.22, 1.2), step("cpu", 4, 2.1, 3.1, 2.4, 2.3, 2.8), step("cpu", 8, 4, 4.1,
        3.9),
        step("cpu", 32, 9));
    BenchComparison comparison = BenchComparison.of(before, after);
    assertEquals(List.of("slower", "within noise", "faster"), comparison.lines().stream().map(BenchComparison.Line::verdict).toList());
    assertEquals(1.2, comparison.lines().getFirst().ratio(), 1e-12);
    assertEquals(List.of("step minilm x32 on cpu (second only)", "step minilm x8 on ptx (first only)"), comparison.onlyInOne());
    assertTrue(comparison.text().contains("1.200  1.1"), comparison.text());
  }

  @Test
  void saysFromWhichBatchOnADeviceIsFaster() {
    BenchReport report = new BenchReport(result(step("cpu", 1, 1), step("opencl", 1, 2), step("cpu", 8, 8), step("opencl", 8, 4),
        step("cpu", 4, 4),
        step("opencl", 4, 3.9), kernel("product", 4_000_000_000L, 1)));
    assertEquals(List.of("minilm: opencl is faster than cpu from 4 sequences on, at best 2.00 times"), report.crossovers());
    assertEquals(List.of("minilm: opencl is faster than cpu at 1, 2 sequences, but not at 8, at best 1.25 times"),
        new BenchReport(result(step("cpu", 1, 1),
        step("opencl", 1, 0.8), step("cpu", 2, 2), step("opencl", 2, 1.9), step("cpu", 8, 8), step("opencl", 8, 9))).crossovers());
    assertEquals(List.of("minilm: opencl is not faster than cpu at any batch tried, at best 0.50 times"), new BenchReport(result(step("cpu", 1, 1),
        step("opencl", 1, 2))).crossovers());
    String html = report.html();
    assertTrue(html.contains("a &lt; b") && html.contains("<svg") && html.contains("Warning:") && !html.contains("<script"), html);
    assertTrue(report.markdown().contains("| minilm | 8 | cpu | 8.000 s | 0.0 % | 128 | 5.0 | 125 % |"), report.markdown());
  }

  /** Two steps on the processor compute, and the second is another. */
  @ParameterizedTest
  @EnumSource
  void aStepTrains(TrainingStep.Family family) {
    TrainingStep.Shape tiny = new TrainingStep.Shape("tiny", family, 1, 16, 2, 24, 2, 5, 2);
    try (Backend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(1)); TrainingStep step = new TrainingStep(tiny,
        backend)) {
      assertTrue(step.step() > 0 && step.flops() > 0);
      float first = step.executable().floats(step.executable().program().slot("report").orElseThrow())[0];
      step.step();
      float second = step.executable().floats(step.executable().program().slot("report").orElseThrow())[0];
      assertTrue(Float.isFinite(first) && second < first, first + " then " + second);
    }
  }

  @Test
  void theCommandComparesAndRefuses() throws IOException {
    Path before = Files.writeString(directory.resolve("a.json"), result(step("cpu", 1, 1, 1, 1)).json());
    Path after = Files.writeString(directory.resolve("b.json"), result(step("cpu", 1, 2, 2, 2)).json());
    StringWriter out = new StringWriter();
    assertEquals(0, new CommandLine(new BenchCommand()).setOut(new PrintWriter(out)).execute("--compare", before.toString(),
        after.toString()));
    assertTrue(out.toString().contains("2.000 to 2.000, slower"), out.toString());
    for (String[] wrong : new String[][] {{"--compare", before.toString()}, {"--set", "nothing"}, {"--shapes", "gpt"}, {"--samples", "1"},
        {before.toString()}}) {
      CommandLine command = new CommandLine(new BenchCommand()).setErr(new PrintWriter(new StringWriter()));
      assertTrue(command.execute(wrong) != 0, String.join(" ", wrong));
    }
  }
}
