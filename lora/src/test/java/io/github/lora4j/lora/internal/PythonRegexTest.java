package io.github.lora4j.lora.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PythonRegexTest {

  /** Expression, text, and what Python's re.fullmatch says. */
  @ParameterizedTest
  @CsvSource(delimiter = '~', textBlock = """
      .*\\.[13]\\.self_attn\\.(q|k)_proj  ~ model.layers.3.self_attn.k_proj ~ true
      .*\\.[13]\\.self_attn\\.(q|k)_proj  ~ model.layers.13.self_attn.k_proj ~ false
      q_proj                              ~ x.q_proj ~ false
      (?P<layer_idx>\\d+)\\.(?P=layer_idx) ~ 12.12   ~ true
      (?P<layer_idx>\\d+)\\.(?P=layer_idx) ~ 12.13   ~ false
      (?P<a>x)(?P<b>y)(?P=b)(?P=a)        ~ xyyx     ~ true
      (x)(?P<b>y)\\1                      ~ xyx      ~ true
      a{,2}                               ~ aa       ~ true
      a{,2}                               ~ aaa      ~ false
      [a[b]+                              ~ a[b      ~ true
      [a&&b]+                             ~ a&b      ~ true
      []a]+                               ~ a]       ~ true
      [^]a]+                              ~ b        ~ true
      [^]a]+                              ~ ]        ~ false
      (?i)QUERY                           ~ query    ~ true
      (?!.*head).*proj                    ~ head.proj ~ false
      query\\Z                            ~ query    ~ true
      a|b                                 ~ b        ~ true
      """)
  void meansWhatPythonMeans(String regex, String text, boolean matches) {
    assertEquals(matches, PythonRegex.compile(regex).fullMatch(text));
  }

  @Test
  void matchNeedNotReachTheEnd() {
    assertTrue(PythonRegex.compile("a.").match("abc"));
    assertEquals("7", PythonRegex.compile("(?:^|.*?\\.)", "layers|h", "\\.(?<idx>\\d+)\\.").matchGroup("h.7.x", "idx"));
    assertEquals("", PythonRegex.compile("x|(?<idx>", "a", ")").matchGroup("x", "idx"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"(", ")", "a)(b", "[a", "\\", "\\Q", "\\pL", "*", "(?P<", "(?P=x)", "(?(1)a|b)", "(?#x)", "a{2",
      "(?P<n>a)(?P=m)"})
  void whatCannotBeTranslatedIsAnError(String regex) {
    assertThrows(ConfigException.class, () -> PythonRegex.compile(regex));
  }

  @Test
  void hostileExpressionsEnd() {
    assertThrows(ConfigException.class, () -> PythonRegex.compile("(a+)+\\1b").fullMatch("a".repeat(60) + "c"));
    assertThrows(ConfigException.class, () -> PythonRegex.compile("x".repeat(20_000)));
    assertThrows(ConfigException.class, () -> PythonRegex.compile("(".repeat(9_999)));
    String deep = "(".repeat(4_900) + "a" + ")".repeat(4_900);
    try {
      assertTrue(PythonRegex.compile(deep).fullMatch("a"));
    } catch (ConfigException e) {
      // As deep as the thread's stack allows; beyond, an error like any other.
      assertTrue(e.getMessage().contains("regular expression"), e.getMessage());
    }
  }
}
