package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.cli.InProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is learnt where a template marks the assistant's words itself, and tokens that reach over the border of what is learnt. */
class MarksOfTemplatesTest {

  @TempDir
  private Path dir;

  private Path model;

  @BeforeEach
  void model() {
    model = TinyLlama.copyTo(dir.resolve("model"));
  }

  private String data(int code, String template, String rows, Object... more) throws IOException {
    Files.writeString(model.resolve("chat_template.jinja"), template);
    Path file = Files.writeString(dir.resolve("chats.jsonl"), rows);
    Object[] all = new Object[4 + more.length];
    System.arraycopy(new Object[] {"data", file, "--model", model}, 0, all, 0, 4);
    System.arraycopy(more, 0, all, 4, more.length);
    InProcess data = InProcess.run(all);
    assertEquals(code, data.code(), data.output());
    return data.output();
  }

  private static String learnt(String output) {
    StringBuilder text = new StringBuilder();
    for (String part : output.split("«")) {
      int end = part.indexOf('»');
      if (end >= 0 && !part.substring(0, end).isEmpty()) {
        text.append(part, 0, end);
      }
    }
    return text.toString().replace("¦", "").replace("Ġ", " ").replace("Ċ", "\\n");
  }

  private static final String TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
      + "{% if m.role == 'assistant' %}MARKED{% else %}{{ m.content }}<|im_end|>{% endif %}{{ '\\n' }}{% endfor %}";
  private static final String ROW = "{\"messages\": [{\"role\": \"user\", \"content\": \"What?\"}, {\"role\": \"assistant\", \"content\": \"The "
      + "bread.\"}, "
      + "{\"role\": \"user\", \"content\": \"Who?\"}, {\"role\": \"assistant\", \"content\": \"Paris.\", \"weight\": 0.5}]}\n";

  @Test
  void marksAreFollowed() throws IOException {
    String marked = data(0, TURNS.replace("MARKED", "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}"), ROW);
    assertTrue(learnt(marked).contains("The bread.<|im_end|>Paris.<|im_end|>") || learnt(marked).contains("Thebread.<|im_end|>Paris.<|im_end|>"),
        marked);
    assertTrue(marked.contains("marks ({% generation %}) leave out \"\\u000a\", which is a part of the assistant's turn; the marks are followed "
        + "(1 row)"), marked);
    String last = data(0, TURNS.replace("MARKED", "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}"), ROW, "--set=train_on=last");
    assertFalse(learnt(last).contains("bread"), last);
    assertTrue(learnt(last).contains("Paris.<|im_end|>"), last);
  }

  @Test
  void aTemplateWithoutMarksSaysNothingOfThem() throws IOException {
    String plain = data(0, TURNS.replace("MARKED", "{{ m.content }}<|im_end|>"), ROW);
    assertFalse(plain.contains("generation"), plain);
    assertTrue(learnt(plain).contains("bread.<|im_end|>\\n"), plain);
    assertTrue(plain.contains("tokens count from 0.5 to 1.0, by the weights of rows and messages"), plain);
  }

  @Test
  void othersWordsWithinTheMarksAreRefused() throws IOException {
    String refused = data(3, "{% for m in messages %}{% generation %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endgeneration %}\n{% "
        + "endfor %}", ROW);
    assertTrue(refused.contains("chats.jsonl, line 1: the chat template marks words of message 1, whose role is user, as the assistant's"), refused);
  }

  @Test
  void wordsOutsideOfTheMarksAreRefusedOrAllowed() throws IOException {
    String template = TURNS.replace("MARKED", "{{ m.content[:3] }}{% generation %}{{ m.content[3:] }}<|im_end|>{% endgeneration %}");
    String refused = data(3, template, ROW);
    assertTrue(refused.contains("line 1: the chat template leaves words of message 2 out of its marks") && refused.contains("\"The"), refused);
    String allowed = data(0, template, ROW, "--set=allow_lost_content=true");
    assertFalse(learnt(allowed).contains("The"), allowed);
    assertTrue(learnt(allowed).contains("bread.<|im_end|>"), allowed);
  }

  @Test
  void marksOfNothingAreRefused() throws IOException {
    String refused = data(3, TURNS.replace("MARKED", "{{ m.content }}<|im_end|>{% if false %}{% generation %}{% endgeneration %}{% endif %}"), ROW);
    assertTrue(refused.contains("chats.jsonl, line 1"), refused);
  }

  @Test
  void tokensOverTheBorderAreCountedAndShown() throws IOException {
    String output = data(0, TURNS.replace("MARKED", "h{{ m.content }}<|im_end|>"), ROW.replace("The bread.", "e bread."), "--stats");
    assertTrue(output.contains("1 training tokens hold characters that are learnt and others that are not, or less; each counts as its first "
        + "character does"),
        output);
    assertTrue(output.contains("1 straddling (¦)") && output.contains("he¦"), output);
    assertTrue(output.replaceAll(" +", " ").contains("straddling the border 1"), output);
  }
}
