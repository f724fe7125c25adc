package io.github.lora4j.tokenizer.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a template writes is what a model learns: it does not depend on the digits of the user's locale. */
class OtherDigitsTest {

  private Locale before;

  @BeforeEach
  void setLocale() {
    before = Locale.getDefault(Locale.Category.FORMAT);
    Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("ar-EG-u-nu-arab"));
    assertEquals("\u0660\u0667", "%02d".formatted(7), "the locale's digits");
  }

  @AfterEach
  void resetLocale() {
    Locale.setDefault(Locale.Category.FORMAT, before);
  }

  private static String rendered(String template) {
    return ChatTemplate.of(template, "t").render(Chat.of(List.of()).withNow(LocalDateTime.of(2026, 7, 6, 5, 4, 3, 21_000))).text();
  }

  @Test
  void dates() {
    assertEquals("06 Jul 2026, 2026-07-06 05:04:03.000021, day 187,  6, 07/06/26",
        rendered("{{ strftime_now('%d %b %Y, %F %H:%M:%S.%f, day %j, %e, %D') }}"));
  }

  @Test
  void exponents() {
    assertEquals("1e+20 2.5e-07", rendered("{{ 1e20 }} {{ 2.5e-7 }}"));
    assertEquals("1.2346e+04 1e-07", rendered("{{ '%.4e' % 12345.678 }} {{ '%g' % 1e-7 }}"));
  }
}
