package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.train.DataPreview;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Task seq2seq on a small T5 and a small BART: it learns, with the same bits whatever computes them; rows of every format become what Hugging Face's
 * models are trained on; what cannot be learnt from is refused.
 */
class SourceTaskTest {

  private static final List<List<String>> PAIRS = List.of(List.of("the name of the place is The Eagle", "name[The Eagle]"),
      List.of("it sells coffee near Burger King", "near[Burger King]"), List.of("who is there?", "nobody."),
      List.of("a coffee shop with food", "eatType[coffee shop]"), List.of("Speak, speak.", "Speak."), List.of("What, ho!", "Ho! who calls?"));

  @TempDir
  private static Path dir;

  @BeforeAll
  static void files() throws IOException {
    TinySource.MODELS.forEach(model -> TinySource.copyTo(model, dir.resolve(model)));
    rows("pairs.jsonl", "{\"source\": \"%s\", \"target\": \"%s\"}");
    rows("completions.jsonl", "{\"prompt\": \"%s\", \"completion\": \"%s\"}");
    rows("outputs.jsonl", "{\"input\": \"%s\", \"output\": \"%s\"}");
    rows("summaries.jsonl", "{\"document\": \"%s\", \"summary\": \"%s\", \"id\": 3}");
    rows("translations.jsonl", "{\"translation\": {\"en\": \"%s\", \"de\": \"%s\"}}");
  }

  private static void rows(String file, String form) throws IOException {
    Files.write(dir.resolve(file), PAIRS.stream().map(pair -> form.formatted(pair.getFirst(), pair.getLast())).toList());
  }

  private static RecipeBuilder recipe(String model, String name) {
    return Recipe.builder(dir.resolve(model), dir.resolve(model + "-" + name)).set("task", "seq2seq").set("data.train", dir.resolve("pairs.jsonl").toString())
        .set("data.eval", dir.resolve("pairs.jsonl").toString()).set("optimizer.learning_rate", 1e-2).set("optimizer.schedule", "constant")
        .set("batch_size", 3).set("max_steps", 12).set("eval_every", 12).set("threads", 1).set("log_every", 1).set("samples", 0)
        .adapter(Map.of("r", 4, "lora_alpha", 8, "lora_dropout", 0.1));
  }

  /** What a run told. */
  private record Told(List<TrainEvent.Step> steps, List<String> notes, Map<String, Double> metrics, Path output) {
    byte[] adapter() throws IOException {
      return Files.readAllBytes(output.resolve("adapter").resolve(PeftFormat.WEIGHTS));
    }
  }

  private static Told train(RecipeBuilder builder, boolean resume) {
    Recipe recipe = builder.build();
    List<TrainEvent.Step> steps = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    try (TrainingRun run = TrainingRun.open(recipe, resume, event -> {
      if (event instanceof TrainEvent.Step step) {
        steps.add(step);
      } else if (event instanceof TrainEvent.Note note) {
        notes.add(note.text());
      }
    })) {
      return new Told(steps, notes, run.train().metrics(), recipe.output());
    }
  }

  @TestFactory
  Stream<DynamicTest> learnsWithTheSameBits() {
    return TinySource.MODELS.stream().map(model -> DynamicTest.dynamicTest(model, () -> learns(model)));
  }

