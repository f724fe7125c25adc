package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A merged model says without an adapter what the base says with it. */
class MergeTest {

  private static final List<String> TEXTS = List.of("the film is great", "the plot is bad very sad", "film");

  @TempDir
  private Path dir;

  @Test
  void aClassifierWithThePoolerOfItsBase() throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "classification");
    same(run, dir.resolve("of-run"), "merge", run, "--output", dir.resolve("of-run"));
    same(run, dir.resolve("of-adapter"), "merge", "--model", model, "--adapter", run.resolve("adapter"), "--output",
        dir.resolve("of-adapter"));
    JsonNode config = new ObjectMapper().readTree(dir.resolve("of-run/config.json").toFile());
    assertEquals("BertForSequenceClassification", config.at("/architectures/0").asText());
    assertEquals("bad", config.at("/id2label/0").asText());
    assertEquals(1, config.at("/label2id/good").asInt());
    assertEquals("single_label_classification", config.path("problem_type").asText());
    assertArrayEquals(Files.readAllBytes(model.resolve("vocab.txt")), Files.readAllBytes(dir.resolve("of-run/vocab.txt")));
  }

  @Test
  void aPoolerThatTheBaseLacksIsTheOneTheRunDrew() throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), false);
    Path run = train(model, "classification");
    same(run, dir.resolve("merged"), "merge", run, "--output", dir.resolve("merged"));
    same(run, dir.resolve("alone"), "merge", "--model", model, "--adapter", run.resolve("adapter"), "--output", dir.resolve("alone"));
  }

  /** PEFT's files have no place for the weight of a module under its adapter: the run says so, knows it, and its adapter alone is refused. */
  @Test
  void aDrawnPoolerThatIsAdaptedIsSaidToBeTheRunsAlone() throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), false);
    Path run = dir.resolve("run");
    Cli trained = train(run, model, "classification", "--adapter.target_modules", "query,pooler.dense");
    assertTrue((trained.out() + trained.err()).contains("bert.pooler.dense is not in the model: newly initialised and frozen under its adapter"),
        trained.out() + trained.err());
    assertFalse((trained.out() + trained.err()).contains("it is saved with the adapter"), trained.out() + trained.err());
    try (Checkpoint tensors = Checkpoint.open(run.resolve("adapter").resolve(PeftFormat.WEIGHTS))) {
      assertTrue(tensors.names().contains("base_model.model.bert.pooler.dense.lora_A.weight"), tensors.names().toString());
    }
    same(run, dir.resolve("merged"), "merge", run, "--output", dir.resolve("merged"));
    Cli alone = Cli.run("merge", "--model", model, "--adapter", run.resolve("adapter"), "--output", dir.resolve("alone"));
    assertTrue(alone.code() != 0 && alone.err().contains("bert.pooler.dense.weight") && alone.err().contains("merge the run's directory"),
        alone.out() + alone.err());
  }

  /** What is drawn and stays frozen is in the adapter's files whatever the method, as modules that train whole are. */
  @ParameterizedTest
  @ValueSource(strings = {"lora", "lora+", "adalora", "ia3", "bitfit", "full", "houlsby", "prompt-tuning", "prefix-tuning"})
  void aDrawnPoolerIsSavedByEveryMethod(String method) throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), false);
    Path run = train(model, "classification", (method.startsWith("p") ? "--adapter.num_virtual_tokens 2 --method " : "--method ") .concat(method)
        .split(" "));
    Path adapter = run.resolve("adapter");
    try (Checkpoint tensors = Checkpoint.open(adapter.resolve(PeftFormat.WEIGHTS))) {
      String prefix = method.startsWith("p") ? "base_model." : "base_model.model.";
      assertTrue(tensors.names().contains(prefix + "bert.pooler.dense.weight"), tensors.names().toString());
    }
    List<?> saved = (List<?>) PeftFormat.config(adapter).get("modules_to_save");
    assertEquals(!method.equals("full"), saved.contains("bert.pooler.dense"), saved.toString());
    try (TrainedModel trained = TrainedModel.open(run, false, "cpu", 1)) {
      assertEquals(2, trained.outputs(List.of(new Row(1, "film", Optional.empty(), List.of())))[0].length);
    }
  }

  /** Every method, trained, saved, loaded again and merged. */
  @ParameterizedTest
  @ValueSource(strings = {"--method lora+ --adapter.target_modules query,value --adapter.r 2",
      "--adapter.target_modules query,output.dense --adapter.use_dora true --adapter.r 3",
      "--adapter.target_modules query,output.dense --adapter.use_dora true --adapter.lora_dropout 0.2",
      "--adapter.target_modules query,value --adapter.lora_bias true --adapter.bias all",
      "--adapter.target_modules word_embeddings,query --adapter.r 2",
      "--adapter.target_modules word_embeddings,key --adapter.use_dora true",
      "--method adalora --adapter.target_modules query,value,intermediate.dense --adapter.init_r 4 --adapter.target_r 2",
      "--method adalora+ --adapter.target_modules query --adapter.init_r 4 --adapter.target_r 1 --adapter.convention peft",
      "--adapter.target_modules query,output.dense --adapter.r 2 --adapter.init_lora_weights pissa --adapter.lora_dropout 0.1",
      "--adapter.target_modules query,value --adapter.r 3 --adapter.init_lora_weights pissa_niter_2 --adapter.use_rslora true",
      "--method lora+ --adapter.target_modules intermediate.dense --adapter.init_lora_weights olora --adapter.r 4",
      "--adapter.target_modules query,word_embeddings --adapter.init_lora_weights mica --adapter.r 3",
      "--adapter.target_modules query,value --adapter.init_lora_weights orthogonal --adapter.r 4",
      "--method ia3", "--method bitfit", "--method full"})
  void everyMethodSaysMergedWhatItSaysUnmerged(String settings) throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "classification", settings.split(" "));
    same(run, dir.resolve("merged"), "merge", run, "--output", dir.resolve("merged"));
    try (TrainedModel adapted = TrainedModel.open(run, false, "cpu", 1);
        TrainedModel base = TrainedModel.open(run, true, "cpu", 1)) {
      List<Row> rows = TEXTS.stream().map(text -> new Row(1, text, Optional.empty(), List.of())).toList();
      float[] with = adapted.outputs(rows)[0];
      float[] without = base.outputs(rows)[0];
      if (!settings.contains("full") && !settings.contains("bitfit")) {
        assertTrue(Math.abs(with[0] - without[0]) > 1e-4, "the adapter does something: " + with[0] + " and " + without[0]);
      }
    }
  }

  /** AdaLoRA as plain LoRA: another kind of adapter, the same answers. */
  @ParameterizedTest
  @ValueSource(strings = {"--method adalora --adapter.init_r 4 --adapter.target_r 2",
      "--method adalora+ --adapter.init_r 5 --adapter.target_r 1",
      "--adapter.r 3"})
  void exportedAsPlainLoraItSaysTheSame(String settings) throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "classification", (settings + " --adapter.target_modules query,value,intermediate.dense").split(" "));
    Path lora = dir.resolve("lora");
    assertTrue(Cli.ok("export", run, "--as", "lora", "--output", lora).out().contains("plain LoRA: " + lora));
    assertEquals("LORA", PeftFormat.config(lora).get("peft_type"));
    same(run, dir.resolve("merged"), "merge", "--model", model, "--adapter", lora, "--output", dir.resolve("merged"));
    Cli.ok("export", "--model", model, "--adapter", run.resolve("adapter"), "--output", dir.resolve("again"));
    assertArrayEquals(Files.readAllBytes(lora.resolve(PeftFormat.WEIGHTS)),
        Files.readAllBytes(dir.resolve("again").resolve(PeftFormat.WEIGHTS)));
    Cli exists = Cli.run("export", run, "--output", lora);
    assertEquals(2, exists.code());
    assertTrue(exists.err().contains("exists already"), exists.err());
    assertEquals(2, Cli.run("export", run, "--as", "gguf", "--output", dir.resolve("other")).code());
    assertFalse(Files.exists(dir.resolve("other")));
  }

  /** The same adapter under loralib's names is the same adapter. */
  @Test
  void aCheckpointOfLoralib() throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "classification", "--adapter.target_modules", "query,value", "--adapter.r", "3", "--adapter.lora_alpha", "6");
    Path file = dir.resolve("loralib.safetensors");
    try (Checkpoint adapter = Checkpoint.open(run.resolve("adapter").resolve(PeftFormat.WEIGHTS))) {
      SafetensorsWriter writer = new SafetensorsWriter();
      adapter.names().forEach(name -> writer.add(
          new TensorInfo(name.replace("base_model.model.", "").replaceFirst("(lora_[AB])\\.weight", "$1"), DType.F32,
              adapter.info(name).shape()),
          data -> adapter.read(name, DType.F32, data)));
      writer.write(file);
    }
    Path lora = dir.resolve("lora");
    Cli.ok("export", "--model", model, "--loralib", file, "--lora_alpha", "6", "--task_type", "SEQ_CLS", "--output", lora);
    assertArrayEquals(Files.readAllBytes(run.resolve("adapter").resolve(PeftFormat.WEIGHTS)),
        Files.readAllBytes(lora.resolve(PeftFormat.WEIGHTS)));
    same(run, dir.resolve("merged"), "merge", "--model", model, "--adapter", lora, "--output", dir.resolve("merged"));
    Cli alpha = Cli.run("export", "--model", model, "--loralib", file, "--output", dir.resolve("other"));
    assertEquals(2, alpha.code());
    assertTrue(alpha.err().contains("--lora_alpha"), alpha.err());
    Cli none = Cli.run("export", "--model", model, "--loralib", model.resolve("model.safetensors"), "--lora_alpha", "6", "--output",
        dir.resolve("other"));
    assertEquals(3, none.code());
    assertTrue(none.err().contains("lora_state_dict"), none.err());
    assertFalse(Files.exists(dir.resolve("other")));
  }

  /** What has no form as LoRA is refused, and nothing is written. */
  @ParameterizedTest
  @ValueSource(strings = {"--method ia3", "--adapter.target_modules query --adapter.use_dora true"})
  void whatIsNotLowRankIsNotExported(String settings) throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "classification", settings.split(" "));
    Cli refused = Cli.run("export", run, "--output", dir.resolve("lora"));
    assertEquals(2, refused.code(), refused.out());
    assertTrue(refused.err().contains("plain LoRA"), refused.err());
    assertFalse(Files.exists(dir.resolve("lora")));
  }

  @Test
  void anEncoder() throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "embedding");
    same(run, dir.resolve("merged"), "merge", run, "--output", dir.resolve("merged"));
    same(run, dir.resolve("again"), "merge", "--model", model, "--adapter", run.resolve("adapter"), "--output", dir.resolve("again"));
  }

  @Test
  void whatIsThereIsNotTouchedAndWhatFailsLeavesNothing() throws IOException {
    Path model = TinyBert.model(dir.resolve("model"), true);
    Path run = train(model, "classification");
    Path taken = Files.createDirectory(dir.resolve("taken"));
    Cli exists = Cli.run("merge", run, "--output", taken);
    assertEquals(2, exists.code());
    assertTrue(exists.err().contains("exists already"), exists.err());
    Path weights = model.resolve("model.safetensors");
    byte[] all = Files.readAllBytes(weights);
    Files.write(weights, java.util.Arrays.copyOf(all, all.length - 100));
    Cli broken = Cli.run("merge", run, "--output", dir.resolve("broken"));
    assertEquals(3, broken.code());
    assertTrue(broken.err().contains("model.safetensors"), broken.err());
    try (Stream<Path> files = Files.list(dir)) {
      assertTrue(files.noneMatch(file -> file.getFileName().toString().contains("broken")));
    }
  }

  private Path train(Path model, String task) throws IOException {
    return train(model, task, "--adapter.target_modules", "query,output.dense");
  }

  private Path train(Path model, String task, String... settings) throws IOException {
    Path run = dir.resolve("run");
    train(run, model, task, settings);
    return run;
  }

  private Cli train(Path run, Path model, String task, String... settings) throws IOException {
    Path data = task.equals("embedding") ? TinyBert.pairs(dir.resolve("data.tsv"), 20, 1) : TinyBert.tsv(dir.resolve("data.tsv"), 20, 1);
    List<Object> args = new java.util.ArrayList<>(List.of("train", "--task", task, "--model", model, "--output", run, "--data.train", data,
        "--optimizer.learning_rate", "1e-2", "--batch_size", 4, "--epochs", 4));
    args.addAll(List.of(settings));
    args.addAll(task.equals("embedding") ? List.of("--data.text", "query", "--data.text_pair", "answer")
        : List.of("--data.text", "sentence", "--data.label", "mood"));
    return Cli.ok(args.toArray());
  }

  static void same(Path run, Path merged, Object... command) {
    Cli.ok(command);
    float[][] expected;
    Recipe recipe;
    try (TrainedModel trained = TrainedModel.open(run, false, "cpu", 1)) {
      recipe = trained.recipe();
      expected = trained.outputs(TEXTS.stream().map(text -> new Row(1, text, Optional.empty(), List.of())).toList());
    }
    ModelDirectory directory = ModelDirectory.open(merged);
    RecordedTask task = recipe.task().on(directory, recipe.data().labels());
    try (Backend backend = Backend.open("cpu", 1); Checkpoint weights = directory.checkpoint();
        Session session = Session.open(new Session.Setup(task, List.of(weights), new TaskProgram.Capacity(64, 8, 24), WeightFormat.F32, 99),
            Adapter.BASE, backend)) {
      assertEquals(0, session.drawn().size(), "all weights must be in the file: " + session.drawn());
      float[][] actual = session.predict(TokenizedData.of(TEXTS, Tokenizer.load(merged), 24));
      for (int i = 0; i < expected.length; i++) {
        assertArrayEquals(expected[i], actual[i], 2e-5f);
      }
    }
  }
}
