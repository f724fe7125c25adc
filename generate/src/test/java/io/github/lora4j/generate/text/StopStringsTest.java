package io.github.lora4j.generate.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Stop strings across the borders of pieces. */
final class StopStringsTest {

  private static String run(StopStrings stops, String... pieces) {
    StringBuilder text = new StringBuilder();
    for (String piece : pieces) {
      text.append(stops.next(piece)).append('|');
    }
    return text + stops.finish();
  }

  @Test
  void textIsHeldBackOnlyWhileItMayBecomeAStopString() {
    assertEquals("one |t|wo||", run(new StopStrings(List.of("END")), "one ", "t", "wo", ""));
    assertEquals("a|| Ex|", run(new StopStrings(List.of(" END")), "a", " E", "x"));
    assertEquals("a||", run(new StopStrings(List.of(" END")), "a E", "ND and more"));
    assertEquals("a| E", run(new StopStrings(List.of(" END")), "a E"));
  }

  @Test
  void aStopStringThatBeginsAnotherEndsFirst() {
    StopStrings stops = new StopStrings(List.of("abcd", "ab"));
    assertEquals("x|||", run(stops, "xa", "b", "cd"));
    assertTrue(stops.found());
    assertEquals("x|", run(new StopStrings(List.of("bc", "abc")), "xabcd"), "both end at once: nothing of either is given");
  }

  /** A second implementation: the earliest end in the whole text. */
  @Test
  void cutsAnywhereAreTheSame() {
    Random random = new Random(5);
    List<String> words = List.of("aab", "ab", "ba", "bbb", "abab");
    for (int round = 0; round < 2000; round++) {
      List<String> stops = words.stream().filter(w -> random.nextInt(3) == 0).toList();
      String text = random.ints(12, 0, 3).mapToObj(i -> "abc".substring(i, i + 1)).reduce("", String::concat);
      StopStrings matcher = new StopStrings(stops);
      StringBuilder got = new StringBuilder();
      for (int at = 0; at < text.length();) {
        int end = Math.min(text.length(), at + 1 + random.nextInt(4));
        // One character at a time is what "first" means.
        for (; at < end; at++) {
          got.append(matcher.next(text.substring(at, at + 1)));
        }
      }
      got.append(matcher.finish());
      assertEquals(cut(text, stops), got.toString(), text + " " + stops);
    }
  }

  private static String cut(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      int from = end;
      for (String stop : stops) {
        if (text.substring(0, end).endsWith(stop)) {
          from = Math.min(from, end - stop.length());
        }
      }
      if (from < end) {
        return text.substring(0, from);
      }
    }
    return text;
  }

  @Test
  void withoutStopStringsNothingIsHeld() {
    StopStrings none = new StopStrings(List.of());
    assertEquals("a|b|", run(none, "a", "b"));
    assertFalse(none.found());
  }
}
