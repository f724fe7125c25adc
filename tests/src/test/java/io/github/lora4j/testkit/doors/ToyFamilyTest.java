package io.github.lora4j.testkit.doors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What docs/add-a-model-family.md says is true of the family that it shows. */
class ToyFamilyTest {

  private final Architecture toy = ModelConfig.of(Map.of("model_type", "toy-bag", "vocab_size", 3, "width", 2)).architecture();

  @Test
  void modulesAreWhatIsRecorded() {
    Model model = new Model(toy, new Head.SequenceClassification(2));
    assertEquals(List.of("toy", "toy.words", "toy.mix", "classifier"), model.modules().stream().map(ModuleInfo::name).toList());
    assertEquals("ToyForSequenceClassification", model.className());
    assertEquals(List.of("words", "mix"), new Model(toy, new Head.None()).modules().stream().map(ModuleInfo::name).toList());
    assertTrue(model.drawn("classifier.weight") && !model.drawn("toy.mix.weight"));
  }

  /** Nobody else knows this family, so what a recipe leaves open is what it says itself. */
  @ParameterizedTest
  @ValueSource(strings = {"lora", "lora+", "ia3", "houlsby"})
  void adaptersGoWhereTheFamilySays(String method) {
    ModelDescription description = RecordedTask.describe(new Model(toy, new Head.SequenceClassification(2)));
    Set<String> adapted = AdapterMethod.named(method).create(Map.of(), description).parameters().stream().filter(p -> !p.ofBase())
        .map(p -> p.slot().replaceFirst("^(toy\\.\\w+).*", "$1")).collect(Collectors.toSet());
    assertEquals(Set.of("toy.mix"), adapted);
  }

  /** By hand: relu(W·e + b) of each token, then their mean. */
  @Test
  void computesWhatItIsSaidTo() {
    ProgramBuilder builder = new ProgramBuilder();
    PackedInputs in = PackedInputs.declare(builder, 4, 2, 4);
    Sites sites = new Sites(builder.entry("run"), SiteHooks.NONE);
    Value mean = sites.graph().output("mean", new Model(toy, new Head.None()).hidden(sites, in, Rows.FIRST));
    try (Workers workers = new Workers(1); CpuBackend backend = new CpuBackend(KernelProvider.select("reference"), workers);
        Executable run = backend.compile(builder.build(), CompileOptions.DEFAULT)) {
      write(run, "words.weight", 1, 2, 3, 4, -5, 6);
      write(run, "mix.weight", 1, 0, 1, 1);
      write(run, "mix.bias", 0.5f, -1);
      PackedBatch batch = new PackedBatch(in);
      batch.add(new int[] {0, 2}, new int[2], 0);
      batch.add(new int[] {1}, new int[1], 1);
      batch.write(run, 0, 0);
      run.run("run");
      // Tokens 0: (1.5, 2), 2: (−4.5, 0) → (0, 0), 1: (3.5, 6).
      assertArrayEquals(new float[] {0.75f, 1, 3.5f, 6}, run.floats(mean), 1e-6f);
    }
  }

  private static void write(Executable run, String name, float... values) {
    run.write(run.program().slot(name).orElseThrow(), values, values.length);
  }
}
