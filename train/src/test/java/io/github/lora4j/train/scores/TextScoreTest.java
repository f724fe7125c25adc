package io.github.lora4j.train.scores;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Scores against what the programs computed that define them: sacreBLEU 2.6.0, NLTK 3.8 and the E2E challenge's pymteval.py themselves, and
 * rouge_score's definition written down once more in Python.
 */
class TextScoreTest {

  private static JsonNode recorded() throws IOException {
    try (InputStream in = TextScoreTest.class.getResourceAsStream("/scores/recorded.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  private static List<String> texts(JsonNode node) {
    List<String> texts = new ArrayList<>();
    node.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  @TestFactory
  Stream<DynamicTest> asRecorded() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode set : recorded()) {
      tests.add(DynamicTest.dynamicTest(set.path("name").asText(), () -> {
        List<String> answers = texts(set.path("answers"));
        List<List<String>> references = new ArrayList<>();
        set.path("references").forEach(of -> references.add(texts(of)));
        for (int i = 0; i < answers.size(); i++) {
          assertEquals(set.path("tokens_13a").get(i).asText(), String.join(" ", Words.mteval13a(answers.get(i).stripTrailing())));
          Map<String, Double> rouge = Rouge.one(answers.get(i), references.get(i));
          set.path("rouge_rows").get(i).properties().forEach(e -> assertEquals(e.getValue().asDouble(), rouge.get(e.getKey()), 1e-12, e.getKey()));
        }
        for (String name : List.of("bleu", "bleu_e2e", "bleu_nltk")) {
          double wanted = set.path(name).asDouble();
          assertEquals(wanted, TextScore.named(name).of(answers, references).get(name), 1e-11 * Math.abs(wanted), name);
        }
        Map<String, Double> rouge = new Rouge().of(answers, references);
        assertEquals(4, rouge.size());
        set.path("rouge").properties().forEach(e -> assertEquals(e.getValue().asDouble(), rouge.get(e.getKey()), 1e-12, e.getKey()));
        String signature = TextScore.named("bleu").definition(references);
        assertTrue(set.path("signature").asText().startsWith(signature.substring(signature.indexOf("nrefs"))), signature);
      }));
    }
    assertTrue(tests.size() > 5);
    return tests.stream();
  }

  /** Worked by hand from SQuAD's script: normalised answer "black cat sat", reference "cat sat down": 2 common of 3 and 3. */
  @Test
  void exactMatchAndF1AsOfSquad() {
    List<String> answers = List.of("The black cat, sat.", " Paris\n", "an  Apple!", "", "42%");
    List<List<String>> references = List.of(List.of("A cat sat down"), List.of("paris", "Paris"), List.of("apple"), List.of("the"), List.of("no"));
    assertEquals(Map.of("exact_match", 0.2), TextScore.named("exact_match").of(answers, references));
    assertEquals(Map.of("exact_match_squad", 0.6), TextScore.named("exact_match_squad").of(answers, references));
    assertEquals((2 / 3.0 + 1 + 1 + 1 + 0) / 5, TextScore.named("f1").of(answers, references).get("f1"), 1e-12);
  }

  @Test
  void whatCannotBeCompared() {
    TextScore.all().values().forEach(score -> {
      assertTrue(assertThrows(ConfigException.class, () -> score.of(List.of(), List.of())).getMessage().contains("one at least"));
      assertTrue(assertThrows(ConfigException.class, () -> score.of(List.of("a", "b"), List.of(List.of("a"), List.of()))).getMessage()
          .contains("answer 2 has no reference"));
    });
    assertTrue(assertThrows(ConfigException.class, () -> TextScore.named("meteor")).getMessage().contains("there are exact_match"));
  }
}
