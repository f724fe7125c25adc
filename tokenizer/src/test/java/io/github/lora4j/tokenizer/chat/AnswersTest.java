package io.github.lora4j.tokenizer.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is said by whom: answers, origins of characters and lost contents, for templates of all shapes. */
class AnswersTest {

  private static final String CHATML = """
      {% for m in messages %}
      {{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}
      {%- endfor %}
      {% if add_generation_prompt %}<|im_start|>assistant
      {% endif %}
      """;
  private static final String TALK = "[{'role':'user','content':'Hi'},{'role':'assistant','content':'Hello you'},{'role':'user','content':'Why?'},"
      + "{'role':'assistant','content':'So.'}]";

  private static Chat chat(String messages) {
    try {
      List<JsonNode> list = new ArrayList<>();
      new ObjectMapper().readTree(messages.replace('\'', '"')).forEach(list::add);
      return Chat.of(list);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static List<String> answers(String template, Chat chat, boolean lineBreak) {
    Rendered rendered = ChatTemplate.of(template, "t").render(chat);
    return rendered.answers(lineBreak).stream().map(a -> a.message() + ":" + rendered.text().substring(a.start(), a.end())).toList();
  }

  @Test
  void fromTheHeaderToTheEndOfTurn() {
    assertEquals(List.of("1:Hello you<|im_end|>\n", "3:So.<|im_end|>\n"), answers(CHATML, chat(TALK), true));
    assertEquals(List.of("1:Hello you<|im_end|>", "3:So.<|im_end|>"), answers(CHATML, chat(TALK), false));
  }

  @Test
  void aHeaderInTheUsersTurn() {
    String mistral = "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}</s>{% endif %}"
        + "{% endfor %}";
    assertEquals(List.of("1: Hello you</s>", "3: So.</s>"), answers(mistral, chat(TALK), true));
  }

  @Test
  void withoutAGenerationPrompt() {
    String plain = "{% for m in messages %}### {{ m.role|capitalize }}:\\n{{ m.content|trim }}</s>\\n\\n{% endfor %}".replace("\\n", "\n");
    assertEquals(List.of("1:Hello you</s>\n\n", "3:So.</s>\n\n"), answers(plain, chat(TALK), true));
  }

  @Test
  void loopsOverIndicesMacrosAndCollectedText() {
    String indices = "{% for i in range(messages|length) %}{% set m = messages[i] %}<{{ m.role }}>{{ m.content }}<e>{% endfor %}";
    String macro = "{% macro turn(m) %}<{{ m.role }}>{{ m.content }}<e>{% endmacro %}{% for m in messages %}{{ turn(m) }}{% endfor %}";
    String collected = "{% set ns = namespace(s='') %}{% for m in messages %}"
        + "{% set ns.s = ns.s ~ '<' ~ m.role ~ '>' ~ m.content ~ '<e>' %}{% endfor %}{{ ns.s }}";
    String rebuilt = "{% set ns = namespace(l=[]) %}{% for m in messages %}"
        + "{% set ns.l = ns.l + [{'role': m.role, 'content': m.content|trim}] %}{% endfor %}"
        + "{% for m in ns.l %}<{{ m.role }}>{{ m.content }}<e>{% endfor %}";
    for (String template : List.of(indices, macro, collected, rebuilt)) {
      assertEquals(List.of("1:Hello you<e>", "3:So.<e>"), answers(template, chat(TALK), true), template);
    }
  }

  @Test
  void thoughtsAndToolCallsAreTheAssistants() {
    String template = """
        {%- for m in messages %}
        {{- '<' + m.role + '>' }}
        {%- if m.reasoning_content %}{{ '<think>' + m.reasoning_content + '</think>' }}{% endif %}
        {%- if m.content %}{{ m.content }}{% endif %}
        {%- for c in m.tool_calls or [] %}{{ '<call>' + c.function | tojson + '</call>' }}{% endfor %}
        {{- '<e>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{ '<assistant>' }}{% endif %}""";
    Chat chat = chat("[{'role':'user','content':'Hi'},{'role':'assistant','content':null,'reasoning_content':'Hm','tool_calls':"
        + "[{'function':{'name':'f','arguments':{'x':1}}}]},{'role':'tool','content':'1'},{'role':'assistant','content':''}]");
    assertEquals(List.of("1:<think>Hm</think><call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</call><e>", "3:<e>"), answers(template, chat, true));
    assertEquals(List.of(), ChatTemplate.of(template, "t").render(chat).missing());
  }

  @Test
  void everyCharacterKnowsItsOrigin() {
    Rendered rendered = ChatTemplate.of("!{% for m in messages %}<{{ m.role }}>{{ m.content|upper }}{% endfor %}?", "t").render(chat(TALK));
    assertEquals("!<user>HI<assistant>HELLO YOU<user>WHY?<assistant>SO.?", rendered.text());
    assertEquals(-1, rendered.message(0));
    assertTrue(rendered.literal(1));
    assertEquals(0, rendered.message(1));
    assertEquals("role", rendered.field(2));
    int hello = rendered.text().indexOf("HELLO");
    assertEquals(1, rendered.message(hello));
    assertEquals("content", rendered.field(hello));
    assertFalse(rendered.literal(hello));
    assertEquals(-1, rendered.message(rendered.text().length() - 1));
  }

  @Test
  void lostContents() {
    Chat chat = chat("[{'role':'system','content':' Be kind. '},{'role':'assistant','content':'<think>So so</think>Yes'}]");
    Rendered rendered = ChatTemplate.of("{% for m in messages[1:] %}{{ m.content.split('</think>')[-1] }}{% endfor %}", "t").render(chat);
    assertEquals(List.of(new Missing(0, "content", "Be kind."), new Missing(1, "content", "<think>So so</think>")), rendered.missing());
    assertEquals(List.of(), ChatTemplate.of("{{ messages|tojson }}", "t").render(chat(TALK)).missing());
  }

  @Test
  void oddConversations() {
    Chat first = chat("[{'role':'assistant','content':'Hello'},{'role':'user','content':'x'}]");
    assertEquals(List.of("0:Hello<|im_end|>\n"), answers(CHATML, first, true));
    assertEquals(List.of(), answers(CHATML, chat("[{'role':'user','content':'a'},{'role':'user','content':'b'}]"), true));
    assertEquals(List.of(), answers(CHATML, chat("[]"), true));
    String message = assertThrows(FormatException.class, () -> answers(CHATML, chat("[{'role':'assistant','content':null}]"), true)).getMessage();
    assertEquals("t, line 2: can only concatenate str (not \"NoneType\") to str", message);
    assertThrows(ConfigException.class, () -> answers(CHATML, Chat.of(List.of(IntNode.valueOf(1))), true));
  }

  @Test
  void refusalsKeepTheTemplatesWords() {
    String message = assertThrows(ConfigException.class,
        () -> ChatTemplate.of("\n{{ raise_exception('Roles must alternate') }}", "t").render(chat(TALK))).getMessage();
    assertEquals("t, line 2: the template refuses the conversation: Roles must alternate", message);
  }

  @Test
  void aDateMustBeGiven() {
    String message = assertThrows(ConfigException.class, () -> ChatTemplate.of("{{ strftime_now('%Y') }}", "t").render(chat("[]"))).getMessage();
    assertTrue(message.contains("date"), message);
  }

  @Test
  void theLastMessageGoesOn() {
    Chat chat = chat(TALK).withEnding(Chat.Ending.CONTINUE_FINAL_MESSAGE);
    Rendered rendered = ChatTemplate.of(CHATML, "t").render(chat);
    assertTrue(rendered.text().endsWith("<|im_start|>assistant\nSo."), rendered.text());
    assertEquals(3, rendered.answers().getLast().message());
    assertThrows(ConfigException.class, () -> ChatTemplate.of("nothing", "t").render(chat));
    assertThrows(ConfigException.class, () -> ChatTemplate.of(CHATML, "t").render(Chat.of(List.of()).withEnding(chat.ending())));
  }

  @Test
  void argumentsOfToolCallsAsText() {
    Chat chat = chat("[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':'{}'}}]}]");
    String template = "{{ messages[0].tool_calls[0].function.arguments|tojson }}";
    assertEquals("\"{}\"", ChatTemplate.of(template, "t").render(chat).text());
    assertEquals("{}", ChatTemplate.of(template, "t").render(chat.withParsedArguments()).text());
    Chat broken = chat("[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':'{x'}}]}]");
    String message = assertThrows(FormatException.class, broken::withParsedArguments).getMessage();
    assertTrue(message.startsWith("message 0: the arguments of the tool call f"), message);
  }

  @Test
  void variablesAndSpecialTokens() {
    Chat chat = chat("[]").withSpecialTokens(Map.of("bos_token", "<s>")).withVariable("enable_thinking", TextNode.valueOf("x"));
    String template = "{{ bos_token }}{{ enable_thinking }}{{ add_generation_prompt }}{{ tools is none }}";
    assertEquals("<s>xFalseTrue", ChatTemplate.of(template, "t").render(chat).text());
    assertThrows(ConfigException.class, () -> ChatTemplate.of("", "t").render(chat.withVariable("messages", TextNode.valueOf(""))));
  }
}
