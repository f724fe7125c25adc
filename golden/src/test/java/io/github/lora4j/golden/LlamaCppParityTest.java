package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.export.ExportedAdapter;
import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * A model with an adapter says the same everywhere: in lora4j, in lora4j from the GGUF file that it merged both into, in llama.cpp from that file, and in
 * llama.cpp from the base with the adapter as a GGUF file. Greedy tokens are equal, or part where two logits of lora4j are nearly equal.
 *
 * <p>Needs {@code -Dllamacpp=DIR}, a directory in which {@code npm install node-llama-cpp} was run, and node; otherwise every case says that it was skipped.
 * {@code -Dllamacpp.models=MODEL:ADAPTER,...} adds models of one's own, with a random adapter where none is named.
 */
class LlamaCppParityTest {

  private static final String FOLDER = "gguf/models";
  static final int TOKENS = 40;
  private static final List<String> TEXTS = List.of("Once upon a time, there was a little girl named Lily.", "The king said", "One day, a cat and a dog");

  /** Of logits. ggml computes GELU by a table of half precision. */
  private static double near(String type) {
    return type.startsWith("gemma") || type.equals("gpt2") ? 2e-2 : 2e-3;
  }

  @TestFactory
  Stream<DynamicTest> sameEverywhere() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      if (Files.exists(dir.resolve("f32.gguf")) && Files.exists(dir.resolve("adapter"))) {
        checks.put(GoldenCases.name(dir), () -> inDirectory(temp -> check(dir.getFileName().toString(), GoldenGgufMergeTest.directory(dir,
            temp.resolve("model")), dir.resolve("adapter"), temp)));
      }
    }
    for (String given : System.getProperty("llamacpp.models", "").split(",")) {
      if (!given.isEmpty()) {
        Path model = Path.of(given.split(":")[0]);
        checks.put(model.getFileName().toString(), () -> inDirectory(temp -> check(model.getFileName().toString(), model,
            given.contains(":") ? Path.of(given.split(":")[1]) : random(model, temp.resolve("adapter")), temp)));
      }
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  private interface InDirectory {
    void run(Path temp) throws IOException, InterruptedException;
  }

  private static void inDirectory(InDirectory check) throws IOException {
    String home = System.getProperty("llamacpp", "");
    assumeTrue(!home.isEmpty(), "skipped: -Dllamacpp=DIR names no directory with node-llama-cpp");
    Path temp = Files.createTempDirectory("parity");
    try {
      check.run(temp);
    } catch (InterruptedException e) {
      throw new IOException(e);
    } finally {
      Numbers.delete(temp);
    }
  }

  /** An adapter that changes much. */
  private static Path random(Path directory, Path adapter) {
    Model model = Generator.model(ModelDirectory.open(directory).architecture());
    LoraConfig config = LoraConfig.builder().r(4).loraAlpha(8).targetModules(TargetModules.ALL_LINEAR).taskType(TaskType.CAUSAL_LM).build();
    LoraAdapter lora = new LoraMethod().restore(config, Generator.describe(model));
    Random random = new Random(1);
    try (AdapterValues values = new AdapterValues(lora.parameters()).initialise(1)) {
      lora.sites().values().forEach(site -> {
        MemorySegment b = values.get(site.b().slot());
        for (long i = 0; i < b.byteSize() / Float.BYTES; i++) {
          b.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.1 * random.nextGaussian()));
        }
      });
      PeftFormat.save(adapter, lora, values);
    }
    return adapter;
  }

  record Greedy(List<int[]> ids, List<List<float[]>> logits) {}

  static Greedy greedy(Path path, Optional<Path> adapter, List<int[]> prompts, int tokens) {
    ModelDirectory directory = ModelDirectory.open(path);
    Model model = Generator.model(directory.architecture());
    int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow() + tokens;
    GeneratorOptions room = new GeneratorOptions(1, longest, longest, longest, WeightFormat.F32);
    Optional<LoadedAdapter> loaded = adapter.map(from -> PeftFormat.load(from, Generator.describe(model)));
    try (Checkpoint weights = directory.checkpoint(); CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2));
        Generator generator = loaded.isPresent() ? Generator.open(model, weights, loaded.get(), room, backend)
            : Generator.open(model, weights, room, backend)) {
      Greedy greedy = new Greedy(new ArrayList<>(), new ArrayList<>());
      for (int[] prompt : prompts) {
        List<Integer> ids = new ArrayList<>();
        List<float[]> logits = new ArrayList<>();
        generator.run(List.of(Request.of(prompt, GenerationSettings.of(Map.of("max_new_tokens", tokens)))), (sequence, token) -> {
          ids.add(token);
          logits.add(generator.logits().clone());
        });
        greedy.ids.add(ids.stream().mapToInt(id -> id).toArray());
        greedy.logits.add(logits);
      }
      return greedy;
    } finally {
      loaded.ifPresent(LoadedAdapter::close);
    }
  }

  private static void check(String name, Path model, Path adapter, Path temp) throws IOException, InterruptedException {
    Path merged = temp.resolve("merged.gguf");
    MergedForm.Gguf f32 = new MergedForm.Gguf(Optional.of(WeightFormat.F32), Optional.empty(), false);
    MergedModel.ofAdapter(model, adapter, f32, merged);
    Path lora = temp.resolve("lora.gguf");
    ExportedAdapter.ggufOfAdapter(model, adapter, lora);
    Path base = temp.resolve("base.gguf");
    MergedModel.ofAdapter(model, GoldenGgufMergeTest.zero(adapter, temp.resolve("zero")), f32, base);
    Tokenizer tokenizer = Tokenizer.load(model);
    List<int[]> prompts = TEXTS.stream().map(text -> tokenizer.encode(text).ids()).toList();
    Greedy adapted = greedy(model, Optional.of(adapter), prompts, TOKENS);
    Greedy plain = greedy(model, Optional.empty(), prompts, TOKENS);
    Greedy again = greedy(merged, Optional.empty(), prompts, TOKENS);
    List<LlamaCpp.Answer> theirs = new LlamaCpp(Path.of(System.getProperty("llamacpp"))).run(temp, List.of(
        new LlamaCpp.Job(merged, "", prompts, TEXTS, TOKENS), new LlamaCpp.Job(base, lora.toString(), prompts, TEXTS, TOKENS),
        new LlamaCpp.Job(base, "", prompts, TEXTS, TOKENS)));
    for (int i = 0; i < TEXTS.size(); i++) {
      assertArrayEquals(tokenizer.encode(TEXTS.get(i), false).ids(), theirs.getFirst().texts().get(i), "tokens of: " + TEXTS.get(i));
    }
    double near = near(ModelDirectory.open(model).modelType());
    double change = apart(adapted.logits.getFirst().getFirst(), plain.logits.getFirst().getFirst());
    assertTrue(change > 2 * near, "the adapter changes logits by " + change + ", which is not enough to be seen");
    report(name, "lora4j from merged GGUF", compare(adapted, again.ids, again.logits.stream().map(List::getFirst).toList(), near));
    report(name, "llama.cpp, merged GGUF", compare(adapted, theirs.getFirst().ids(), theirs.getFirst().last(), near));
    report(name, "llama.cpp, adapter GGUF", compare(adapted, theirs.get(1).ids(), theirs.get(1).last(), near));
    report(name, "llama.cpp, base GGUF", compare(plain, theirs.get(2).ids(), theirs.get(2).last(), near));
  }

  private static void report(String name, String what, String result) {
    System.out.printf(Locale.ROOT, "parity %-20s %-26s %s%n", name, what, result);
  }

  private static double apart(float[] a, float[] b) {
    assertEquals(a.length, b.length);
    double apart = 0;
    for (int i = 0; i < a.length; i++) {
      apart = Math.max(apart, Math.abs(a[i] - b[i]));
    }
    return apart;
  }

  /** How many tokens are equal, where texts part, and how far logits behind the prompts are from each other. */
  static String compare(Greedy ours, List<int[]> ids, List<float[]> last, double near) {
    int equal = 0;
    List<String> parted = new ArrayList<>();
    double apart = 0;
    for (int p = 0; p < ids.size(); p++) {
      apart = Math.max(apart, apart(ours.logits.get(p).getFirst(), last.get(p)));
      int at = Arrays.mismatch(ours.ids.get(p), ids.get(p));
      if (at < 0) {
        equal++;
        continue;
      }
      float[] logits = ours.logits.get(p).get(at);
      double gap = logits[ours.ids.get(p)[at]] - logits[ids.get(p)[at]];
      assertTrue(gap <= near, "text %d parts at token %d, where lora4j's logits are %s apart".formatted(p, at, gap));
      parted.add("text %d at token %d, a near tie (%.1e)".formatted(p, at, gap));
    }
    assertTrue(apart <= near, "logits behind the prompts differ by " + apart);
    return String.format(Locale.ROOT, "%d of %d texts of %d tokens equal, logits within %.1e%s", equal, ids.size(), ids.getFirst().length, apart,
        parted.isEmpty() ? "" : "; part: " + parted);
  }
}
