package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.cli.InProcess;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that are quantised, in their file or as they are read: training, and every verb, on a GGUF file; what is refused. */
class QuantisedBaseTest {

  @TempDir
  private static Path dir;

  private static Path model;

  @BeforeAll
  static void files() throws IOException {
    model = dir.resolve("llama.gguf");
    try (InputStream in = Objects.requireNonNull(QuantisedBaseTest.class.getResourceAsStream("/gguf/llama-q4_0.gguf"))) {
      Files.copy(in, model);
    }
    Files.write(dir.resolve("texts.jsonl"), List.of("{\"text\": \"To be, or not to be\"}", "{\"text\": \"Speak, speak.\"}",
        "{\"text\": \"First Citizen: we are accounted poor\"}"));
  }

  private static RecipeBuilder recipe(Path base, String name, Map<String, Object> adapter) {
    return Recipe.builder(base, dir.resolve(name)).set("task", "causal_lm").set("data.train", dir.resolve("texts.jsonl").toString())
        .set("data.eval", dir.resolve("texts.jsonl").toString()).set("optimizer.learning_rate", 1e-2).set("optimizer.schedule", "constant")
        .set("batch_size", 3).set("max_steps", 12).set("threads", 1).set("log_every", 1).adapter(adapter);
  }

  private static List<Double> train(Recipe recipe) {
    List<Double> losses = new ArrayList<>();
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Step step) {
        losses.add(step.loss());
      }
    })) {
      run.train();
    }
    return losses;
  }

  private static String ok(Object... arguments) {
    InProcess run = InProcess.run(arguments);
    assertEquals(0, run.code(), run.output());
    return run.output();
  }

  @Test
  void everyVerbTakesAFile() {
    Path run = dir.resolve("run");
    List<Double> losses = train(recipe(model, "run", Map.of("r", 4, "target_modules", "all-linear")).build());
    assertTrue(losses.getLast() < 0.7 * losses.getFirst(), losses::toString);
    String inspected = ok("inspect", model);
    assertTrue(inspected.contains("blk.0.attn_q.weight") && inspected.contains("Q4_0") && inspected.contains("general.architecture: llama"), inspected);
    assertTrue(ok("eval", run).contains("loss"));
    assertTrue(ok("plan", run.resolve("recipe.yaml")).contains("weights"));
    String plain = ok("generate", "--model", model, "--prompt", "To be", "--max-new-tokens", "4");
    String tuned = ok("generate", "--model", model, "--adapter", run.resolve("adapter"), "--prompt", "To be", "--max-new-tokens", "4");
    assertTrue(!plain.equals(tuned), plain);
    InProcess adapter = InProcess.run("generate", "--model", model, "--adapter", model, "--prompt", "To be");
    assertTrue(adapter.code() != 0 && adapter.output().contains("not an adapter: give it as the model"), adapter.output());
    InProcess merged = InProcess.run("merge", run, "--output", dir.resolve("merged"));
    assertTrue(merged.code() != 0 && merged.output().contains("is a GGUF file"), merged.output());
  }

  /** llama.cpp's form of an adapter is one like PEFT's: the same tokens, the same merged file, the same steps from there on. */
  @Test
  void anAdapterInGgufIsReadEverywhere() throws IOException {
    Path run = dir.resolve("own");
    train(recipe(model, "own", Map.of("r", 3, "lora_alpha", 5, "target_modules", "all-linear", "rank_pattern", Map.of("q_proj", 2))).build());
    Path file = dir.resolve("adapter.gguf");
    ok("export", run, "--gguf", "--output", file);
    Object[] prompt = {"--prompt", "To be", "--max-new-tokens", "12"};
    List<Object> directory = new ArrayList<>(List.of("generate", "--model", model, "--adapter", run.resolve("adapter")));
    List<Object> gguf = new ArrayList<>(List.of("generate", "--model", model, "--adapter", file));
    directory.addAll(List.of(prompt));
    gguf.addAll(List.of(prompt));
    assertEquals(ok(directory.toArray()), ok(gguf.toArray()));
    ok("merge", run, "--to", "gguf", "--dtype", "f32", "--output", dir.resolve("a.gguf"));
    ok("merge", "--model", model, "--adapter", file, "--to", "gguf", "--dtype", "f32", "--output", dir.resolve("b.gguf"));
    assertEquals(-1, Files.mismatch(dir.resolve("a.gguf"), dir.resolve("b.gguf")));
    String inspected = ok("inspect", file);
    assertTrue(inspected.contains("LoRA adapter for models of architecture llama, alpha 5: 14 modules of rank 2 or 3"), inspected);
    // A run takes its modules and ranks from where it starts.
    List<Double> fromRun = train(recipe(model, "on-a", Map.of()).set("start_from", run.toString()).set("max_steps", 3).build());
    List<Double> fromFile = train(recipe(model, "on-b", Map.of()).set("start_from", file.toString()).set("max_steps", 3).build());
    assertEquals(fromRun, fromFile);
    // Of another architecture, of one half, and of modules that are not there.
    assertTrue(broken("other", key -> key.equals("general.architecture") ? GgufValue.of("qwen2") : null, name -> name, file)
        .contains("is an adapter for models of architecture \"qwen2\", and this model (model_type \"llama\") is \"llama\""));
    assertTrue(broken("half", key -> null, name -> name.equals("blk.0.attn_q.weight.lora_b") ? "blk.9.attn_q.weight.lora_b" : name, file)
        .contains("blk.0.attn_q.weight.lora_a is there, but blk.0.attn_q.weight.lora_b is missing"));
    assertTrue(broken("swapped", key -> null, name -> name.startsWith("blk.0.attn_q.") ? name.replace("attn_q", "ffn_down")
        : name.startsWith("blk.0.ffn_down.") ? name.replace("ffn_down", "attn_q") : name, file)
        .contains("which do not fit each other, or a module of"));
    assertTrue(broken("alpha", key -> key.equals("adapter.lora.alpha") ? GgufValue.of(Float.NaN) : null, name -> name, file)
        .contains("adapter.lora.alpha is NaN"));
  }

  private static String broken(String name, Function<String, GgufValue> keys, UnaryOperator<String> tensors, Path adapter) throws IOException {
    Path file = dir.resolve(name + "-adapter.gguf");
    try (GgufFile from = GgufFile.open(adapter)) {
      GgufWriter writer = new GgufWriter();
      from.metadata().values().forEach((key, value) -> writer.key(key, Optional.ofNullable(keys.apply(key)).orElse(value)));
      for (GgufTensor tensor : from.tensors()) {
        byte[] bytes = new byte[(int) tensor.bytes()];
        from.read(tensor.name(), 0, MemorySegment.ofArray(bytes));
        writer.add(new GgufTensor(tensors.apply(tensor.name()), tensor.type(), tensor.shape()), MemorySegment.ofArray(bytes));
      }
      writer.write(file);
    }
    InProcess run = InProcess.run("generate", "--model", model, "--adapter", file, "--prompt", "To be");
    assertTrue(run.code() != 0 && run.output().contains(file.toString()), run.output());
    return run.output();
  }

  /** Adapters that look at base weights see their decoded values: the same losses as on the weights decoded to F32. */
  @ParameterizedTest
  @ValueSource(strings = {"lora", "dora", "adalora", "tokens"})
  void blocksTrainAsTheirValues(String method) {
    Map<String, Object> adapter = switch (method) {
      case "dora" -> Map.of("r", 4, "target_modules", List.of("q_proj", "down_proj"), "use_dora", true);
      case "tokens" -> Map.of("r", 4, "target_modules", List.of("q_proj"), "trainable_token_indices", List.of(5, 7));
      default -> Map.of("target_modules", List.of("q_proj", "v_proj"));
    };
    UnaryOperator<RecipeBuilder> named = b -> method.equals("adalora") ? b.set("method", "adalora").set("max_steps", 12) : b;
    List<Double> blocks = train(named.apply(recipe(model, method + "-blocks", adapter)).build());
    List<Double> floats = train(named.apply(recipe(model, method + "-floats", adapter).set("weights", "f32")).build());
    for (int i = 0; i < blocks.size(); i++) {
      assertEquals(floats.get(i), blocks.get(i), 1e-4 * (1 + floats.get(i)), method + ", step " + (i + 1));
    }
    assertTrue(blocks.getLast() < blocks.getFirst(), blocks::toString);
  }

  /** A checkpoint that is not quantised is, as it is read. */
  @ParameterizedTest
  @ValueSource(strings = {"nf4", "fp4", "nf4_double", "fp4_double", "int8", "q8_0", "q4_0"})
  void aFormatQuantisesOnLoad(String format) {
    Path plain = TinyLlama.copyTo(dir.resolve("plain-" + format));
    List<Double> exact = train(recipe(plain, "exact-" + format, Map.of("r", 4)).set("max_steps", 3).build());
    List<Double> rounded = train(recipe(plain, "rounded-" + format, Map.of("r", 4)).set("weights", format).set("max_steps", 3).build());
    assertTrue(Math.abs(exact.getFirst() - rounded.getFirst()) > 1e-7, "the format was not used");
    assertEquals(exact.getFirst(), rounded.getFirst(), 0.3, format);
  }

  /** The default was f32 before it was stored: of a file that is not quantised they are the same, of blocks they are not. */
  @Test
  void f32AndStoredAreTheSameWhereNothingIsQuantised() throws IOException {
    Path plain = TinyLlama.copyTo(dir.resolve("plain-default"));
    String said = "";
    for (Path base : List.of(plain, model)) {
      String name = "default-" + base.getFileName();
      TrainingRun[] self = new TrainingRun[1];
      try (TrainingRun run = TrainingRun.open(recipe(base, name, Map.of("r", 3)).set("weights", "f32").build(), false, event -> {
        if (event instanceof TrainEvent.Step step && step.step() == 3) {
          self[0].stop();
        }
      })) {
        self[0] = run;
        assertThrows(CancellationException.class, run::train);
      }
      Recipe stored = recipe(base, name, Map.of("r", 3)).build();
      try (TrainingRun run = TrainingRun.open(stored, true, _ -> { })) {
        run.train();
      } catch (ConfigException e) {
        said = e.getMessage();
        assertEquals(model, base, said);
      }
    }
    assertTrue(said.contains("weights was f32, is now stored"), said);
  }

  /** Stopped and resumed, a run on blocks ends with the bits of one that was not: of a GGUF file, or quantised on the way in. */
  @ParameterizedTest
  @ValueSource(strings = {"gguf", "q8_0", "nf4", "nf4_double"})
  void aStoppedRunGoesOn(String kind) throws IOException {
    boolean file = kind.equals("gguf");
    Path base = file ? model : TinyLlama.copyTo(dir.resolve("resume-" + kind));
    UnaryOperator<RecipeBuilder> named = b -> (file ? b : b.set("weights", kind)).set("max_steps", 6)
        .set("batch_size", 2).set("save_every", 2);
    Recipe whole = named.apply(recipe(base, "whole-" + kind, Map.of("r", 3))).build();
    train(whole);
    Recipe stopped = named.apply(recipe(base, "stopped-" + kind, Map.of("r", 3))).build();
    TrainingRun[] self = new TrainingRun[1];
    try (TrainingRun run = TrainingRun.open(stopped, false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 3) {
        self[0].stop();
      }
    })) {
      self[0] = run;
      assertThrows(CancellationException.class, run::train);
    }
    assertTrue(Files.notExists(stopped.output().resolve("adapter")));
    try (TrainingRun run = TrainingRun.open(stopped, true, _ -> { })) {
      run.train();
    }
    assertEquals(-1, Files.mismatch(whole.output().resolve("adapter/adapter_model.safetensors"),
        stopped.output().resolve("adapter/adapter_model.safetensors")));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "modules_to_save | [\"lm_head\"] | lm_head.weight is stored as",
      "init_lora_weights | \"pissa\" | init_lora_weights takes the adapter's start out of it",
      "init_lora_weights | \"olora\" | init_lora_weights takes the adapter's start out of it"})
  void whatWouldChangeBlocksIsRefused(String key, String value, String said) throws IOException {
    Object setting = value.startsWith("[") ? List.of("lm_head") : value.replace("\"", "");
    Recipe recipe = recipe(model, "refused-" + key + value.hashCode(), Map.of("r", 4, "target_modules", List.of("q_proj"), key, setting)).build();
    ConfigException e = assertThrows(ConfigException.class, () -> train(recipe));
    assertTrue(e.getMessage().contains(said) && e.getMessage().contains("not quantised"), e.getMessage());
  }

  @Test
  void anotherFormatIsRefused() {
    Recipe recipe = recipe(model, "again", Map.of("r", 4)).set("weights", "nf4").build();
    ConfigException e = assertThrows(ConfigException.class, () -> train(recipe));
    assertTrue(e.getMessage().contains("is stored as q4_0 and would be quantised a second time as nf4"), e.getMessage());
  }

  /** What a change of the file does. */
  private static String changed(String name, UnaryOperator<GgufValue> tokens, UnaryOperator<GgufTensor> tensors, String type) throws IOException {
    Path file = dir.resolve(name + ".gguf");
    try (GgufFile from = GgufFile.open(model)) {
      GgufWriter writer = new GgufWriter();
      from.metadata().values().forEach((key, value) -> writer.key(key, key.equals("general.type") ? GgufValue.of(type)
          : key.equals("tokenizer.ggml.tokens") ? tokens.apply(value) : value));
      for (GgufTensor tensor : from.tensors()) {
        byte[] bytes = new byte[(int) tensor.bytes()];
        from.read(tensor.name(), 0, MemorySegment.ofArray(bytes));
        GgufTensor as = tensors.apply(tensor);
        writer.add(as, MemorySegment.ofArray(java.util.Arrays.copyOf(bytes, (int) as.bytes())));
      }
      writer.write(file);
    }
    Lora4jException e = assertThrows(Lora4jException.class, () -> {
      ModelDirectory directory = ModelDirectory.open(file);
      Tokenizer.load(file);
      try (Checkpoint weights = directory.checkpoint()) {
        for (String tensor : weights.names()) {
          weights.read(tensor, DType.F32, MemorySegment.ofArray(new float[(int) weights.info(tensor).elements()]));
        }
      }
    });
    assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
    return e.getMessage();
  }

  @Test
  void aTokenizerThatDisagreesWithTheEmbedding() throws IOException {
    String said = changed("tokens", value -> GgufValue.texts(List.of("<unk>", "<s>", "</s>")), t -> t, "model");
    assertTrue(said.contains("the vocabulary has 3 tokens, but token_embd.weight has 400 rows"), said);
  }

  @Test
  void aTensorWithoutAPlace() throws IOException {
    String said = changed("place", value -> value,
        t -> t.name().equals("blk.0.attn_q.weight") ? new GgufTensor("blk.0.attn_sinks.weight", t.type(), t.shape()) : t, "model");
    assertTrue(said.contains("tensor blk.0.attn_sinks.weight has no place in a model of architecture llama"), said);
  }

  @Test
  void aTypeThatIsNotRead() throws IOException {
    String said = changed("type", value -> value,
        t -> t.name().equals("output_norm.weight") ? new GgufTensor(t.name(), GgmlType.I16, t.shape()) : t, "model");
    assertTrue(said.contains("tensor output_norm.weight is of type I16, which is not supported"), said);
  }

  @Test
  void anAdapterIsNoModel() throws IOException {
    String said = changed("adapter", value -> value, t -> t, "adapter");
    assertTrue(said.contains("is a LoRA adapter for a model of architecture llama, not a model"), said);
  }

  @Test
  void aScaleThatIsNoNumber() throws IOException {
    Path file = dir.resolve("nan.gguf");
    byte[] bytes = Files.readAllBytes(model);
    long at;
    try (GgufFile from = GgufFile.open(model)) {
      // The last tensor of the file is found by its length from the end.
      GgufTensor last = from.tensors().stream().filter(t -> t.type() == GgmlType.Q4_0).reduce((a, b) -> b).orElseThrow();
      long behind = from.tensors().stream().dropWhile(t -> !t.equals(last)).mapToLong(t -> t.bytes() + 31 & -32).sum();
      at = bytes.length - behind;
    }
    bytes[(int) at] = 0;
    bytes[(int) at + 1] = 0x7E;
    Files.write(file, bytes);
    FormatException e = assertThrows(FormatException.class, () -> train(recipe(file, "nan", Map.of("r", 4, "target_modules", List.of("q_proj"))).build()));
    assertTrue(e.getMessage().contains("a scale of row 0") && e.getMessage().contains("nan.gguf"), e.getMessage());
  }
}
