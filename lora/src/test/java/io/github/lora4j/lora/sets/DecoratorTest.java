package io.github.lora4j.lora.sets;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraFa;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What an adapter does of itself it does inside a set, with LoRA-FA and as the part of the base that trains, too. */
class DecoratorTest {

  private static final ModelDescription MODEL = ModelDescription.of("mlp", List.of(ModuleInfo.embedding("emb", 23, 12),
      ModuleInfo.linear("fc1", 12, 12, true), ModuleInfo.linear("fc2", 12, 6, true)));

  private static final ModelDescription TIED = new ModelDescription("mlp", List.of(ModuleInfo.embedding("emb", 23, 12),
      ModuleInfo.linear("fc1", 12, 12, true), ModuleInfo.linear("lm_head", 12, 23, false)), Optional.of("lm_head"),
      Map.of("lm_head.weight", "emb.weight"));

  private static Adapter lora(ModelDescription model, Map<String, Object> settings) {
    return AdapterMethod.named("lora").create(settings, model);
  }

  private static Adapter inSet(ModelDescription model, Map<String, Object> settings) {
    Adapter adapter = lora(model, settings);
    AdapterSet set = new AdapterSet(model);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1)) {
      return set.add("one", adapter, values).training("one");
    }
  }

  @Test
  void aMemberOfASetKeepsWhatItFreezes() {
    Adapter mica = inSet(MODEL, Map.of("target_modules", List.of("fc1"), "r", 2, "init_lora_weights", "mica"));
    assertTrue(mica.frozen("fc1.lora_B.weight"));
    assertFalse(mica.frozen("fc1.lora_A.weight"));
  }

  @Test
  void aMemberOfASetKeepsItsBlocks() {
    assertTrue(masksItsBlocks(inSet(MODEL, Map.of("target_modules", List.of("fc1"), "r", 2, "enable_lora", List.of(true, false, true)))));
  }

  @Test
  void loraFaKeepsItsBlocks() {
    assertTrue(masksItsBlocks(new LoraFa(lora(MODEL, Map.of("target_modules", List.of("fc1"), "r", 2, "enable_lora",
        List.of(true, false, true))))));
  }

  private static boolean masksItsBlocks(Adapter adapter) {
    ProgramBuilder builder = new ProgramBuilder();
    Graph graph = builder.entry("accumulate");
    RowAxis rows = builder.axis("rows", 4);
    adapter.parameters().forEach(p -> p.declare(new Sites(graph, adapter)));
    Value count = builder.state("count", Shape.vector(1));
    builder.input("x", Shape.of(rows, 12));
    adapter.recordBeforeUpdate(builder.entry("apply"), count);
    return builder.find("enable_lora.12_4").isPresent();
  }

  @Test
  void aMemberOfASetUntiesTheHeadThatItTrains() {
    assertTrue(inSet(TIED, Map.of("target_modules", List.of("fc1"), "modules_to_save", List.of("lm_head"))).untied("lm_head"));
  }

  @Test
  void loraFaTrainsTokensToo() {
    Adapter adapter = new LoraFa(lora(MODEL, Map.of("target_modules", List.of("fc1"), "trainable_token_indices", List.of(3, 5))));
    ProgramBuilder builder = new ProgramBuilder();
    Graph graph = builder.entry("predict");
    Value ids = builder.table("ids", Shape.of(builder.axis("rows", 4), 1));
    Value table = builder.frozen("emb.weight", Shape.of(23, 12));
    Value y = graph.embedding(table, ids);
    adapter.embedding(new Sites(graph, adapter), new Adapter.EmbeddingSite("emb", ids, table, false), y);
    assertTrue(builder.find("emb.token_adapter.trainable_tokens_delta").isPresent());
    assertEquals(2, adapter.baseRows().values().iterator().next().rows().size());
  }

  /** A set holds plain LoRA, so what else a member was would be lost in training. */
  @Test
  void aMemberThatWasNoPlainLoraDoesNotTrainInASet() {
    Adapter plus = AdapterMethod.named("lora+").create(Map.of("target_modules", List.of("fc1")), MODEL);
    try (AdapterSet set = new AdapterSet(MODEL); AdapterValues values = new AdapterValues(plus.parameters()).initialise(1)) {
      set.add("plus", plus, values);
      set.recording();
      String message = assertThrows(ConfigException.class, () -> set.training("plus")).getMessage();
      assertTrue(message.contains("'plus'") && message.contains("LoraPlus"), message);
    }
  }
}
