package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.BeamSearch;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.TokenListener;
import io.github.lora4j.generate.sampling.LogitsProcessor;
import io.github.lora4j.generate.sampling.Sampler;
import io.github.lora4j.generate.sampling.Scores;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Greedy decoding as transformers does it, token by token with the logits of each step, and its processors one by one and in chains. */
class GoldenGenerationTest {

  private static final String FOLDER = "generation";

  @TestFactory
  Stream<DynamicTest> greedy() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER + "/greedy")) {
      JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
      for (JsonNode run : expected.path("runs")) {
        cases.put("greedy/%s: %s".formatted(GoldenCases.name(dir), run.path("key").asText()), () -> run(dir, expected, run));
      }
    }
    return GoldenCases.tests(FOLDER, cases);
  }

  private static void run(Path dir, JsonNode expected, JsonNode run) {
    Map<String, Object> settings = run.has("settings") ? GoldenCases.map(run.path("settings")) : new LinkedHashMap<>();
    for (String key : List.of("max_new_tokens", "min_new_tokens", "eos_token_id")) {
      if (run.has(key)) {
        settings.put(key, run.path(key).asInt());
      }
    }
    if (!settings.containsKey("max_length")) {
      settings.putIfAbsent("max_new_tokens", expected.path("max_new_tokens").asInt());
    }
    String type = ModelDirectory.open(dir).modelType();
    if (!ModelFamily.all().containsKey(type)) {
      throw GoldenCases.notYet("model_type \"%s\" is not supported".formatted(type));
    }
    Model model = GoldenCases.supported(() -> Generator.model(ModelDirectory.open(dir).architecture()));
    List<int[]> prompts = prompts(run);
    int beams = (int) settings.getOrDefault("num_beams", 1);
    boolean logits = expected.path("tensors").has(run.path("key").asText() + ".logits");
    try (Checkpoint weights = Checkpoint.open(dir); Checkpoint tensors = Checkpoint.open(dir.resolve("expected.safetensors"));
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2));
            AdapterSet set = new AdapterSet(Generator.describe(model));
        Generator generator = open(model, weights, expected.path("alone").asBoolean(), set, dir.resolve("adapter"),
            new GeneratorOptions(beams * prompts.size(), 7, 96 * beams * prompts.size(), 96, WeightFormat.F32), backend)) {
      List<float[]> steps = new ArrayList<>();
      GenerationConfig config = GenerationSettings.of(settings);
      String adapter = run.path("model").asText().equals("base") ? AdapterSet.BASE : expected.path("alone").asBoolean() ? "" : "adapter";
      if (beams > 1) {
        beams(run, BeamSearch.run(generator, requests(run, config, adapter).getFirst()), prompts.getFirst().length,
            padding(expected.path("pad_token_id").asInt(2), settings));
        return;
      }
      TokenListener listener = logits ? (sequence, token) -> steps.add(generator.logits()) : TokenListener.NONE;
      List<Sequence> sequences = generator.run(requests(run, config, adapter), listener);
      JsonNode generated = run.path("generated");
      for (int i = 0; i < sequences.size(); i++) {
        assertArrayEquals(ints(generated.path(0).isArray() ? generated.path(i) : generated), sequences.get(i).generated());
      }
      if (logits) {
        compare(Numbers.floats(tensors, run.path("key").asText() + ".logits"), steps);
      }
    }
  }

  /** @param alone whether the adapter is of those that no set holds: virtual tokens belong to all sequences */
  private static Generator open(Model model, Checkpoint weights, boolean alone, AdapterSet set, Path adapter, GeneratorOptions room, Backend backend) {
    if (!alone) {
      return Generator.open(model, weights, set.load("adapter", adapter), room, backend);
    }
    try (LoadedAdapter loaded = PeftFormat.load(adapter, Generator.describe(model))) {
      return Generator.open(model, weights, loaded, room, backend);
    }
  }

  private static List<Request> requests(JsonNode run, GenerationConfig config, String adapter) {
    List<int[]> prompts = prompts(run);
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      Request request = Request.of(prompts.get(i), config).with(adapter);
      requests.add(run.has("source") ? request.from(ints(run.path("source"))) : run.has("sources") ? request.from(ints(run.path("sources").path(i)))
          : request);
    }
    return requests;
  }

  /** Transformers takes an id of 0 for none, and pads with the end token then. */
  private static int padding(int pad, Map<String, Object> settings) {
    return pad == 0 ? (int) settings.getOrDefault("eos_token_id", 0) : pad;
  }

  /** Answers that ended earlier than others are padded. */
  private static void beams(JsonNode run, List<BeamSearch.Beam> got, int prompt, int padding) {
    assertEquals(run.path("generated").size(), got.size());
    List<int[]> answers = got.stream().map(beam -> beam.answer(prompt)).toList();
    for (int i = 0; i < got.size(); i++) {
      int[] want = ints(run.path("generated").path(i));
      assertArrayEquals(Arrays.copyOf(want, answers.get(i).length), answers.get(i));
      assertEquals(true, Arrays.stream(want, answers.get(i).length, want.length).allMatch(pad -> pad == padding), "what follows is padding");
      assertEquals(run.path("sequences_scores").path(i).asDouble(), got.get(i).score(), 1e-4, "score of beam " + i);
    }
  }

  private static void compare(float[] want, List<float[]> steps) {
    float[] got = new float[want.length];
    int width = steps.getFirst().length;
    for (int i = 0; i < steps.size(); i++) {
      System.arraycopy(steps.get(i), 0, got, i * width, width);
    }
    Numbers.assertClose(want, got, 1e-4 * Numbers.max(want), "logits");
  }

  /** Prompts without the padding on their left. */
  private static List<int[]> prompts(JsonNode run) {
    if (run.has("sources")) {
      return Collections.nCopies(run.path("sources").size(), ints(run.path("prompt")));
    }
    if (run.has("prompt")) {
      return List.of(ints(run.path("prompt")));
    }
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < run.path("input_ids").size(); i++) {
      int[] ids = ints(run.path("input_ids").path(i));
      int real = Arrays.stream(ints(run.path("attention_mask").path(i))).sum();
      prompts.add(Arrays.copyOfRange(ids, ids.length - real, ids.length));
    }
    return prompts;
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @TestFactory
  Stream<DynamicTest> processors() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles(FOLDER + "/processors")) {
      JsonNode all = GoldenCases.json(file);
      for (int i = 0; i < all.path("cases").size(); i++) {
        JsonNode c = all.path("cases").path(i);
        cases.put("processors/%s: %d".formatted(GoldenCases.name(file), i), () -> processor(c, all.path("vocabulary").asInt()));
      }
    }
    return GoldenCases.tests(FOLDER, cases);
  }

  private static void processor(JsonNode c, int vocabulary) {
    Map<String, Object> settings = new LinkedHashMap<>(GoldenCases.map(c.path("settings")));
    settings.remove("prompt_length");
    settings.putIfAbsent("top_k", 0);
    settings.putIfAbsent("do_sample", false);
    if (!settings.get("do_sample").equals(true)) {
      settings.remove("top_k");
    }
    GenerationConfig config = GenerationSettings.of(settings);
    int prompt = c.path("settings").path("prompt_length").asInt();
    int[] history = ints(c.path("history"));
    Scores scores = new Scores(vocabulary);
    scores.after(history, history.length, prompt);
    for (int i = 0; i < vocabulary; i++) {
      scores.values()[i] = (float) c.path("logits").path(i).asDouble();
    }
    List<LogitsProcessor> processors = Sampler.processors(config, config.length().limit(prompt));
    assertEquals(c.path("processors").size(), processors.size(), "processors");
    processors.forEach(p -> p.process(scores));
    double sum = 0;
    double max = Double.NEGATIVE_INFINITY;
    for (float value : scores.values()) {
      max = Math.max(max, value);
    }
    for (float value : scores.values()) {
      sum += Math.exp(value - max);
    }
    for (int i = 0; i < vocabulary; i++) {
      JsonNode score = c.path("scores").path(i);
      float got = scores.values()[i];
      assertEquals(score.isNull(), got == Float.NEGATIVE_INFINITY, "token " + i + " is left out");
      if (!score.isNull()) {
        assertEquals(score.asDouble(), got, 2e-6 * Math.max(1, Math.abs(score.asDouble())), "score of token " + i);
      }
      assertEquals(c.path("probabilities").path(i).asDouble(), Math.exp(got - max) / sum, 1e-6, "probability of token " + i);
    }
  }
}
