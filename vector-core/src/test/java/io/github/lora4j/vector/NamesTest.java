package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NamesTest {

  @Test
  void distanceCountsInsertedDeletedAndReplacedCharacters() {
    assertEquals(3, Names.distance("kitten", "sitting"));
    assertEquals(4, Names.distance("", "rank"));
    assertEquals(0, Names.distance("rank", "rank"));
    assertEquals(500, Names.distance("x".repeat(700), "x".repeat(200)));
  }

  @Test
  void theNearestComesFirst() {
    List<String> known = List.of("lora_alpha", "lora_dropout", "r", "target_modules");
    assertEquals(List.of("lora_alpha", "lora_dropout"), Names.nearest("lora_alfa", known, 2));
    assertEquals(Optional.of("lora_alpha"), Names.meant("lora_alfa", known));
    assertEquals(Optional.empty(), Names.meant("something else entirely", known));
    assertEquals(Optional.empty(), Names.meant("r", List.of()));
  }

  @Test
  void aMessageTakesLittleTimeHoweverManyNamesThereAre() {
    List<String> many = Collections.nCopies(5_000_000, "y".repeat(4_000));
    assertTimeoutPreemptively(Duration.ofSeconds(20), () -> Names.nearest("x".repeat(1_000_000), many, 3));
  }

  @Test
  void listsAreCutShort() {
    assertEquals("", Names.list(List.of()));
    assertEquals("a, b", Names.list(List.of("a", "b")));
    assertEquals("0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 999,990 more", Names.list(IntStream.range(0, 1_000_000).boxed().toList()));
  }

  @Test
  void nothingActsOnATerminal() {
    assertEquals("a\\u001b[31mb\\u0007\\u000a\\u009b\\u202ec", Names.printable("a\u001b[31mb\u0007\n\u009b\u202ec"));
    assertEquals("größe 名前 \uD83D\uDE00 \\ud800", Names.printable("größe 名前 \uD83D\uDE00 \ud800"));
    assertEquals("x".repeat(300) + "… (1,000 characters)", Names.printable("x".repeat(1_000)));
    assertEquals("x".repeat(299) + "… (301 characters)", Names.printable("x".repeat(299) + "\uD83D\uDE00"));
    assertEquals("a\n\tb\\u000d", Names.printableLines("a\n\tb\r"));
  }

  @Test
  void norDoesAnErrorOrFillIt() {
    String message = new FormatException("tensor \u001b]0;owned\u0007" + "x".repeat(8_000_000) + ": broken\n").getMessage();
    assertTrue(message.startsWith("tensor \\u001b]0;owned\\u0007xxx"), message.substring(0, 60));
    assertTrue(message.length() < 30_000, () -> message.length() + " characters");
    assertEquals("two\nlines", new ConfigException("two\nlines").getMessage());
  }
}
