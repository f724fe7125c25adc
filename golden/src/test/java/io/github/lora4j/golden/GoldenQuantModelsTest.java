package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Checkpoints that bitsandbytes has quantised: logits of base and adapter, and QLoRA's steps as PEFT took them. Their blocks are kept as they are, and
 * once more decoded to F32.
 */
class GoldenQuantModelsTest {

  private static final String FOLDER = "quant/models";

  @TestFactory
  Stream<DynamicTest> models() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      for (WeightStorage storage : List.of(WeightStorage.STORED, WeightStorage.F32)) {
        String as = storage.equals(WeightStorage.STORED) ? "blocks" : "decoded";
        checks.put(GoldenCases.name(dir) + ": logits, " + as, () -> run(dir, storage, Case::logits));
        checks.put(GoldenCases.name(dir) + ": steps, " + as, () -> run(dir, storage, Case::steps));
      }
      checks.put(GoldenCases.name(dir) + ": weights", () -> weights(dir));
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  private interface Part {
    void of(Case of);
  }

  private static void run(Path dir, WeightStorage storage, Part part) {
    ModelDirectory directory = recorded(dir);
    CausalLm task = GoldenCases.supported(() -> new CausalLm(directory.architecture()));
    try (Checkpoint base = directory.checkpoint(); Checkpoint recorded = Checkpoint.open(dir.resolve("expected.safetensors"));
        LoadedAdapter adapter = PeftFormat.load(dir.resolve("adapter"), task.description());
        Backend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2))) {
      part.of(new Case(dir, new Opened(base, recorded, adapter, backend), task, storage));
    }
  }

  /**
   * The model as it was recorded: one that is stored as BF16 had been cast to it with all its buffers, the frequencies of its positions among them,
   * before it computed in F32. (A model that transformers loads keeps those in F32.)
   */
  private static ModelDirectory recorded(Path dir) {
    ModelDirectory directory = ModelDirectory.open(dir);
    if (!GoldenCases.json(dir.resolve("expected.json")).path("stored").asText().equals("bfloat16")) {
      return directory;
    }
    ObjectNode json = directory.config().json().deepCopy();
    int size = json.path("hidden_size").asInt() / json.path("num_attention_heads").asInt();
    ArrayNode factors = json.arrayNode();
    for (int j = 0; j < size / 2; j++) {
      double frequency = Math.pow(json.path("rope_parameters").path("rope_theta").asDouble(), -2.0 * j / size);
      factors.add(frequency / DType.bf16ToFloat(DType.floatToBf16((float) frequency)));
    }
    assertEquals("default", json.path("rope_parameters").path("rope_type").asText());
    json.putObject("rope_parameters").put("rope_type", "longrope").put("rope_theta", directory.config().json().path("rope_parameters").path("rope_theta")
        .asDouble()).put("attention_factor", 1.0).<ObjectNode>set("short_factor", factors).set("long_factor", factors);
    return new ModelDirectory(dir, new ModelConfig(json, dir.toString()));
  }

  /** Every weight, where they were recorded, to the bit. */
  private static void weights(Path dir) {
    try (Checkpoint base = ModelDirectory.open(dir).checkpoint(); Checkpoint recorded = Checkpoint.open(dir.resolve("expected.safetensors"))) {
      List<String> names = recorded.names().stream().filter(name -> name.startsWith("dequantised.")).toList();
      if (names.isEmpty()) {
        return;
      }
      for (String name : names) {
        org.junit.jupiter.api.Assertions.assertArrayEquals(Numbers.floats(recorded, name), Numbers.floats(base, name.substring("dequantised.".length())),
            name);
      }
    }
  }

  private record Opened(Checkpoint base, Checkpoint recorded, LoadedAdapter adapter, Backend backend) {}

  private record Case(Path dir, Opened open, CausalLm task, WeightStorage storage) {

    private TokenizedData batch() {
      int length = open.recorded.info("input_ids").shape().getLast().intValue();
      float[] ids = Numbers.floats(open.recorded, "input_ids");
      float[] labels = Numbers.floats(open.recorded, "labels");
      List<int[]> rows = new ArrayList<>();
      List<Target> targets = new ArrayList<>();
      for (int from = 0; from < ids.length; from += length) {
        int first = from;
        int real = length(first, length);
        rows.add(IntStream.range(0, real).map(t -> (int) ids[first + t]).toArray());
        targets.add(Target.TokenLabels.of(IntStream.range(0, real).map(t -> (int) labels[first + t]).toArray()));
      }
      return TokenizedData.of(rows, rows.stream().map(row -> new int[row.length]).toList(), targets);
    }

    private int length(int first, int length) {
      float[] mask = Numbers.floats(open.recorded, "attention_mask");
      return (int) IntStream.range(0, length).takeWhile(t -> mask[first + t] == 1).count();
    }

    private Session session(Adapter adapter, Optional<AdapterValues> values, Optional<OptimizerSpec> optimizer, boolean tokens) {
      TokenizedData batch = batch();
      TaskProgram.Capacity capacity = new TaskProgram.Capacity((int) batch.tokens() + 3, batch.size() + 2, batch.longest(), !tokens);
      return Session.open(new Session.Setup(tokens ? new EveryToken(task) : task, List.of(open.base), capacity, storage, 1, values, optimizer), adapter,
          open.backend);
    }

    void logits() {
      logits("logits", Adapter.BASE, Optional.empty());
      logits("logits_adapter", open.adapter.adapter(), Optional.of(open.adapter.values()));
    }

    private void logits(String name, Adapter adapter, Optional<AdapterValues> values) {
      float[] want = Numbers.floats(open.recorded, name);
      int width = task.model().architecture().vocabSize();
      int length = open.recorded.info("input_ids").shape().getLast().intValue();
      try (Session session = session(adapter, values, Optional.empty(), true)) {
        float[][] got = session.predict(batch());
        for (int row = 0; row < got.length; row++) {
          for (int i = 0; i < got[row].length; i++) {
            assertEquals(want[row * length * width + i], got[row][i], 1e-4, name + " of row " + row + " at " + i);
          }
          assertEquals(length(row * length, length) * width, got[row].length);
        }
      }
    }

    void steps() {
      JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
      assertEquals("AdamW lr 1e-2, weight_decay 0.01, betas 0.9 0.999, eps 1e-8, 3 steps on the same batch", expected.path("optimizer").asText(),
          "another optimizer than this test knows");
      Adapter adapter = open.adapter.adapter();
      OptimizerSpec optimizer = GoldenSteps.adamW(0.9, 0.999, 1e-8, 0.01, 0, adapter.groups().size());
      try (GoldenSteps ours = new GoldenSteps(session(adapter, Optional.of(open.adapter.values()), Optional.of(optimizer), false), task, optimizer)) {
        for (int step = 0; step < expected.path("losses").size(); step++) {
          ours.accumulate(List.of(batch()));
          if (step == 0) {
            GoldenSteps.close(open.recorded, "grad.", ours.gradients(), 1);
          }
          GoldenSteps.close(expected.path("losses").get(step).asDouble(), ours.apply(1e-2)[0], "loss of step " + step);
        }
        try (Checkpoint trained = Checkpoint.open(dir.resolve("adapter_trained/adapter_model.safetensors"))) {
          GoldenSteps.close(trained, "", ours.parameters(), 1);
        }
      }
    }
  }
}
