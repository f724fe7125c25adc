package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.session.Packer;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Prompt and prefix tuning against PEFT: logits, loss and gradients of a tiny BERT classifier.
 *
 * <p>{@code virtual-tokens/} was computed by PEFT 0.21.0, transformers 5.18.0 and torch 2.13.0: {@code torch.manual_seed(7)}, a
 * {@code BertForSequenceClassification} of vocabulary 37, hidden 16, 2 layers, 2 heads, intermediate 24, 24 positions, 3 labels,
 * initializer range 0.3, without dropout; then for each config (task SEQ_CLS, num_virtual_tokens 4) {@code torch.manual_seed(11)},
 * {@code get_peft_model}, the padded batch below, {@code loss.backward()}, {@code save_pretrained}.
 */
class VirtualTokensTest {

  private static final Path FIXTURES = Path.of("src/test/resources/virtual-tokens");
  private static final List<int[]> IDS = List.of(new int[] {2, 11, 5, 9, 3}, new int[] {2, 7, 3}, new int[] {2, 30, 31, 4, 8, 6, 3});
  private static final List<int[]> TYPES = List.of(new int[5], new int[3], new int[] {0, 0, 0, 0, 1, 1, 1});
  private static final List<Target> TARGETS = List.of(new Target.OneClass(0), new Target.OneClass(2), new Target.OneClass(1));

  @TempDir
  Path temp;

  private static SequenceClassifier task() {
    return new SequenceClassifier(ModelDirectory.open(FIXTURES.resolve("base")).architecture(), 3, Loss.CROSS_ENTROPY);
  }

  private static ModelDescription model() {
    return task().description();
  }

