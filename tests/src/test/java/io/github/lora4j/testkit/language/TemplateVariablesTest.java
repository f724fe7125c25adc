package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.cli.InProcess;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Variables of a chat template and the day that it prints: in recipes, in what an adapter remembers, and in a chat with it. */
class TemplateVariablesTest {

  @TempDir
  private static Path dir;

  private static Path model;
  private static Path chats;

  @BeforeAll
  static void files() throws IOException {
    model = TinyLlama.copyTo(dir.resolve("model"));
    Files.writeString(model.resolve("chat_template.jinja"), """
        {{ strftime_now('%Y') }}{% for m in messages %}<|im_start|>{{ m.role }}
        {% if m.role == 'assistant' and enable_thinking is defined and not enable_thinking %}(no thought){% endif %}{{ m.content }}<|im_end|>
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
        {% if enable_thinking is defined and not enable_thinking %}(no thought){% endif %}{% endif %}""");
    chats = Files.writeString(dir.resolve("chats.jsonl"), """
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
        """);
  }

  private static InProcess data(Object... more) {
    Object[] all = new Object[5 + more.length];
    System.arraycopy(new Object[] {"data", chats, "--model", model, "--set=template_date=2026-07-26"}, 0, all, 0, 5);
    System.arraycopy(more, 0, all, 5, more.length);
    return InProcess.run(all);
  }

  private static String text(InProcess data) {
    assertEquals(0, data.code(), data.output());
    return data.output().replaceAll("\\x1B\\[\\d*m", "").replaceAll("[«» ]", "");
  }

  @Test
  void recipesSetThem() {
    assertFalse(text(data()).contains("thought"));
    String without = text(data("--set=chat_template_kwargs={enable_thinking: false}"));
    assertTrue(without.contains("nothought") || without.contains("noĠthought"), without);
    InProcess unread = data("--set=chat_template_kwargs={enable_thinkin: false}");
    assertEquals(2, unread.code(), unread.output());
    assertTrue(unread.output().contains("the chat template does not read enable_thinkin"), unread.output());
    InProcess given = data("--set=chat_template_kwargs={messages: []}");
    assertEquals(2, given.code(), given.output());
    assertTrue(given.output().contains("messages comes from the data"), given.output());
    InProcess list = data("--set=chat_template_kwargs=[1]");
    assertEquals(2, list.code(), list.output());
    assertTrue(list.output().contains("chat_template_kwargs must be names with values"), list.output());
    InProcess undated = InProcess.run("data", chats, "--model", model);
    assertEquals(2, undated.code(), undated.output());
  }

  @Test
  void anAdapterRemembersThem() throws IOException {
    Path run = dir.resolve("run");
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), """
        model: %s
        output: %s
        task: chat
        data: {train: %s}
        chat_template_kwargs: {enable_thinking: false}
        template_date: 2026-07-26
        adapter: {r: 4, target_modules: all-linear}
        max_steps: 2
        batch_size: 1
        samples: 0
        """.formatted(model, run, chats));
    InProcess trained = InProcess.run("train", recipe);
    assertEquals(0, trained.code(), trained.output());
    assertTrue(Files.readString(run.resolve("adapter/task.json")).replaceAll("\\s",
        "").contains("\"chat_template_kwargs\":{\"enable_thinking\":false}"));
    assertTrue(Files.readString(run.resolve("recipe.yaml")).contains("enable_thinking: false"));
    InProcess eval = InProcess.run("eval", run, "--data.eval", chats);
    assertTrue(eval.code() == 0 || eval.output().contains("data.eval"), eval.output());
    InProcess same = chat("Hi\n", "chat", "--model", run, "--max-new-tokens", 2);
    assertEquals(0, same.code(), same.output());
    assertFalse(same.output().contains("was trained with"), same.output());
    InProcess other = chat("Hi\n", "chat", "--model", run, "--max-new-tokens", 2, "--chat-template-kwargs", "{enable_thinking: true}",
        "--template-date",
        "2026-08-01");
    assertEquals(0, other.code(), other.output());
    assertTrue(other.output().contains("note: adapter 'adapter' was trained with chat_template_kwargs: {enable_thinking=false}, here they are "
        + "{enable_thinking=true}"), other.output());
    assertTrue(other.output().contains("note: adapter 'adapter' was trained with template_date: 2026-07-26, here it is 2026-08-01"), other.output());
    InProcess unread = chat("Hi\n", "chat", "--model", run, "--chat-template-kwargs", "{thinking: true}");
    assertEquals(2, unread.code(), unread.output());
    InProcess broken = chat("Hi\n", "chat", "--model", run, "--chat-template-kwargs", "thinking");
    assertEquals(2, broken.code(), broken.output());
  }

  private static InProcess chat(String typed, Object... arguments) {
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)));
      return InProcess.run(arguments);
    } finally {
      System.setIn(before);
    }
  }
}
