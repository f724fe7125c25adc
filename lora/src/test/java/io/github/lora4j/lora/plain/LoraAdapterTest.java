package io.github.lora4j.lora.plain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.ProductOp;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.AdapterRecording;
import io.github.lora4j.lora.TestModels;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LoraAdapterTest {

  private static final LoraMethod LORA = new LoraMethod();

  @Test
  void namesAndShapesArePefts() {
    LoraAdapter adapter = LORA.create(LoraConfig.builder().taskType(TaskType.SEQ_CLS).r(4).loraAlpha(8).bias(Bias.LORA_ONLY).build(),
        TestModels.bert());
    List<String> slots = adapter.parameters().stream().map(AdapterParameter::slot).toList();
    assertEquals("bert.encoder.layer.0.attention.self.query.lora_A.weight", slots.getFirst());
    assertEquals(2 * 2 * 3 + 2, slots.size());
    AdapterParameter bias = adapter.parameters().stream().filter(p -> p.slot().equals("bert.encoder.layer.1.attention.self.value.bias"))
        .findFirst()
        .orElseThrow();
    assertEquals("base_model.model.bert.encoder.layer.1.attention.self.value.base_layer.bias", bias.key());
    assertEquals(1, adapter.trainableGroup("classifier.bias").orElseThrow());
    assertEquals(0, adapter.trainableGroup("classifier.weight").orElseThrow());
    assertTrue(adapter.trainableGroup("bert.pooler.dense.weight").isEmpty());
    assertEquals(2, adapter.sites().values().iterator().next().target().scaling());
  }

  @Test
  void biasAllTakesNormsToo() {
    LoraAdapter adapter = LORA.create(LoraConfig.builder().bias(Bias.ALL).build(), TestModels.bert());
    assertTrue(adapter.trainableGroup("bert.embeddings.LayerNorm.bias").isPresent());
    assertEquals(12 + 1 + 2 * 2 + 1 + 1, adapter.parameters().stream().filter(AdapterParameter::ofBase).count());
  }

  @Test
  void recordsDropoutTwoProductsAndTheAddend() {
    LoraAdapter adapter = LORA.create(LoraConfig.builder().r(4).loraAlpha(8).loraDropout(0.1).targetModules("pooler.dense").build(),
        TestModels.bert());
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", 8);
    Value keys = builder.table("keys", Shape.of(rows, 2));
    Graph graph = builder.entry("train");
    Sites sites = new Sites(graph, adapter, new Sites.Randomness(List.of(keys), builder.table("random", Shape.vector(3))));
    Value y = sites.linear("bert.pooler.dense", builder.input("x", Shape.of(rows, 24)), 24, true);
    assertEquals(Shape.of(rows, 24), y.shape());
    Program program = builder.build();
    List<Op> ops = program.entries().get("train").nodes().stream().map(Program.Node::op).toList();
    assertEquals(List.of("Linear", "Dropout", "Linear", "Linear"), ops.stream().map(o -> o.getClass().getSimpleName()).toList());
    assertEquals(2, ((ProductOp.Linear) ops.getLast()).alpha());
    assertTrue(((ProductOp.Linear) ops.getLast()).addend().isPresent());
    assertEquals(2 * 4 * 24, program.parameters().trainable());
    AdapterRecording.requireRecorded(adapter, program);
  }

  @Test
  void aModuleThatIsNeverRecordedIsAnError() {
    LoraAdapter adapter = LORA.create(LoraConfig.builder().build(), TestModels.bert());
    String message = assertThrows(ConfigException.class, () -> AdapterRecording.requireRecorded(adapter, new ProgramBuilder().build())).getMessage();
    assertTrue(message.contains("query.lora_A.weight"), message);
  }

  @Test
  void everythingThatSelectsNothingIsAnErrorWhenTrainingAndANoteWhenLoaded() {
    LoraConfig config = LoraConfig.builder().targetModules("query", "q_proj").rankPattern(Map.of("value", 2)).alphaPattern(Map.of("^query",
        2.0))
        .modulesToSave(List.of("heed")).excludeModules(TargetModules.of("xyz")).build();
    String message = assertThrows(ConfigException.class, () -> LORA.create(config, TestModels.bert())).getMessage();
    for (String part : List.of("5 problems", "'q_proj' matches no module", "rank_pattern key 'value'", "alpha_pattern key '^query'",
        "'heed'", "'xyz'")) {
      assertTrue(message.contains(part), message);
    }
    assertEquals(5, LORA.restore(config.toPeft(), TestModels.bert()).notes().size());
  }

  @Test
  void targetsThatCannotBeAdaptedAreErrors() {
    for (String target : List.of("nothing", "activation", "LayerNorm")) {
      String message = assertThrows(ConfigException.class,
          () -> LORA.create(LoraConfig.builder().targetModules(target).build(), TestModels.bert())).getMessage();
      assertTrue(message.contains(target), message);
    }
    ModelDescription unknown = ModelDescription.of("strange", TestModels.bert().modules());
    String message = assertThrows(ConfigException.class, () -> LORA.create(Map.of(), unknown)).getMessage();
    assertTrue(message.contains("strange") && message.contains("query"), message);
  }

  @Test
  void methodsAreFoundByName() {
    assertEquals("LORA", AdapterMethod.named("lora").peftType());
    String message = assertThrows(ConfigException.class, () -> AdapterMethod.named("lore")).getMessage();
    assertTrue(message.contains("lora (LORA)"), message);
  }

  /** Programs hold GPT-2's weights as [out, in]; one that trains itself is turned on its way from and to files. */
  @Test
  void conv1dThatTrainsIsTurned() {
    ModelDescription model = ModelDescription.of("gpt2", List.of(ModuleInfo.conv1d("h.0.c_attn", 2, 3), ModuleInfo.conv1d("h.0.c_fc", 2, 3)));
    LoraAdapter adapter = LORA.create(LoraConfig.builder().targetModules("c_attn").modulesToSave(List.of("c_fc")).build(), model);
    AdapterParameter weight = adapter.parameters().stream().filter(p -> p.slot().equals("h.0.c_fc.weight")).findFirst().orElseThrow();
    assertEquals(List.of(2L, 3L), weight.shape());
    assertEquals(Shape.of(3, 2), weight.programShape());
    float[] program = new float[6];
    weight.toProgram(MemorySegment.ofArray(new float[] {1, 2, 3, 4, 5, 6}), MemorySegment.ofArray(program));
    assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, program);
  }
}