  private static float[] floats(Checkpoint file, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(4 * file.info(name).elements(), 8);
      file.read(name, DType.F32, data);
      return data.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static void close(String what, float[] want, float[] got) {
    double max = 0;
    for (float w : want) {
      max = Math.max(max, Math.abs(w));
    }
    assertEquals(want.length, got.length, what);
    for (int i = 0; i < want.length; i++) {
      assertEquals(want[i], got[i], 1e-5 * max, what + "[" + i + "]");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prompt", "prefix"})
  void logitsLossAndGradientsAreThoseOfPeft(String kind) {
    Path directory = FIXTURES.resolve(kind);
    try (LoadedAdapter loaded = PeftFormat.load(directory, model()); Checkpoint base = Checkpoint.open(FIXTURES.resolve("base"));
        Checkpoint expected = Checkpoint.open(directory.resolve("expected.safetensors")); Workers workers = new Workers(2);
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), workers);
        Session session = Session.open(new Session.Setup(task(), List.of(base), new TaskProgram.Capacity(15, 3, 7), WeightFormat.F32, 1)
            .from(loaded.values()).training(new OptimizerSpec(OptimizerSpec.Kind.SGD, 0, 0, 0, List.of(0.0, 0.0), 0)), loaded.adapter(), backend)) {
      float[][] logits = session.predict(TokenizedData.of(IDS, TYPES, TARGETS));
      float[] got = new float[9];
      for (int i = 0; i < 3; i++) {
        System.arraycopy(logits[i], 0, got, 3 * i, 3);
      }
      close("logits", floats(expected, "logits"), got);
      Executable executable = session.executable();
      PackedBatch batch = new PackedBatch(session.task().in(), loaded.adapter().virtualTokens());
      Targets targets = task().targets(session.task().in(), session.task().program());
      for (int i = 0; i < 3; i++) {
        batch.add(IDS.get(i), TYPES.get(i), i);
        targets.add(TARGETS.get(i));
      }
      batch.write(executable, 0, 0);
      targets.write(executable);
      executable.run("accumulate");
      close("loss", floats(expected, "loss"), new float[] {executable.floats(executable.program().slot("lossSum").orElseThrow())[0] / 3});
      for (String part : List.of("weight", "bias")) {
        close("classifier." + part, floats(expected, "grad.base_model.classifier.modules_to_save.default." + part),
            gradient(executable, "classifier." + part, 3));
      }
      float[] prompt = floats(expected, "grad.prompt_encoder.default.embedding.weight");
      close("prompt", prompt, kind.equals("prompt") ? gradient(executable, "prompt_embeddings", 3) : joined(executable, 16, 3));
    }
  }

  /**
   * Labels of tokens stand behind the virtual ones. {@code llama-*} is as the others, of {@code tiny-llama} (rotary positions, one key for two
   * queries),
   * its prompts halved, with the labels below.
   */
  @ParameterizedTest
  @ValueSource(strings = {"prompt", "prefix"})
  void aDecodersLossAndGradientsAreThoseOfPeft(String kind) {
    Path directory = FIXTURES.resolve("llama-" + kind);
    Path llama = Path.of("src/test/resources/tiny-llama");
    List<int[]> ids = List.of(new int[] {5, 11, 25, 9, 30}, new int[] {7, 3, 40, 41}, new int[] {30, 31, 4, 8, 6});
    List<Target> labels = List.of(labels(ids.get(0), 2), labels(ids.get(1), 1), labels(ids.get(2), 1));
    CausalLm task = new CausalLm(ModelDirectory.open(llama).architecture());
    try (LoadedAdapter loaded = PeftFormat.load(directory, task.description()); Checkpoint base = Checkpoint.open(llama);
        Checkpoint expected = Checkpoint.open(directory.resolve("expected.safetensors")); Workers workers = new Workers(2);
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), workers);
        Session session = Session.open(new Session.Setup(task, List.of(base), new TaskProgram.Capacity(14, 3, 5), WeightFormat.F32, 1)
            .from(loaded.values()).training(new OptimizerSpec(OptimizerSpec.Kind.SGD, 0, 0, 0, List.of(0.0, 0.0), 0)), loaded.adapter(), backend)) {
      Packer packer = new Packer(task, session);
      TokenizedData data = TokenizedData.of(ids, List.of(new int[5], new int[4], new int[5]), labels);
      assertEquals(3, packer.fill(data, new int[] {0, 1, 2}, 0, 3, 0, 0));
      Executable executable = session.executable();
      executable.run("accumulate");
      close("loss", floats(expected, "loss"), new float[] {executable.floats(executable.program().slot("lossSum").orElseThrow())[0] / 10});
      close("prompt", floats(expected, "grad"), kind.equals("prompt") ? gradient(executable, "prompt_embeddings", 10) : joined(executable, 8, 10));
    }
  }

  private static Target labels(int[] ids, int from) {
    boolean[] counted = new boolean[ids.length];
    Arrays.fill(counted, from, ids.length, true);
    return new Target.TokenLabels(ids, counted);
  }

  private static float[] gradient(Executable executable, String slot, int targets) {
    float[] sums = executable.floats(executable.program().slot(slot + ".grad").orElseThrow());
    for (int i = 0; i < sums.length; i++) {
      sums[i] /= targets;
    }
    return sums;
  }

  /** The gradients of all layers' tables as PEFT holds them: [tokens, layers · 2 · width]. */
  private static float[] joined(Executable executable, int width, int targets) {
    float[] all = new float[4 * 4 * width];
    for (int table = 0; table < 4; table++) {
      float[] one = gradient(executable, "prefix." + table / 2 + (table % 2 == 0 ? ".keys" : ".values"), targets);
      for (int t = 0; t < 4; t++) {
        System.arraycopy(one, width * t, all, 4 * width * t + width * table, width);
      }
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(strings = {"prompt", "prefix"})
  void whatIsSavedIsWhatPeftSaved(String kind) {
    Path directory = FIXTURES.resolve(kind);
    Path saved = temp.resolve(kind);
    try (LoadedAdapter loaded = PeftFormat.load(directory, model())) {
      PeftFormat.save(saved, loaded.adapter(), loaded.values());
    }
    Map<String, Object> want = new LinkedHashMap<>(PeftFormat.config(directory));
    Map<String, Object> got = new LinkedHashMap<>(PeftFormat.config(saved));
    want.put("modules_to_save", List.of("classifier", "score")); // PEFT's list has every name twice
    got.put("modules_to_save", ((List<?>) got.get("modules_to_save")).stream().distinct().toList());
    assertEquals(want, got);
    try (Checkpoint ours = Checkpoint.open(saved.resolve(PeftFormat.WEIGHTS)); Checkpoint theirs = Checkpoint.open(directory.resolve(
        PeftFormat.WEIGHTS))) {
      assertEquals(theirs.names(), ours.names());
      theirs.names().forEach(name -> assertArrayEquals(floats(theirs, name), floats(ours, name), name));
    }
  }

  @Test
  void refusals() {
    for (String method : List.of("prompt-tuning", "prefix-tuning")) {
      refused(method, "num_virtual_tokens must be set", Map.of());
      refused(method, "num_virtual_tokens must be set, between 1 and 65536, got 0", Map.of("num_virtual_tokens", 0));
      refused(method, "token_dim is 768, but this bert model has 16", Map.of("num_virtual_tokens", 2, "token_dim", 768));
      refused(method, "works with tasks of SEQ_CLS, FEATURE_EXTRACTION, CAUSAL_LM", Map.of("num_virtual_tokens", 2, "task_type", "TOKEN_CLS"));
      refused(method, "unknown key 'r'", Map.of("num_virtual_tokens", 2, "r", 8));
    }
    refused("prompt-tuning", "prompt_tuning_init must be RANDOM, got TEXT", Map.of("num_virtual_tokens", 2, "prompt_tuning_init", "TEXT"));
    refused("prefix-tuning", "prefix_projection must be false, got true", Map.of("num_virtual_tokens", 2, "prefix_projection", true));
  }

  private static void refused(String method, String part, Map<String, Object> settings) {
    String message = assertThrows(ConfigException.class, () -> AdapterMethod.named(method).create(settings, model())).getMessage();
    assertTrue(message.contains(part), message);
  }
}
