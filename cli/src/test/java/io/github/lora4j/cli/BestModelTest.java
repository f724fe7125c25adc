package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainListener;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The adapter of the best evaluation, and runs that end when evaluations become no better. */
class BestModelTest {

  private static final int EVERY = 3;

  @TempDir
  private Path dir;
  private Path model;
  private Path data;
  private Path opposite;
  private final List<TrainEvent.Evaluated> evaluations = new ArrayList<>();
  private final TrainListener evaluated = event -> {
    if (event instanceof TrainEvent.Evaluated of) {
      evaluations.add(of);
    }
  };

  @BeforeEach
  void write() throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    data = TinyBert.tsv(dir.resolve("data.tsv"), 30, 1);
    // Labels changed over: what is learnt makes these worse from the first evaluation on.
    opposite = Files.writeString(dir.resolve("opposite.tsv"),
        Files.readString(data).replace("\tgood", "\t?").replace("\tbad", "\tgood").replace("\t?", "\tbad"));
  }

  private RecipeBuilder recipe(String output) {
    return Recipe.builder(model, dir.resolve(output)).set("data.train", data.toString()).set("data.eval", opposite.toString())
        .set("data.text", "sentence").set("data.label", "mood").set("batch_size", 4).set("max_steps", 30).set("eval_every", EVERY)
        .set("optimizer.learning_rate", 3e-2).set("optimizer.schedule", "constant").set("keep_checkpoints", 1)
        .adapter(Map.of("r", 2, "target_modules", List.of("query", "value")));
  }

  private byte[] train(Recipe recipe, boolean resume, TrainListener... listeners) throws IOException {
    try (TrainingRun run = TrainingRun.open(recipe, resume, listeners)) {
      run.train();
    }
    return Files.readAllBytes(recipe.output().resolve("adapter/adapter_model.safetensors"));
  }

  @Test
  void theAdapterIsThatOfTheBestEvaluation() throws IOException {
    Recipe best = recipe("best").set("load_best_model_at_end", true).build();
    byte[] adapter = train(best, false, evaluated);
    double least = evaluations.stream().mapToDouble(of -> of.metrics().get("loss")).min().orElseThrow();
    assertTrue(evaluations.getLast().metrics().get("loss") > least, "the last evaluation is the best");
    String loss = Cli.ok("eval", best.output(), "--json").out();
    assertTrue(loss.contains(String.valueOf(least)), loss + " has no " + least);
    assertFalse(Arrays.equals(adapter, train(recipe("last").build(), false)));
  }

  @Test
  void aRunEndsWhenEvaluationsGetNoBetter() throws IOException {
    List<String> notes = new ArrayList<>();
    Recipe patient = recipe("patient").set("early_stopping_patience", 2).build();
    train(patient, false, evaluated, event -> {
      if (event instanceof TrainEvent.Note note) {
        notes.add(note.text());
      }
    });
    int best = 0;
    for (int i = 1; i < evaluations.size(); i++) {
      best = evaluations.get(i).metrics().get("loss") < evaluations.get(best).metrics().get("loss") ? i : best;
    }
    assertEquals(best + 3, evaluations.size());
    int end = evaluations.getLast().step();
    assertTrue(end < 30);
    assertTrue(notes.stream().anyMatch(note -> note.startsWith("ends after step %d of 30".formatted(end))), notes.toString());
    assertTrue(Files.isDirectory(patient.output().resolve("checkpoint-" + end)));
  }

  @Test
  void theBestIsKnownAfterAKill() throws IOException {
    Map<String, Object> settings = Map.of("load_best_model_at_end", true, "early_stopping_patience", 4, "save_every", 1);
    RecipeBuilder whole = recipe("whole");
    RecipeBuilder cut = recipe("cut");
    settings.forEach(whole::set);
    settings.forEach(cut::set);
    byte[] expected = train(whole.build(), false, evaluated);
    int last = evaluations.getLast().step();
    Recipe killed = cut.build();
    assertThrows(IllegalStateException.class, () -> train(killed, false, event -> {
      if (event instanceof TrainEvent.Saved saved && saved.step() == last - 1) {
        throw new IllegalStateException("power cut");
      }
    }));
    evaluations.clear();
    assertArrayEquals(expected, train(killed, true, evaluated));
    assertEquals(List.of(last), evaluations.stream().map(TrainEvent.Evaluated::step).toList());
  }

  @Test
  void aMetricThatIsNotMeasuredIsAnErrorThatNamesThoseThatAre() {
    Recipe wrong = recipe("wrong").set("load_best_model_at_end", true).set("metric_for_best_model", "bleu").build();
    ConfigException e = assertThrows(ConfigException.class, () -> train(wrong, false));
    assertTrue(e.getMessage().contains("\"bleu\"") && e.getMessage().contains("accuracy"), e.getMessage());
    ConfigException none = assertThrows(ConfigException.class,
        () -> recipe("none").set("early_stopping_patience", 1).set("data.eval", "").build());
    assertTrue(none.getMessage().contains("data.eval"), none.getMessage());
  }
}
