package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sentence vectors from pairs with a score, by recipe. */
class ScoredPairsTest {

  @TempDir
  private Path dir;
  private Path model;

  @BeforeEach
  void write() throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    List<String> rows = new ArrayList<>(List.of("first\tsecond\tscore"));
    for (int i = 0; i < 24; i++) {
      boolean alike = i % 2 == 0;
      String first = TinyBert.GOOD.get(i % 4) + " film " + TinyBert.OTHER.get(i % 6);
      String second = (alike ? TinyBert.GOOD : TinyBert.BAD).get((i + 1) % 4) + " plot " + TinyBert.OTHER.get((i + 2) % 6);
      rows.add("%s\t%s\t%s".formatted(first, second, alike ? 1 : 0));
    }
    Files.write(dir.resolve("pairs.tsv"), rows);
  }

  private RecipeBuilder recipe(String loss) {
    return Recipe.builder(model, dir.resolve("run")).set("task", "embedding").set("sentence_loss", loss).set("data.train", dir.resolve("pairs.tsv").toString())
        .set("data.eval", dir.resolve("pairs.tsv").toString()).set("data.text", "first").set("data.text_pair", "second").set("data.label", "score")
        .set("batch_size", 8).set("epochs", 6).set("optimizer.learning_rate", 3e-2)
        .adapter(Map.of("r", 2, "target_modules", List.of("query", "value")));
  }

  private static List<TrainEvent.Evaluated> train(Recipe recipe) {
    List<TrainEvent.Evaluated> evaluations = new ArrayList<>();
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Evaluated of) {
        evaluations.add(of);
      }
    })) {
      run.train();
    }
    return evaluations;
  }

  @ParameterizedTest
  @ValueSource(strings = {"cosent", "angle", "cosine_similarity", "contrastive"})
  void cosinesComeToFollowScores(String loss) {
    List<TrainEvent.Evaluated> evaluations = train(recipe(loss).build());
    assertEquals(6, evaluations.size());
    assertTrue(evaluations.getLast().metrics().get("loss") < evaluations.getFirst().metrics().get("loss"), evaluations.toString());
    assertTrue(evaluations.getLast().metrics().get("spearman") > 0.5, evaluations.toString());
  }

  @ParameterizedTest
  @CsvSource({"multiple_negatives, '', true", "multiple_negatives, '16,8', false", "cosent, '[8]', false"})
  void vectorsThatMayBeCut(String loss, String dims, boolean symmetric) {
    List<TrainEvent.Evaluated> evaluations = train(recipe(loss).set("matryoshka_dims", dims).set("symmetric", symmetric).build());
    assertTrue(evaluations.getLast().metrics().get("loss") < evaluations.getFirst().metrics().get("loss"), evaluations.toString());
  }

  @Test
  void whatDoesNotFitIsSaid() throws IOException {
    assertTrue(problem(recipe("mnrl")).contains("sentence_loss must be one of angle, contrastive, cosent"));
    assertTrue(problem(recipe("cosent").set("data.label", "")).contains("data.label"));
    assertTrue(problem(recipe("cosent").set("symmetric", true)).contains("symmetric"));
    assertTrue(problem(recipe("cosent").set("matryoshka_dims", "8,x")).contains("matryoshka_dims"));
    ConfigException wide = assertThrows(ConfigException.class, () -> train(recipe("cosent").set("matryoshka_dims", "9999").build()));
    assertTrue(wide.getMessage().contains("cannot be cut to 9999"), wide.getMessage());
    Files.writeString(dir.resolve("pairs.tsv"), "first\tsecond\tscore\na film\ta plot\t4.5\na film\ta film\t1\n");
    FormatException score = assertThrows(FormatException.class, () -> train(recipe("cosine_similarity").build()));
    assertTrue(score.getMessage().contains("line 2") && score.getMessage().contains("divide"), score.getMessage());
  }

  private static String problem(RecipeBuilder recipe) {
    return assertThrows(ConfigException.class, recipe::build).getMessage();
  }
}
