package io.github.lora4j.tokenizer.internal.regex;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegexTest {

  private static List<String> matches(String pattern, String string) {
    List<String> found = new ArrayList<>();
    Text text = Text.of(string);
    Regex.of(pattern).split(text, 0, text.length(), (from, to, match) -> {
      if (match) {
        found.add(text.string(from, to));
      }
    });
    return found;
  }

  /** Where both read an expression alike, Java's engine finds the same matches, on texts of few letters so that much is tried twice. */
  @ParameterizedTest
  @ValueSource(strings = {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|"
      + "\\s++\\z|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      "(a|ab)(c|bcd)?", "(?:ab?)*?b", "a*?b+", "(?>a+|b)ab", "a?+ab", "(?<=a)b|(?<!a)c", "(?<=ab|c)a",
      "(?=ab)a|(?!ab)a+", "(a*)*b", "(?:a|b|ab)+c", "\\Aa|b\\z",
      "[a-c&&[^b]]+", "[^a[bc]]", "(?:|a)+b", "a{2,3}?b", "(?:ab){2}", "(?i)A[b]", "x|", "\\w+\\b.", "(?:a+b?)+c"})
  void javaFindsTheSame(String pattern) {
    Pattern theirs = Pattern.compile(pattern, Pattern.UNICODE_CHARACTER_CLASS);
    Random random = new Random(5);
    String letters = "aabbccAB12 \n'.s\u00e9\u4f60";
    for (int i = 0; i < 3000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(14); n > 0; n--) {
        text.append(letters.charAt(random.nextInt(letters.length())));
      }
      List<String> expected = new ArrayList<>();
      Matcher matcher = theirs.matcher(text);
      // Java takes an empty match right behind another one.
      int last = -1;
      while (matcher.find()) {
        if (matcher.end() > matcher.start() || matcher.start() != last) {
          expected.add(matcher.group());
        }
        last = matcher.end();
      }
      assertEquals(expected, matches(pattern, text.toString()), () -> pattern + " on '" + text + "'");
    }
  }

  /** Oniguruma's Ruby syntax where it differs from Java's. */
  @Test
  void rubySyntax() {
    assertEquals(List.of("a", "c"), matches("^.", "ab\ncd\n"));
    assertEquals(List.of("b", "d"), matches(".$", "ab\ncd\n"));
    assertEquals(List.of("aaaa"), matches("(?:a{2})+", "aaaaa"));
    assertEquals(List.of("aaaaa"), matches("a{2,3}+", "aaaaa"));
    assertEquals(List.of("f0", "A"), matches("\\h+", "f0gA"));
    assertEquals(List.of("a\nb"), matches("(?m)a.b", "a\nb"));
    assertEquals(List.of("a{,b"), matches("a{,b", "a{,b"));
    assertEquals(List.of("aa"), matches("a{,2}", "aa"));
    assertEquals(List.of("ab"), matches("(?x) a  b # no", "ab"));
    assertEquals(List.of("A", "b"), matches("(?i)a|B", "Ab"));
    assertEquals(List.of("!"), matches("(?i)[^a-z]", "aZ!"));
    assertEquals(List.of("\ud83d\ude00"), matches("\\x{1F600}", "x\ud83d\ude00"));
    assertEquals(List.of("]"), matches("[]]", "a]"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '~', value = {"(a~(", "a)~)", "[a~too soon", "*a~repeats nothing",
      "a{3,2}~repeats from 3 to 2", "a{2000}~1000", "(?P=x)~unknown kind",
      "\\1~\\1", "(a)\\k<1>~\\k", "\\p{Klingon}~Klingon", "[z-a]~go up", "(?<=a*)b~without a bound", "^*~takes no text", "\\~too soon"})
  void whatIsWrongIsSaid(String pattern, String what) {
    String message = assertThrows(FormatException.class, () -> Regex.of(pattern)).getMessage();
    assertTrue(message.contains(what), message);
  }

  @Test
  void sizesAreLimited() {
    assertThrows(FormatException.class, () -> Regex.of("a".repeat(10_000_000)));
    assertThrows(FormatException.class, () -> Regex.of("(".repeat(5000) + ")".repeat(5000)));
    assertThrows(FormatException.class, () -> Regex.of("[".repeat(5000)));
    assertThrows(FormatException.class, () -> Regex.of("(?:(?:(?:a{1000}){1000}){1000})"));
  }

  /** Neither a stack nor time without end is used on texts that expressions were made for, or made against. */
  @Test
  void longTexts() {
    assertEquals(1, matches("(?:a|b)*", "ab".repeat(300_000)).size());
    assertEquals(2, matches("\\s+(?!\\S)|\\s+|x", " ".repeat(500_000) + "x").size() - 1);
    String message = assertThrows(ConfigException.class, () -> matches("(a+)+$", "a".repeat(40) + "b")).getMessage();
    assertTrue(message.contains("(a+)+$") && message.contains("steps"), message);
  }
}
