package io.github.lora4j.tokenizer.chat.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class NeedleTest {

  @Test
  void findsWhatStringsOwnSearchFinds() {
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < 20_000; i++) {
      String text = text(random, random.nextInt(120));
      int from = random.nextInt(text.length() + 1);
      String wanted = random.nextInt(3) == 0 ? text(random, random.nextInt(40)) : text.substring(from, random.nextInt(from, text.length() + 1));
      Needle needle = new Needle(wanted);
      assertEquals(text.indexOf(wanted, from), needle.first(text, from), text + " from " + from + ": " + wanted);
      assertEquals(text.substring(0, from).lastIndexOf(wanted), needle.last(text, from), text + " to " + from + ": " + wanted);
    }
  }

  private static String text(SplittableRandom random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(random.nextInt(8) == 0 ? 'b' : 'a');
    }
    return text.toString();
  }
}
