package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.DefaultPlaces;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What is done before the first step grows with the number of layers, not with its square. */
class ThousandLayersTest {

  private static final int LAYERS = 1000;
  /** Of processor time. What was quadratic took more than ten times as long. */
  private static final double SECONDS = 12;

  @Test
  void isRecordedPlannedAndCompiledWithinSeconds() {
    double before = seconds();
    RecordedTask task = new SequenceClassifier(ModelConfig.of(Map.of("model_type", "bert", "vocab_size", 30, "hidden_size", 8, "num_hidden_layers",
        LAYERS, "num_attention_heads", 2, "intermediate_size", 16, "max_position_embeddings", 32)).architecture(), 2, Loss.CROSS_ENTROPY);
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", 2, "task_type", task.taskType()), task.description());
    assertEquals(2 * LAYERS * 2, adapter.parameters().stream().filter(p -> !p.ofBase()).count());
    TaskProgram program = TaskProgram.record(task, adapter, new TaskProgram.Capacity(64, 4, 16),
        new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.01, 0.0), 0));
    try (Workers workers = new Workers(1)) {
      CpuBackend backend = new CpuBackend(KernelProvider.select("vector"), workers);
      long forecast = backend.forecast(program.program(), CompileOptions.DEFAULT).stream().mapToLong(Backend.Allocation::bytes).sum();
      try (Executable executable = backend.compile(program.program(), CompileOptions.DEFAULT)) {
        assertEquals(forecast, executable.bytes());
      }
    }
    double taken = seconds() - before;
    assertTrue(taken < SECONDS, () -> "%.1f s".formatted(taken));
  }

  /** What looks through all others for each of so many would take far longer than the rest together. */
  private static final int MODULES = 100_000;

  @Test
  void trainablesAreDeclaredWithoutALookAtAllOthers() {
    double before = seconds();
    ProgramBuilder program = new ProgramBuilder();
    for (int i = 0; i < MODULES; i++) {
      program.trainable("base_model.model.layers." + i + ".lora_A.weight", Shape.of(1, 1), 0);
    }
    assertEquals(MODULES, program.build().parameters().ranges().size());
    assertTrue(seconds() - before < 2, () -> "%.1f s".formatted(seconds() - before));
  }

  @Test
  void modulesAreAdaptedWithoutALookAtAllOthers() {
    double before = seconds();
    List<ModuleInfo> modules = IntStream.range(0, MODULES).mapToObj(i -> ModuleInfo.linear("layers." + i + ".dense", 1, 1, false)).toList();
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", 1, "target_modules", List.of("dense")),
        new ModelDescription("many", modules, Optional.empty(), Map.of(), DefaultPlaces.of(List.of(), List.of(), List.of(), List.of(), List.of())));
    assertEquals(2 * MODULES, adapter.parameters().size());
    assertTrue(seconds() - before < 4, () -> "%.1f s".formatted(seconds() - before));
  }

  private static double seconds() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e9;
  }
}
