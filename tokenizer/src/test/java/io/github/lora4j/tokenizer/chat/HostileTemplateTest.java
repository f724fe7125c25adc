package io.github.lora4j.tokenizer.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that would run for ever, or fill the memory, are stopped and told why; what is outside the subset is named with its line. */
class HostileTemplateTest {

  @ParameterizedTest
  @CsvSource(delimiter = '#', quoteCharacter = '`', value = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %} # steps",
      "{% for a in range(10**9) %}{% endfor %} # range of more than 100000",
      "{{ range(10**30)|list }} # range of more than 100000",
      "{{ 'a' * 10**9 }} # characters",
      "{{ 'a' * 10**30 }} # characters",
      "{{ [1] * 10**9 }} # steps",
      "{{ 'x'.center(10**9) }} # characters",
      "{{ '%999999999d' % 1 }} # characters",
      "{{ ''.zfill(999999999) }} # characters",
      "{% set ns = namespace(x='ab') %}{% for a in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %} # characters|steps",
      "{% set ns = namespace(x='ab') %}{% for a in range(64) %}{% set ns.x = ns.x.replace('b', 'abab') %}{% endfor %} # characters|steps",
      "{% set ns = namespace(x=[1]) %}{% for a in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %} # steps",
      "{% set ns = namespace(x=[1]) %}{% for a in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }} # characters|steps",
      "{% set ns = namespace(x=[1]) %}{% for a in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }} # characters|steps",
      "{% set ns = namespace(x=[1], y=[1]) %}{% for a in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}"
          + "{{ ns.x == ns.y }} # steps",
      "{% set ns = namespace(x=[]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }} # levels deep",
      "{% set ns = namespace(x=[]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }} # levels deep",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }} # levels deep",
      "{% macro f(n) %}{% call f(n) %}x{% endcall %}{% endmacro %}{{ f(1) }} # levels deep",
      "{% macro f(n) %}{{ f(n)|upper ~ f(n) }}{% endmacro %}{{ f(1) }} # levels deep",
      "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }} # steps",
      "{{ 9**(9**9) }} # bits",
      "{{ (2**9999) * (2**9999) }} # bits",
      "{% for a in range(99999) %}{{ 'abcdefghijklmnopqrstuvwxyz' * 99999 }}{% endfor %} # characters|steps",
      "{% for a in range(99999) %}{% set x = ('a' * 999999)[1:] %}{% endfor %} # steps",
      "{% for a in range(99999) %}{% set x = ('a b ' * 99999).split() %}{% endfor %} # steps",
      "{% for a in range(99999) %}{% set x = range(99999)|list|sort %}{% endfor %} # steps",
      "{% for a in range(99999) %}{% set x = 'y' in 'a' * 999999 %}{% endfor %} # steps",
      "{{ ('a' * 9999)|indent('b' * 9999999) }}{{ ('\\n' * 9999)|indent('b' * 99999, blank=true) }} # characters|steps",
      "{{ ('a' * 99999)|join('b' * 99999) }} # characters|steps",
      "{% for a in range(99999) %}{{ ('a' * 9999) in ('a' * 9998 + 'b') * 99 }}{% endfor %} # steps",
      "{% for a in range(99999) %}{{ (('a' * 9998 + 'b') * 99).rfind('b' + 'a' * 9999) }}{% endfor %} # steps",
      "{% for a in range(99999) %}{{ (('a' * 9998 + 'b') * 99).count('a' * 9999) }}{% endfor %} # steps",
      "{% for a in range(99999) %}{% set x = (('a' * 9998 + 'b') * 99).rsplit('b' + 'a' * 9999) %}{% endfor %} # steps",
      "{% for a in range(99999) %}{% set x = (('a' * 9998 + 'b') * 99).replace('a' * 9999, '') %}{% endfor %} # steps",
      "{% for a in range(99999) %}{% set x = ('x' * 999999).strip('a' * 999999 + 'x') %}{% endfor %} # steps",
      "{{ [[1]]|tojson(indent='b' * 9999999) }}{{ [[1]]|tojson(indent='b' * 9999999) }} # characters|steps",
  })
  void stops(String source, String limit) {
    String message = assertTimeoutPreemptively(Duration.ofMinutes(5),
        () -> assertThrows(FormatException.class, () -> ChatTemplate.of(source, "chat_template.jinja").render(Chat.of(List.of()))).getMessage());
    assertTrue(message.startsWith("chat_template.jinja, line 1: the template "), message);
    assertTrue(List.of(limit.split("\\|")).stream().anyMatch(message::contains), message);
  }

  @Test
  void deepSource() {
    for (String open : new String[] {"(", "[", "{1:", "not ", "-", "(not -", "{'a':["}) {
      String source = "{{ " + open.repeat(50_000);
      assertThrows(FormatException.class, () -> ChatTemplate.of(source, "t"));
    }
    assertThrows(FormatException.class, () -> ChatTemplate.of("{% if true %}".repeat(50_000), "t"));
    for (String chain : new String[] {" + 1", ".a", "|string", "[0]", "()", " and 1", " if 1", " is string"}) {
      assertThrows(FormatException.class, () -> ChatTemplate.of("{{ 1" + chain.repeat(50_000) + " }}", "t"));
    }
  }

  @Test
  void smallLimits() {
    Chat chat = Chat.of(List.of());
    String source = "{% for i in range(10) %}{{ i }}{% endfor %}";
    assertEquals("0123456789", ChatTemplate.of(source, "t").render(chat).text());
    assertTrue(assertThrows(FormatException.class, () -> ChatTemplate.of(source, "t", new Limits(20, 10, 10)).render(chat)).getMessage()
        .contains("more than 20 steps"));
    assertTrue(assertThrows(FormatException.class, () -> ChatTemplate.of(source, "t", new Limits(1000, 10, 9)).render(chat)).getMessage()
        .contains("more than 9 characters"));
    assertThrows(ConfigException.class, () -> new Limits(0, 1, 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{% include 'a' %}", "{% extends 'a' %}", "{% import 'a' as b %}", "{% do x.append(1) %}", "{{ x|urlize }}",
      "{{ x is escaped }}", "{% block a %}{% endblock %}", "{% trans %}a{% endtrans %}", "{{ f(*x) }}",
      "{% for a in b recursive %}{% endfor %}", "{{ x[1, 2] }}"})
  void outsideTheSubset(String construct) {
    String message = assertThrows(FormatException.class, () -> ChatTemplate.of("\n\n" + construct, "t")).getMessage();
    assertTrue(message.matches("t, line 3: .* is outside the subset of Jinja that is supported"), message);
  }

  @Test
  void changingAListIsRefused() throws Exception {
    Chat chat = Chat.of(List.of(new ObjectMapper().readTree("{\"role\": \"user\", \"content\": \"a\"}")));
    String message = assertThrows(FormatException.class, () -> ChatTemplate.of("\n{{ messages.append(1) }}", "t").render(chat)).getMessage();
    assertEquals("t, line 2: access to attribute 'append' of 'list' object is unsafe", message);
  }
}
