package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.TokenListener;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Trained models whose weights are too large, or not free enough, to lie here: every directory of {@code -Dstories.dir} with a golden.json,
 * which holds a prompt, its loss, the logits behind it and 100 greedy tokens as PyTorch computed them.
 */
class GoldenStoriesTest {

  private static final int TOKENS = 100;

  @TestFactory
  Stream<DynamicTest> stories() throws java.io.IOException {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    Path root = Path.of(System.getProperty("stories.dir", "no stories.dir given"));
    if (Files.isDirectory(root)) {
      try (Stream<Path> all = Files.list(root)) {
        all.filter(dir -> Files.exists(dir.resolve("golden.json"))).sorted().forEach(dir -> {
          cases.put(GoldenCases.name(dir) + ": f32", () -> story(dir, WeightFormat.F32));
          if (halves(dir)) {
            cases.put(GoldenCases.name(dir) + ": f16", () -> story(dir, WeightFormat.F16));
          }
        });
      }
    }
    return GoldenCases.tests("stories", cases);
  }

  /** Adapters beside models, MODEL-NAME for the model MODEL: base and adapter in one batch, each as PyTorch and PEFT continued its prompts. */
  @TestFactory
  Stream<DynamicTest> adapters() throws java.io.IOException {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    Path root = Path.of(System.getProperty("stories.dir", "no stories.dir given"));
    if (Files.isDirectory(root)) {
      try (Stream<Path> all = Files.list(root)) {
        all.filter(dir -> Files.exists(dir.resolve("adapter_config.json")) && Files.exists(dir.resolve("expected.json"))).sorted().forEach(dir ->
            cases.put(GoldenCases.name(dir), () -> adapter(root.resolve(GoldenCases.name(dir).replaceFirst("-[^-]*$", "")), dir)));
      }
    }
    return GoldenCases.tests("stories", cases);
  }

  private static void adapter(Path base, Path dir) {
    JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
    Model model = Generator.model(ModelDirectory.open(base).architecture());
    try (Checkpoint files = Checkpoint.open(base); CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2));
        AdapterSet set = new AdapterSet(Generator.describe(model)); Generator generator = Generator.open(model, files, set.load("adapter", dir),
            GeneratorOptions.of(model.architecture()).room(4, 160).weights(WeightFormat.F16), backend)) {
      List<Request> requests = new ArrayList<>();
      for (JsonNode prompt : expected.path("prompts")) {
        for (String voice : List.of(AdapterSet.BASE, "adapter")) {
          int length = prompt.path("greedy_ids_" + (voice.equals("adapter") ? voice : "base")).size();
          requests.add(Request.of(ints(prompt.path("ids")), GenerationSettings.of(Map.of("max_new_tokens", length))).with(voice));
        }
      }
      Map<Integer, float[]> first = new LinkedHashMap<>();
      List<Sequence> got = generator.run(requests, (sequence, token) -> first.computeIfAbsent(sequence.ordinal(), s -> generator.logits()));
      Tokenizer tokenizer = Tokenizer.load(base);
      for (int i = 0; i < got.size(); i++) {
        JsonNode prompt = expected.path("prompts").path(i / 2);
        String voice = i % 2 == 0 ? "base" : "adapter";
        assertArrayEquals(ints(prompt.path("ids")), tokenizer.encode(prompt.path("prompt").asText()).ids());
        JsonNode logits = prompt.path("logits_" + voice + "_first8");
        for (int j = 0; j < logits.size(); j++) {
          assertEquals(logits.path(j).asDouble(), first.get(i)[j], 1e-4 * Numbers.max(first.get(i)), voice + ": logit " + j);
        }
        assertArrayEquals(ints(prompt.path("greedy_ids_" + voice)), got.get(i).generated(), voice + " behind prompt " + i / 2);
      }
    }
  }

  private static boolean halves(Path dir) {
    try (Checkpoint files = Checkpoint.open(dir)) {
      return files.info("model.embed_tokens.weight").dtype() == DType.F16;
    }
  }

  private static void story(Path dir, WeightFormat weights) {
    JsonNode golden = GoldenCases.json(dir.resolve("golden.json"));
    int[] ids = ints(golden.path("ids"));
    Model model = Generator.model(ModelDirectory.open(dir).architecture());
    try (Checkpoint files = Checkpoint.open(dir); CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2));
        Generator generator = Generator.open(model, files, GeneratorOptions.of(model.architecture()).room(4, 128).weights(weights), backend)) {
      List<float[]> behind = new ArrayList<>();
      List<Request> prefixes = IntStream.rangeClosed(1, ids.length).mapToObj(n -> Request.of(Arrays.copyOf(ids, n),
          GenerationSettings.of(Map.of("max_new_tokens", 1)))).toList();
      prefixes.forEach(prefix -> generator.run(List.of(prefix), (sequence, token) -> behind.add(generator.logits())));
      double loss = IntStream.range(1, ids.length).mapToDouble(i -> surprise(behind.get(i - 1), ids[i])).average().orElseThrow();
      assertEquals(golden.path("loss").asDouble(), loss, 1e-4, "loss");
      float[] last = behind.getLast();
      // What lies here as halves was recorded as floats; recorded as halves are those of adapters below.
      double tolerance = (halves(dir) ? 1e-3 : 1e-4) * Numbers.max(last);
      for (int i = 0; i < golden.path("last_logits_first8").size(); i++) {
        assertEquals(golden.path("last_logits_first8").path(i).asDouble(), last[i], tolerance, "logit " + i);
      }
      assertEquals(golden.path("last_argmax").asInt(), best(last));
      int[] greedy = ints(golden.path("greedy_from_bos_100"));
      int[] got = generator.run(List.of(Request.of(Arrays.copyOf(greedy, 1), GenerationSettings.of(Map.of("max_new_tokens", Math.min(TOKENS,
          greedy.length - 1))))), TokenListener.NONE).getFirst().generated();
      assertArrayEquals(Arrays.copyOfRange(greedy, 1, greedy.length), got);
    }
  }

  private static double surprise(float[] logits, int token) {
    double max = logits[best(logits)];
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - max);
    }
    return max + Math.log(sum) - logits[token];
  }

  private static int best(float[] logits) {
    return IntStream.range(0, logits.length).reduce(0, (a, b) -> logits[b] > logits[a] ? b : a);
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }
}
