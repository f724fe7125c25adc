package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What went wrong for users: data, settings and models as they come. */
class TaskFaultsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  private Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyBert.model(dir.resolve("model"), true);
    run = dir.resolve("run");
  }

  private Cli train(Path data, Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", "--model", model, "--output", run, "--data.train", data, "--data.text", "sentence",
        "--data.label", "mood", "--adapter.target_modules", "query,value", "--adapter.r", 2, "--max_steps", 2, "--batch_size", 4,
        "--threads", 1));
    args.addAll(List.of(more));
    return Cli.run(args.toArray());
  }

  private Cli embed(Path data, Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", "--task", "embedding", "--model", model, "--output", run, "--data.train", data,
        "--data.text", "query", "--data.text_pair", "answer", "--adapter.target_modules", "query,value", "--adapter.r", 2, "--max_steps", 2,
        "--batch_size", 4, "--threads", 1));
    args.addAll(List.of(more));
    return Cli.run(args.toArray());
  }

  private static void fails(int code, Cli result, String... parts) {
    assertEquals(code, result.code(), result.out() + result.err());
    for (String part : parts) {
      assertTrue(result.err().contains(part), "no \"%s\" in %s".formatted(part, result.err()));
    }
  }

  private static void says(Cli result, String... parts) {
    assertEquals(0, result.code(), result.out() + result.err());
    for (String part : parts) {
      assertTrue((result.out() + result.err()).contains(part), "no \"%s\" in %s%s".formatted(part, result.out(), result.err()));
    }
  }

  private void vocabulary(String... more) throws IOException {
    List<String> tokens = new ArrayList<>(Files.readAllLines(model.resolve("vocab.txt")));
    tokens.addAll(List.of(more));
    Files.write(model.resolve("vocab.txt"), tokens);
  }

  @Test
  void aTokenThatTheEmbeddingHasNoRowFor() throws IOException {
    vocabulary("novel");
    Path data = Files.writeString(dir.resolve("t.tsv"), "sentence\tmood\nthe film\tgood\nthe novel\tbad\n");
    fails(3, train(data), "\"novel\" has the id 19", "19 rows", "vocab_size");
    assertFalse(Files.exists(run));
    says(train(TinyBert.tsv(dir.resolve("good.tsv"), 8, 1)), "done: 2 steps");
    fails(3, Cli.run("predict", run, "--text", "a novel"), "\"novel\" has the id 19");
  }

  private void pooling(String mode) throws IOException {
    Files.createDirectories(model.resolve("1_Pooling"));
    Files.writeString(model.resolve("1_Pooling/config.json"), """
        {"word_embedding_dimension": 16, "pooling_mode_cls_token": %s, "pooling_mode_mean_tokens": %s, "pooling_mode_max_tokens": %s}
        """.formatted(mode.equals("cls"), mode.equals("mean"), mode.equals("max")));
  }

  @Test
  void theModelsOwnPooling() throws IOException {
    Path data = TinyBert.pairs(dir.resolve("pairs.tsv"), 12, 1);
    pooling("cls");
    says(embed(data), "done");
    assertTrue(Files.readAllLines(run.resolve("recipe.yaml")).contains("pooling: cls"));
    Cli.ok("merge", run, "--output", dir.resolve("merged"));
    assertTrue(JSON.readTree(dir.resolve("merged/1_Pooling/config.json").toFile()).path("pooling_mode_cls_token").asBoolean());
    run = dir.resolve("other");
    fails(2, embed(data, "--pooling", "mean"), "pooling is mean", "1_Pooling/config.json says cls");
    pooling("max");
    fails(2, embed(data), "pooling_mode_max_tokens", "mean, cls and last can be trained");
    assertFalse(Files.exists(run));
  }

  @Test
  void pairsWithoutNegatives() throws IOException {
    Path data = TinyBert.pairs(dir.resolve("pairs.tsv"), 13, 1);
    fails(2, embed(data, "--batch_size", 1, "--gradient_accumulation", 8), "task embedding needs a batch_size of at least 2");
    Path same = Files.writeString(dir.resolve("same.tsv"), "query\tanswer\n" + "the film\ta plot\n".repeat(6));
    fails(2, embed(same), "second text of all 6 pairs is the same");
    Path one = Files.writeString(dir.resolve("one.tsv"), "query\tanswer\nthe film\ta plot\n");
    fails(2, embed(one), "has 1 rows");
    assertFalse(Files.exists(run));
    says(embed(data), "note: the last batch of each epoch has 1 of 13 examples; task embedding learns nothing from fewer than 2",
        "pairs have a second text that an earlier pair has, too");
  }

  @Test
  void aJsonArrayOverLines() throws IOException {
    Path data = Files.writeString(dir.resolve("data.json"), """
        [
          {"sentence": "the film is good",
           "mood": "good"},
          {"sentence": "the plot is bad", "mood": "bad"}
        ]
        """);
    says(train(data), "2 examples", "labels [bad, good]", "done: 2 steps");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sentence, mood\nthe film, yes\nthe plot, no\n", "sentence,mood\nthe film,yes\na film,yes \nthe plot,no\na plot,no \n"})
  void blanksAroundCommas(String content) throws IOException {
    says(train(Files.writeString(dir.resolve("data.csv"), content)), "labels [no, yes]");
  }

  @Test
  void textsThatAreCutWhereverTheyComeFrom() throws IOException {
    says(train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1)), "done");
    Path test = Files.writeString(dir.resolve("test.tsv"), "sentence\tmood\n" + "very ".repeat(40) + "good\tgood\nthe plot\tbad\n");
    String note = "note: 1 of 2 texts were longer than 24 tokens and were cut";
    says(Cli.run("eval", run, "--data", test), note);
    Cli predicted = Cli.ok("predict", run, "--file", test);
    assertTrue(predicted.err().contains(note), predicted.err());
    assertEquals(2, predicted.out().lines().count(), "what is printed is predictions alone");
  }

  @Test
  void theLimitOfASentenceEncoder() throws IOException {
    Files.writeString(model.resolve("sentence_bert_config.json"), "{\"max_seq_length\": 8, \"do_lower_case\": false}");
    Path data = Files.writeString(dir.resolve("pairs.tsv"), "query\tanswer\n" + "very ".repeat(9) + "good\tthe film\nbad\ta plot\n");
    says(embed(data), "note: 1 of 4 training texts were longer than 8 tokens and were cut");
    run = dir.resolve("longer");
    says(embed(data, "--data.max_length", 20), "done");
    Files.writeString(model.resolve("sentence_bert_config.json"), "{\"max_seq_length\": \"eight\"}");
    run = dir.resolve("broken");
    fails(3, embed(data), "sentence_bert_config.json: max_seq_length must be a positive whole number");
  }

  @Test
  void predictionsAreOneARow() throws IOException {
    says(train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1)), "done");
    Path texts = Files.writeString(dir.resolve("texts.csv"), "sentence\n\"the film\nis\tgood \\ bad\"\nplot\n");
    List<String> lines = Cli.ok("predict", run, "--file", texts).out().lines().toList();
    assertEquals(2, lines.size(), lines.toString());
    assertTrue(lines.getFirst().endsWith("\tthe film\\nis\\tgood \\\\ bad"), lines.getFirst());
  }

  @Test
  void standardInputThatIsNotUtf8() throws IOException {
    says(train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1)), "done");
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream("the film\ncaf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1)));
      fails(3, Cli.run("predict", run), "standard input, line 2: is not UTF-8");
      System.setIn(new ByteArrayInputStream("\uFEFFthe film\r\na plot".getBytes(StandardCharsets.UTF_8)));
      List<String> lines = Cli.ok("predict", run).out().lines().map(line -> line.split("\t")[2]).toList();
      assertEquals(List.of("the film", "a plot"), lines);
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void aLimitOnASortedFileKeepsItsClasses() throws IOException {
    Path data = Files.writeString(dir.resolve("sorted.tsv"), "sentence\tmood\n" + "the film\tbad\n".repeat(40) + "the plot\tgood\n".repeat(40));
    says(train(data, "--data.limit", 20), "note: 20 of the 80 rows", "drawn at random (data.limit, seed 42)", "labels [bad, good]");
  }

  @Test
  void homeAndHub() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("train.tsv"), 8, 1);
    String home = System.getProperty("user.home");
    System.setProperty("user.home", dir.toString());
    try {
      says(train(data, "--model", "~/model"), "done");
    } finally {
      System.setProperty("user.home", home);
    }
    fails(3, train(data, "--model", "sentence-transformers/all-MiniLM-L6-v2"), "hub", "hf download sentence-transformers/all-MiniLM-L6-v2");
  }

  @ParameterizedTest
  @CsvSource({"model_name_or_path,model", "lora_r,adapter.r", "per_device_train_batch_size,batch_size", "num_train_epochs,epochs",
      "lr_scheduler_type,optimizer.schedule", "max_seq_length,data.max_length", "target_modules,adapter.target_modules",
      "output_dir,output", "save_total_limit,keep_checkpoints", "lr_scheduler_kwargs,'a key each: optimizer.min_lr'"})
  void keysOfOtherTrainers(String theirs, String ours) throws IOException {
    fails(2, Cli.run("train", Files.writeString(dir.resolve("r.yaml"), theirs + ": 1\n")), "unknown setting \"" + theirs + "\"; here it is " + ours);
  }

  @Test
  void commandsToCopyAreQuoted() throws IOException {
    run = dir.resolve("it's my run");
    says(train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1)), "lora4j eval '" + dir.toString() + "/it'\\''s my run'");
  }

  @Test
  void anOptionThatLostItsValue() throws IOException {
    fails(2, train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1), "--adapter.lora_alpha", "--max_steps", 3), "--adapter.lora_alpha", "value");
  }

  @ParameterizedTest
  @CsvSource({"--optimizer.eps,0,optimizer.eps must be positive", "--adapter.lora_alpha,1e308,adapter.lora_alpha must be a number that F32 can hold",
      "--threads,1025,'threads must be at most 1024'", "--optimizer.learning_rate,1e300,optimizer.learning_rate must be positive"})
  void absurdNumbers(String option, String value, String message) throws IOException {
    fails(2, train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1), option, value), message);
    assertFalse(Files.exists(run));
  }

  @Test
  void threadsOfOtherCommandsHaveABound() throws IOException {
    says(train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1)), "done");
    fails(2, Cli.run("predict", run, "--text", "film", "--threads", 1025), "--threads must be from 0 to 1024");
  }

  @Test
  void pathsThatAreNone() throws IOException {
    Path recipe = Files.writeString(dir.resolve("r.yaml"), "model: \"a\\0b\"\noutput: o\ndata: {train: t.tsv, label: l}\n");
    fails(2, Cli.run("train", recipe), "model is not a path");
  }

  @Test
  void aFinishedClassifierWithAnotherNumberOfLabels() throws IOException {
    says(train(TinyBert.tsv(dir.resolve("train.tsv"), 8, 1)), "done");
    Cli.ok("merge", run, "--output", dir.resolve("finished"));
    model = dir.resolve("finished");
    run = dir.resolve("three");
    Path data = Files.writeString(dir.resolve("three.tsv"), "sentence\tmood\nthe film\tgood\nthe plot\tbad\nplot\tso so\n");
    Cli trained = train(data);
    says(trained, "note: classifier of the model has 2 labels, the data 3: a new one is trained in its place", "done");
    assertFalse(trained.out().contains("is not in the model"), "it is there, and does not fit");
    says(Cli.run("eval", run, "--data", data), "accuracy");
    Cli.ok("merge", run, "--output", dir.resolve("merged"));
    JsonNode config = JSON.readTree(dir.resolve("merged/config.json").toFile());
    assertEquals(3, config.path("id2label").size());
  }

  @Test
  void trainingGoesOnFromAnAdapter() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("train.tsv"), 24, 1);
    says(train(data, "--max_steps", 20, "--optimizer.learning_rate", "2e-2", "--optimizer.schedule", "constant"), "done");
    double reached = JSON.readTree(Cli.ok("eval", run, "--data", data, "--json").out()).at("/adapter/loss").asDouble();
    List<Object> args = new ArrayList<>(List.of("train", "--model", model, "--output", dir.resolve("more"), "--data.train", data, "--data.eval", data,
        "--data.text", "sentence", "--data.label", "mood", "--start_from", run, "--max_steps", 1, "--batch_size", 24, "--threads", 1,
        "--optimizer.learning_rate", "1e-30"));
    says(Cli.run(args.toArray()), "starts from the adapter of " + run);
    // With steps of nothing it is the adapter that it started from.
    assertEquals(reached, JSON.readTree(Cli.ok("eval", dir.resolve("more"), "--json").out()).at("/adapter/loss").asDouble(), 1e-6);
    args.addAll(List.of("--adapter.r", 4, "--output", dir.resolve("again")));
    fails(2, Cli.run(args.toArray()), "start_from takes the adapter as it is; leave out [adapter.r]");
    args = new ArrayList<>(args.subList(0, args.size() - 4));
    args.addAll(List.of("--output", dir.resolve("again"), "--start_from", dir.resolve("nothing")));
    fails(3, Cli.run(args.toArray()), "start_from", "nothing");
  }

  /** The rest of its schedule means nothing to another run, whether the recipe or the schedule itself says how long it is. */
  @Test
  void noTrainingGoesOnFromRanksThatAreSpread() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("train.tsv"), 24, 1);
    List<Object> adalora = List.of("--method", "adalora", "--adapter.target_r", 1, "--adapter.tinit", 2, "--adapter.tfinal", 2,
        "--adapter.deltaT", 1);
    List<Object> train = new ArrayList<>(List.of("train", "--model", model, "--data.train", data, "--data.text", "sentence", "--data.label", "mood",
        "--max_steps", 12, "--batch_size", 4, "--threads", 1, "--optimizer.learning_rate", "1e-2"));
    train.addAll(adalora);
    List<Object> first = new ArrayList<>(train);
    first.addAll(List.of("--output", run, "--adapter.init_r", 2, "--adapter.target_modules", "query,value", "--adapter.total_step", 12));
    says(Cli.run(first.toArray()), "done");
    List<Object> again = new ArrayList<>(train.subList(0, train.size() - adalora.size()));
    again.addAll(List.of("--method", "adalora", "--start_from", run, "--output", dir.resolve("again"), "--max_steps", 6));
    fails(2, Cli.run(again.toArray()), "start_from: " + run.resolve("adapter"), "has spread its ranks already", "lora4j export");
    // As PEFT saves it before any rank has moved: without a pattern, with its own number of steps.
    Path config = run.resolve("adapter/adapter_config.json");
    Files.writeString(config, Files.readString(config).replaceAll("(?s)\"rank_pattern\": \\{.*?\\}", "\"rank_pattern\": null"));
    fails(2, Cli.run(again.toArray()), "has spread its ranks already", "lora4j export");
  }
}
