package io.github.lora4j.lora.sets;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.TestModels;
import io.github.lora4j.lora.baselines.Ia3Method;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What a set of adapters holds, which of them are active, and what it refuses and why. */
class AdapterSetTest {

  private static final ModelDescription MODEL = TestModels.bert();

  private final AdapterSet set = new AdapterSet(MODEL);

  @AfterEach
  void close() {
    set.close();
  }

  private static LoraConfig.Builder query(int rank) {
    return LoraConfig.builder().r(rank).targetModules("query").initLoraWeights(InitLoraWeights.RANDOM);
  }

  private static void with(LoraConfig config, java.util.function.BiConsumer<LoraAdapter, AdapterValues> use) {
    LoraAdapter adapter = new LoraMethod().create(config, MODEL);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(3)) {
      use.accept(adapter, values);
    }
  }

  private AdapterSet add(String name, LoraConfig.Builder config) {
    with(config.build(), (adapter, values) -> set.add(name, adapter, values));
    return set;
  }

  private static void refused(Executable call, String... parts) {
    String message = assertThrows(ConfigException.class, call).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void theFirstIsActiveAndLaterOnesWait() {
    add("sql", query(4));
    add("chat", query(2));
    assertEquals(List.of("sql", "chat"), set.names());
    assertEquals(List.of("sql"), set.active());
    assertEquals(List.of("chat", "sql"), set.activate("chat", "sql").active());
    assertFalse(set.disable().enabled());
    assertTrue(set.enable().enabled());
    assertEquals(List.of("chat", "sql"), set.active());
  }

  @Test
  void namesMustBeKnownAndNew() {
    add("sql", query(4));
    refused(() -> add("sql", query(4)), "'sql' already", "swap");
    refused(() -> add("__base__", query(4)), "cannot be an adapter's name");
    refused(() -> set.activate("sqk"), "no adapter 'sqk'", "did you mean 'sql'");
    refused(() -> set.activate("sql", "sql"), "named twice");
    refused(set::activate, "at least one", "disable");
    refused(() -> set.delete("chat"), "there are: sql");
    refused(() -> set.choices(List.of("__base__", "x")), "no adapter 'x'");
    refused(() -> new AdapterSet(MODEL).activate("x"), "there are: none");
    assertEquals(List.of("sql"), set.active(), "a refused call changes nothing");
  }

  @Test
  void theOnlyActiveAdapterAmongOthersIsNotDeletedInPassing() {
    add("a", query(4));
    add("b", query(4));
    refused(() -> set.delete("a"), "only active adapter", "[b]");
    assertEquals(List.of("b"), set.activate("a", "b").delete("a").active());
    assertEquals(List.of(), set.delete("b").names());
    assertEquals(List.of(), set.active());
    assertEquals(List.of("c"), add("c", query(2)).active(), "an empty set begins anew");
  }

  @Test
  void aSetSaysWhatCannotShareAModel() {
    add("a", query(4));
    refused(() -> add("d", query(4).useDora(true)), "adapter 'd'", "DoRA", "magnitudes");
    refused(() -> add("e", query(4).bias(Bias.LORA_ONLY)), "only one such adapter", "query.bias");
    Adapter ia3 = new Ia3Method().create(Map.of("target_modules", List.of("query"), "feedforward_modules", List.of()), MODEL);
    try (AdapterValues values = new AdapterValues(ia3.parameters())) {
      refused(() -> set.add("f", ia3, values), "cannot share a model", "Ia3Adapter has no form as plain LoRA");
    }
    with(query(4).build(), (adapter, values) -> {
      values.get(adapter.parameters().getFirst().slot()).setAtIndex(ValueLayout.JAVA_FLOAT, 5, Float.NaN);
      refused(() -> set.add("g", adapter, values), "element 5", "lora_A.weight is NaN", "every row of a batch");
    });
    ModelDescription other = ModelDescription.of("bert", List.of(ModuleInfo.linear("x.query", 8, 8, true)));
    LoraAdapter foreign = new LoraMethod().create(query(4).build(), other);
    try (AdapterValues values = new AdapterValues(foreign.parameters())) {
      refused(() -> set.add("h", foreign, values), "made for another model", "x.query");
    }
    assertEquals(List.of("a"), set.names());
  }

  @Test
  void whatWasRecordedIsTheRoom() {
    add("a", query(4));
    set.reserve(3, 6, TargetModules.of("value"));
    set.recording();
    refused(() -> set.reserve(5, 8, TargetModules.UNSET), "recorded already", "3 adapters of rank 6");
    refused(() -> add("b", query(7)), "'b' does not fit", "rank is 7", "room for 6");
    refused(() -> add("b", query(4).targetModules("query", "key")), "modules that the recorded program does not", "attention.self.key");
    refused(() -> add("b", query(4).loraBias(true)), "lora_bias");
    refused(() -> add("b", query(4).taskType(TaskType.SEQ_CLS)), "modules_to_save", "classifier");
    add("b", query(6).targetModules("value"));
    add("c", query(1));
    refused(() -> add("d", query(1)), "no room for 'd'", "3 seats", "a, b, c");
    assertArrayEquals(new int[] {4, 1, 2, 3}, set.choices(List.of("__base__", "a", "b", "c")));
    set.delete("b");
    add("d", query(1));
    assertArrayEquals(new int[] {2}, set.choices(List.of("d")), "a seat that was free again");
  }

  @Test
  void anEmptySetHasNothingToRecord() {
    refused(set::recording, "empty");
    set.reserve(2, 4, TargetModules.of("query"));
    assertEquals(List.of(), set.recording().parameters());
    assertEquals(List.of("a"), add("a", query(4)).active());
  }

  @Test
  void twoHeadsDoNotAddUp() {
    add("a", query(4).taskType(TaskType.SEQ_CLS));
    add("b", query(4).taskType(TaskType.SEQ_CLS));
    add("c", query(4));
    refused(() -> set.activate("a", "b"), "'a' and 'b' both replace classifier");
    assertEquals(List.of("a", "c"), set.activate("a", "c").active());
    with(query(2).taskType(TaskType.SEQ_CLS).build(), (adapter, values) ->
        refused(() -> set.swap("c", adapter, values), "both replace classifier"));
    refused(() -> set.training("c"), "on top of 'a'", "classifier");
    assertEquals(8, set.training("a").parameters().size() + set.adapter("c").parameters().size() - 2, "two layers' A and B, and a head");
  }

  @Test
  void onlyAnActiveAdapterTrains() {
    add("a", query(4));
    add("b", query(4));
    assertEquals(set.adapter("a").parameters(), set.training("a").parameters());
    refused(() -> set.training("b"), "not active");
    set.disable();
    refused(() -> set.training("a"), "disabled");
    refused(set::merging, "nothing to merge");
  }

  @Test
  void adaptersComeFromDirectories(@TempDir Path dir) {
    with(query(4).build(), (adapter, values) -> PeftFormat.save(dir.resolve("a"), adapter, values));
    with(query(2).build(), (adapter, values) -> PeftFormat.save(dir.resolve("b"), adapter, values));
    set.load("sql", dir.resolve("a")).swap("sql", dir.resolve("b"));
    assertEquals(2, set.adapter("sql").config().r());
    assertEquals(List.of("sql"), set.active());
    refused(() -> set.swap("chat", dir.resolve("b")), "no adapter 'chat'");
  }

  /** W + Σ sᵢ·Bᵢ·Aᵢ for all that are active, rounded once. */
  @Test
  void activeAdaptersMergeAsTheirSum() {
    add("a", query(4).loraAlpha(8));
    add("b", query(2).loraAlpha(1));
    String name = "bert.encoder.layer.1.attention.self.query";
    double[] want = new double[24 * 24];
    for (String member : List.of("a", "b")) {
      LoraAdapter.Site site = set.adapter(member).sites().get(name);
      MemorySegment a = set.values(member).get(site.a().slot());
      MemorySegment b = set.values(member).get(site.b().slot());
      for (int i = 0; i < want.length; i++) {
        for (int k = 0; k < site.target().rank(); k++) {
          want[i] += site.target().scaling() * b.getAtIndex(ValueLayout.JAVA_FLOAT, i / 24 * site.target().rank() + k)
              * a.getAtIndex(ValueLayout.JAVA_FLOAT, k * 24 + i % 24);
        }
      }
    }
    float[] weight = new float[want.length];
    java.util.Arrays.fill(weight, 0.5f);
    try (LoadedAdapter merging = set.activate("a", "b").merging()) {
      merging.adapter().weightChanges(merging.values()).get(name + ".weight").apply(DType.F32, MemorySegment.ofArray(weight));
    }
    for (int i = 0; i < want.length; i++) {
      assertEquals((float) (0.5 + want[i]), weight[i], Math.ulp(weight[i]) / 2);
    }
  }
}