  private static void learns(String model) throws IOException {
    Told told = train(recipe(model, "one"), false);
    assertTrue(told.metrics.get("loss") < told.steps.getFirst().loss(), told.metrics.toString());
    assertEquals(Math.exp(told.metrics.get("loss")), told.metrics.get("perplexity"), 1e-9);
    assertTrue(told.metrics.containsKey("token_accuracy"), told.metrics.toString());
    assertArrayEquals(told.adapter(), train(recipe(model, "threads").set("threads", 3), false).adapter(), "other threads, other bits");
    assertArrayEquals(told.adapter(), train(recipe(model, "again").set("recompute", "layers"), false).adapter(), "computed again, other bits");
    RecipeBuilder stopped = recipe(model, "stopped");
    TrainingRun[] running = {null};
    try (TrainingRun run = TrainingRun.open(stopped.build(), false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 5) {
        running[0].stop();
      }
    })) {
      running[0] = run;
      assertThrows(CancellationException.class, run::train);
    }
    assertArrayEquals(told.adapter(), train(stopped, true).adapter(), "stopped and resumed, other bits");
    assertTrue(Files.readString(told.output.resolve("adapter/adapter_config.json")).contains("\"SEQ_2_SEQ_LM\""), "PEFT's name of the task");
    try (TrainedModel loaded = TrainedModel.open(told.output, false, "cpu", 1)) {
      Map<String, Double> measured = loaded.evaluate(dir.resolve("pairs.jsonl"));
      told.metrics.forEach((name, value) -> assertEquals(value, measured.get(name), 1e-4 * Math.max(1, Math.abs(value)), name));
    }
  }

  /** Sources and targets of a pass are bounded each; the loss of the step is divided by the labels of all. */
  @TestFactory
  Stream<DynamicTest> packedOtherwiseTheGradientsAreTheSame() {
    return TinySource.MODELS.stream().map(model -> DynamicTest.dynamicTest(model, () -> {
      Told whole = train(recipe(model, "packed").adapter(Map.of("r", 4)).set("max_steps", 2), false);
      Told parted = train(recipe(model, "parted").adapter(Map.of("r", 4)).set("max_steps", 2).set("max_tokens", 40), false);
      for (int i = 0; i < 2; i++) {
        assertEquals(whole.steps.get(i).loss(), parted.steps.get(i).loss(), 1e-6);
        assertEquals(whole.steps.get(i).gradientNorm(), parted.steps.get(i).gradientNorm(), 1e-6);
      }
    }));
  }

  /** Σ w·ℓ / Σ w: a row of weight 2 beside one of ½ is the row four times beside the other once. */
  @TestFactory
  Stream<DynamicTest> aWeightIsWorthAsManyRows() {
    return TinySource.MODELS.stream().map(model -> DynamicTest.dynamicTest(model, () -> {
      String row = "{\"source\": \"%s\", \"target\": \"%s\", \"weight\": %s}";
      List<String> first = PAIRS.getFirst();
      List<String> second = PAIRS.get(1);
      Files.write(dir.resolve("weights.jsonl"), List.of(row.formatted(first.getFirst(), first.getLast(), 2),
          row.formatted(second.getFirst(), second.getLast(), 0.5), row.formatted(second.getFirst(), second.getLast(), 0)));
      List<String> repeated = new ArrayList<>(java.util.Collections.nCopies(4, row.formatted(first.getFirst(), first.getLast(), 1)));
      repeated.add(row.formatted(second.getFirst(), second.getLast(), 1));
      Files.write(dir.resolve("repeated.jsonl"), repeated);
      TrainEvent.Step weighted = train(weighing(model, "weights", 2), false).steps.getFirst();
      TrainEvent.Step expected = train(weighing(model, "repeated", 5), false).steps.getFirst();
      assertEquals(expected.loss(), weighted.loss(), 1e-6);
      assertEquals(expected.gradientNorm(), weighted.gradientNorm(), 1e-5 * expected.gradientNorm());
    }));
  }

  private static RecipeBuilder weighing(String model, String file, int rows) {
    return recipe(model, file).adapter(Map.of("r", 4, "lora_dropout", 0)).set("data.train", dir.resolve(file + ".jsonl").toString()).set("batch_size", rows).set("max_steps", 1)
        .set("eval_every", 0);
  }

  private static DataPreview preview(String model, String file, Map<String, Object> settings) {
    RecipeBuilder builder = recipe(model, "preview").set("data.train", dir.resolve(file).toString());
    settings.forEach(builder::set);
    return DataPreview.of(builder.build());
  }

  private static List<List<Integer>> ids(DataPreview preview, boolean sources) {
    return preview.rows().data().examples().stream().map(example -> (sources ? example.sources() : example.sequences()).getFirst())
        .map(sequence -> java.util.Arrays.stream(sequence.ids()).boxed().toList()).toList();
  }

  @Test
  void everyFormatGivesTheSameExamples() {
    for (String model : TinySource.MODELS) {
      DataPreview pairs = preview(model, "pairs.jsonl", Map.of());
      for (String file : List.of("completions.jsonl", "outputs.jsonl", "summaries.jsonl", "translations.jsonl")) {
        DataPreview other = preview(model, file, file.startsWith("translations")
            ? Map.of("data.columns", List.of("source=translation.en", "target=translation.de")) : Map.of());
        assertEquals(ids(pairs, true), ids(other, true), file);
        assertEquals(ids(pairs, false), ids(other, false), file);
      }
      assertEquals("seq2seq", DataPreview.taskFor(dir.resolve("pairs.jsonl")));
    }
  }

  /** The decoder reads the labels one place on, behind the start token; every label counts, the end is the last, and there once. */
  @Test
  void labelsAreShifted() {
    for (String model : TinySource.MODELS) {
      int start = model.equals("tiny-t5") ? 0 : 2;
      int end = model.equals("tiny-t5") ? 1 : 2;
      for (Example example : preview(model, "pairs.jsonl", Map.of()).rows().data().examples()) {
        int[] read = example.sequences().getFirst().ids();
        Target.TokenLabels labels = (Target.TokenLabels) example.target();
        assertEquals(start, read[0]);
        for (int t = 1; t < read.length; t++) {
          assertEquals(labels.ids()[t - 1], read[t]);
        }
        assertEquals(read.length, labels.ids().length);
        assertEquals(end, labels.ids()[read.length - 1]);
        assertEquals(1, java.util.Arrays.stream(labels.ids()).filter(id -> id == end).count());
        for (boolean counted : labels.counted()) {
          assertTrue(counted);
        }
      }
    }
  }

  @Test
  void longSourcesAndTargetsAreCutAndCounted() {
    Told cut = train(recipe("tiny-t5", "cut").set("data.max_length", 10).set("max_target_length", 6).set("max_steps", 1), false);
    String said = String.join("\n", cut.notes);
    assertTrue(said.contains("6 of 6 training targets were longer than 6 tokens and were cut (max_target_length)"), said);
    assertTrue(said.contains("3 of 6 training texts were longer than 10 tokens and were cut (data.max_length)"), said);
    for (Example example : preview("tiny-t5", "pairs.jsonl", Map.of("data.max_length", 10, "max_target_length", 6)).rows().data().examples()) {
      int[] source = example.sources().getFirst().ids();
      assertTrue(source.length <= 10 && source[source.length - 1] == 1, "a source that is cut ends as others do");
      assertEquals(6, ((Target.TokenLabels) example.target()).ids().length);
    }
    DataPreview dropped = preview("tiny-t5", "pairs.jsonl", Map.of("data.max_length", 12, "long_rows", "drop"));
    assertTrue(dropped.rows().dropped() > 0 && dropped.rows().data().cut() == 0, "left out, not cut");
  }

  @Test
  void aPrefixStandsBeforeEverySource() {
    DataPreview with = preview("tiny-t5", "pairs.jsonl", Map.of("source_prefix", "speak: "));
    String text = with.tokenizer().decode(with.rows().data().examples().getFirst().sources().getFirst().ids());
    assertEquals("speak: " + PAIRS.getFirst().getFirst(), text);
  }

  @TestFactory
  Stream<DynamicTest> whatCannotBeLearntFromIsRefused() throws IOException {
    Files.writeString(dir.resolve("blank.jsonl"), "{\"source\": \"a\", \"target\": \" \"}\n");
    Files.writeString(dir.resolve("chats.jsonl"), "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n");
    Files.writeString(dir.resolve("one.jsonl"), "{\"translation\": {\"en\": \"a\"}}\n");
    TinyLlama.copyTo(dir.resolve("llama"));
    return Map.of("blank.jsonl", "blank.jsonl, line 1: the target is empty", "chats.jsonl", "task seq2seq learns from pairs",
        "one.jsonl", "must hold a text for each of two languages", "translations.jsonl", "data.columns: [source=translation.en, target=translation.de]")
        .entrySet().stream().map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> refused(entry.getValue(),
            () -> preview("tiny-t5", entry.getKey(), Map.of()))));
  }

  @Test
  void settingsThatDoNotFitAreRefused() {
    refused("long_rows: split", () -> preview("tiny-t5", "pairs.jsonl", Map.of("long_rows", "split")));
    refused("max_target_length", () -> preview("tiny-t5", "pairs.jsonl", Map.of("max_target_length", 1)));
    refused("the model has positions for 96 tokens", () -> preview("tiny-t5", "pairs.jsonl", Map.of("max_target_length", 97)));
    refused("no \"translation.fr\"", () -> preview("tiny-t5", "translations.jsonl", Map.of("data.columns",
        List.of("source=translation.fr", "target=translation.de"))));
    TinyLlama.copyTo(dir.resolve("a-llama"));
    refused("model_type \"llama\" continues texts", () -> preview("a-llama", "pairs.jsonl", Map.of()));
    refused("next tokens of one text are predicted by decoders", () -> preview("tiny-t5", "completions.jsonl", Map.of("task", "chat",
        "chat_template", "none")));
  }

  private static void refused(String expected, org.junit.jupiter.api.function.Executable what) {
    String message = assertThrows(Lora4jException.class, what).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
