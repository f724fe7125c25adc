package io.github.lora4j.inference.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.tokenizer.chat.ChatTemplate;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Calls of tools in what models write. */
class ToolFormTest {

  private static ToolForm of(String template) {
    return ToolForm.of(ChatTemplate.of(template, "template"));
  }

  private static final ToolForm HERMES = of("{{ '<tool_call>' }}");
  private static final ToolForm LLAMA = of("{{ '{\"name\": function name, \"parameters\": {}}' }}{{ 'ipython' }}");

  @Test
  void formsAreKnownByTheirTemplates() {
    assertEquals(ToolForm.TAGGED, HERMES);
    assertEquals(ToolForm.JSON, LLAMA);
    assertEquals(ToolForm.NONE, of("{{ messages }}"));
  }

  @Test
  void callsBetweenTagsAreRead() {
    ToolForm.Parts parts = HERMES.read("Let me see.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>\n"
        + "<tool_call>{\"name\": \"time\", \"arguments\": \"{}\"}</tool_call>");
    assertEquals("Let me see.", parts.content());
    assertEquals(List.of(new ToolForm.ToolCall("weather", "{\"city\":\"Bern\"}"), new ToolForm.ToolCall("time", "{}")), parts.calls());
    assertEquals(1, HERMES.read("<tool_call>{\"name\": \"f\"}").calls().size(), "the end tag may be missing");
  }

  @Test
  void whatDoesNotReadAsACallStaysText() {
    for (String text : List.of("<tool_call>{\"name\": </tool_call>", "<tool_call>[]</tool_call>", "<tool_call>{\"name\": 3}</tool_call>", "no call",
        "")) {
      assertEquals(new ToolForm.Parts(text, List.of()), HERMES.read(text));
    }
    for (String text : List.of("{\"name\": 3}", "{", "text {\"name\": \"f\", \"parameters\": {}}", "{\"name\": \"f\"} and more")) {
      assertEquals(new ToolForm.Parts(text, List.of()), LLAMA.read(text));
    }
    assertEquals(new ToolForm.Parts("<tool_call>{\"name\": \"f\"}", List.of()), ToolForm.NONE.read("<tool_call>{\"name\": \"f\"}"));
  }

  @Test
  void aWholeAnswerMayBeACall() {
    ToolForm.Parts parts = LLAMA.read(" {\"name\": \"f\", \"parameters\": {\"x\": [1, 2.50]}}");
    assertEquals("", parts.content());
    assertEquals(List.of(new ToolForm.ToolCall("f", "{\"x\":[1,2.5]}")), parts.calls());
  }

  @Test
  void textIsHeldBackOnlyWhereACallMayBegin() {
    assertEquals(5, HERMES.held("Hello"));
    assertEquals(6, HERMES.held("Hello <tool"));
    assertEquals(6, HERMES.held("Hello <tool_call>{"));
    assertEquals(7, HERMES.held("a < b <") + 1);
    assertEquals(9, HERMES.held("<tool_box"));
    assertEquals(0, LLAMA.held(" {\"na"));
    assertEquals(0, LLAMA.held(" "));
    assertEquals(3, LLAMA.held("a {"));
  }
}
