package io.github.lora4j.train.runs;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The default of {@code weights} was f32 before it was stored: of a model that is not quantised a checkpoint of either goes on with the other. */
class RunIdentityTest {

  private static final Path CHECKPOINT = Path.of("run", "checkpoint-3");

  private static RunIdentity of(String weights, boolean quantised) {
    Recipe recipe = Recipe.builder(Path.of("model"), Path.of("run")).set("task", "causal_lm").set("data.train", "texts.jsonl")
        .set("weights", weights).build();
    return RunIdentity.of(recipe, Map.of(), "k", quantised);
  }

  /** What an older version wrote. */
  private static RunIdentity older(String weights) {
    Map<String, String> settings = new HashMap<>(of("stored", true).settings());
    settings.put("weights", weights);
    return new RunIdentity(settings, "k");
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "stored"})
  void ofNumbersTheyAreTheSame(String now) {
    of(now, false).requireContinues(CHECKPOINT, older("f32"), Resume.EXACTLY);
    of(now, false).requireContinues(CHECKPOINT, older("stored"), Resume.EXACTLY);
    of(now, false).requireContinues(CHECKPOINT, of("f32", false), Resume.EXACTLY);
    ConfigException e = assertThrows(ConfigException.class, () -> of(now, false).requireContinues(CHECKPOINT, older("nf4"), Resume.EXACTLY));
    assertTrue(e.getMessage().contains("weights was nf4"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "stored"})
  void ofBlocksTheyAreNot(String now) {
    of(now, true).requireContinues(CHECKPOINT, older(now), Resume.EXACTLY);
    String other = now.equals("f32") ? "stored" : "f32";
    assertThrows(ConfigException.class, () -> of(now, true).requireContinues(CHECKPOINT, older(other), Resume.EXACTLY));
  }
}
