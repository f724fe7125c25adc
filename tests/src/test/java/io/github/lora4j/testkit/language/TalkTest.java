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

/** {@code lora4j chat} and {@code lora4j generate} with what a run has begun to learn by heart. */
class TalkTest {

  @TempDir
  private static Path dir;

  private static Path model;
  private static Path run;

  @BeforeAll
  static void train() throws IOException {
    model = TinyLlama.copyTo(dir.resolve("model"));
    Path chats = Files.writeString(dir.resolve("chats.jsonl"), """
        {"messages": [{"role": "user", "content": "What is the capital of France?"}, {"role": "assistant", "content": "Paris."}]}
        {"messages": [{"role": "user", "content": "How many legs has a spider?"}, {"role": "assistant", "content": "Eight."}]}
        """);
    run = dir.resolve("run");
    InProcess trained = InProcess.run("train", "--model", model, "--output", run, "--task", "chat", "--data.train", chats, "--max_steps", 120,
        "--optimizer.learning_rate", "2e-2", "--optimizer.schedule", "constant", "--batch_size", 2, "--adapter.r", 8, "--adapter.lora_alpha", 16,
        "--adapter.target_modules=all-linear", "--threads", 1);
    assertEquals(0, trained.code(), trained.output());
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

  @Test
  void anAdapterAnswersAndTheBaseDoesNot() {
    InProcess said = chat("What is the capital of France?\n/adapter base\nWhat is the capital of France?\n/adapter adapter\n/reset\nHow many legs "
        + "has a spider?\n",
        "chat", "--model", run, "--max-new-tokens", 8);
    assertEquals(0, said.code(), said.output());
    String[] parts = said.output().split("in use: base");
    assertTrue(parts[0].contains("Paris"), said.output());
    assertFalse(parts[1].split("in use: adapter")[0].contains("Paris"), said.output());
    assertTrue(parts[1].split("in use: adapter")[1].contains("Eig"), said.output());
  }

  @Test
  void anotherTemplateThanTheAdaptersIsRefused() throws IOException {
    Path other = Files.writeString(dir.resolve("other.jinja"),
        "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}");
    InProcess said = chat("hello\n", "chat", "--model", run, "--chat-template", other);
    assertEquals(2, said.code(), said.output());
    assertTrue(said.output().contains("adapter 'adapter' was trained with another chat template, of SHA-256"), said.output());
    InProcess without = chat("hello\n", "chat", "--model", model, "--chat-template", other, "--max-new-tokens", 2);
    assertEquals(0, without.code(), without.output());
  }

  @Test
  void anAdapterOfPlainPromptsDoesNotConverse() throws IOException {
    Path bare = TinyLlama.copyTo(dir.resolve("bare"));
    Files.delete(bare.resolve("chat_template.jinja"));
    Path rows = Files.writeString(dir.resolve("plain.jsonl"), "{\"prompt\": \"What is it? \", \"completion\": \"A test.\"}\n");
    Path plain = dir.resolve("plain");
    InProcess trained = InProcess.run("train", "--model", bare, "--output", plain, "--task", "chat", "--chat_template", "none", "--data.train", rows,
        "--max_steps", 1, "--batch_size", 1, "--adapter.target_modules=all-linear", "--threads", 1);
    assertEquals(0, trained.code(), trained.output());
    InProcess said = chat("hello\n", "chat", "--model", plain);
    assertEquals(2, said.code(), said.output());
    assertTrue(said.output().contains("was trained on plain prompts and answers"), said.output());
  }

  @Test
  void textsAreContinuedSideBySide() {
    InProcess said = InProcess.run("generate", "--model", run, "--prompt", "What is", "--prompt", "Paris", "--max-new-tokens", 4, "--compare",
        "--json");
    assertEquals(0, said.code(), said.output());
    assertEquals(4, said.output().lines().filter(line -> line.startsWith("{")).count(), said.output());
    InProcess unknown = InProcess.run("generate", "--model", run, "--prompt", "What is", "--adapter", "other=" + dir.resolve("nowhere"));
    assertEquals(3, unknown.code(), unknown.output());
    assertTrue(unknown.output().contains("nowhere"), unknown.output());
  }
}
