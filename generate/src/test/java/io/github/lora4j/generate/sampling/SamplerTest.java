package io.github.lora4j.generate.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.generate.settings.GenerationSettings;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What golden cases do not hold: draws, and the penalties that transformers lacks. */
final class SamplerTest {

  @Test
  void drawsFollowTheProbabilities() {
    double[] probabilities = {0.4, 0.1, 0.25, 0.05, 0.2};
    int[] counts = new int[5];
    int draws = 40_000;
    for (int i = 0; i < draws; i++) {
      Scores scores = scores(probabilities);
      counts[new Sampler(GenerationSettings.of(Map.of("do_sample", true, "top_k", 0, "seed", i)), 9).next(scores)]++;
    }
    double chi = 0;
    for (int i = 0; i < counts.length; i++) {
      double expected = draws * probabilities[i];
      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    assertTrue(chi < 18.5, "chi-square of 4 degrees of freedom, 1 in 1,000: " + chi);
  }

  private static Scores scores(double... probabilities) {
    Scores scores = new Scores(probabilities.length);
    for (int i = 0; i < probabilities.length; i++) {
      scores.values()[i] = (float) Math.log(probabilities[i]);
    }
    scores.after(new int[] {0, 1, 1, 2, 1}, 5, 2);
    return scores;
  }

  @Test
  void whatIsLeftOutIsNeverDrawn() {
    for (int seed = 0; seed < 200; seed++) {
      Sampler sampler = new Sampler(GenerationSettings.of(Map.of("top_k", 2, "seed", seed)), 9);
      int token = sampler.next(scores(0.4, 0.1, 0.25, 0.05, 0.2));
      assertTrue(token == 0 || token == 2, "token " + token);
    }
  }

  @Test
  void frequencyAndPresenceCountTheAnswerAlone() {
    Scores scores = scores(1, 1, 1, 1);
    Sampler.processors(GenerationSettings.of(Map.of("frequency_penalty", 0.5, "presence_penalty", 0.25)), 9).forEach(p -> p.process(scores));
    assertEquals(0, scores.values()[0]);
    assertEquals(-1.25, scores.values()[1], 1e-6);
    assertEquals(-0.75, scores.values()[2], 1e-6);
    assertEquals(0, scores.values()[3]);
  }

  @Test
  void biasOfOneTokenIsAdded() {
    Scores scores = scores(1, 1, 1, 1);
    assertEquals(3, new Sampler(GenerationSettings.of(Map.of("logit_bias", Map.of("3", 0.5))), 9).next(scores));
  }

  @Test
  void ofEqualScoresTheFirstTokenIsTaken() {
    assertEquals(1, new Sampler(GenerationSettings.of(Map.of()), 9).next(scores(0.1, 0.4, 0.4)));
  }
}
