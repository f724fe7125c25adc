package io.github.lora4j.train.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Entities as seqeval counts them; the numbers were counted by hand from its rules. */
class EntitiesTest {

  private static List<List<String>> texts(String... labels) {
    return Arrays.stream(labels).map(text -> List.of(text.split(" "))).toList();
  }

  private static void counts(double precision, double recall, List<List<String>> right, List<List<String>> found) {
    Map<String, Double> measured = Entities.measured(right, found);
    assertEquals(precision, measured.get("entity_precision"), 1e-12);
    assertEquals(recall, measured.get("entity_recall"), 1e-12);
    assertEquals(precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall), measured.get("entity_f1"), 1e-12);
  }

  @Test
  void onlyWholeEntitiesAreFound() {
    // The example of seqeval's documentation: the longer entity's first word is missed, the other one is found.
    counts(0.5, 0.5, texts("O O O B-MISC I-MISC I-MISC O", "B-PER I-PER O"), texts("O O B-MISC I-MISC I-MISC I-MISC O", "B-PER I-PER O"));
    counts(0, 0, texts("B-PER I-PER"), texts("B-PER O"));
    counts(1, 0.5, texts("B-PER B-PER"), texts("B-PER O"));
    counts(0, 0, texts("O O"), texts("O O"));
  }

  @Test
  void whatGoesOnWhereNothingBeganBegins() {
    counts(1, 1, texts("B-LOC I-LOC O"), texts("I-LOC I-LOC O"));
    counts(1, 1, texts("B-LOC B-PER"), texts("I-LOC I-PER"));
    counts(0, 0, texts("B-LOC I-LOC"), texts("B-LOC B-LOC"));
  }

  @Test
  void endsAndSinglesCountToo() {
    counts(1, 1, texts("B-ORG I-ORG E-ORG S-PER"), texts("B-ORG I-ORG E-ORG S-PER"));
    counts(1, 1, texts("S-PER S-PER"), texts("B-PER B-PER"));
    counts(0.5, 1, texts("B-ORG E-ORG O"), texts("B-ORG E-ORG I-ORG"));
  }

  @Test
  void anEntityEndsWithItsText() {
    counts(0, 0, texts("B-PER", "O"), texts("O", "B-PER"));
    counts(1, 1, texts("B-PER", "I-PER"), texts("B-PER", "I-PER"));
  }

  @Test
  void otherLabelsAreNone() {
    assertTrue(Entities.are(List.of("B-PER", "I-PER", "O")));
    assertFalse(Entities.are(List.of("O")));
    assertFalse(Entities.are(List.of("NOUN", "VERB")));
    assertFalse(Entities.are(List.of("B-PER", "THING")));
  }
}
