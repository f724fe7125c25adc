package io.github.lora4j.tokenizer.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Templates and special tokens from the files of a model directory. */
class ChatTemplatesTest {

  @TempDir
  Path directory;

  private void write(String name, String text) throws IOException {
    Files.createDirectories(directory.resolve(name).getParent());
    Files.writeString(directory.resolve(name), text);
  }

  @Test
  void oneInTheConfig() throws IOException {
    write("tokenizer_config.json", """
        {"chat_template": "{{ bos_token }}", "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
         "add_bos_token": true, "pad_token": null}""");
    write("special_tokens_map.json", """
        {"eos_token": "other", "unk_token": {"content": "<unk>"}, "additional_special_tokens": ["<a>"]}""");
    ChatTemplates templates = ChatTemplates.load(directory);
    assertEquals(Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>"), templates.specialTokens());
    assertEquals("<s>", templates.choose(true).render(Chat.of(List.of()).withSpecialTokens(templates.specialTokens())).text());
  }

  @Test
  void namedOnes() throws IOException {
    write("tokenizer_config.json", """
        {"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"},
         {"name": "rag", "template": "{% include x %}"}]}""");
    ChatTemplates templates = ChatTemplates.load(directory);
    assertEquals(List.of("default", "tool_use", "rag"), List.copyOf(templates.names()));
    assertEquals("d", templates.choose(false).source());
    assertEquals("t", templates.choose(true).source());
    assertTrue(assertThrows(ConfigException.class, () -> templates.get("x")).getMessage().endsWith("named x, but default, tool_use, rag"));
    String message = assertThrows(FormatException.class, () -> templates.get("rag")).getMessage();
    String end = "tokenizer_config.json: chat_template rag, line 1: the statement include is outside the subset of Jinja that is supported";
    assertTrue(message.endsWith(end), message);
  }

  @Test
  void filesComeFirst() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": \"config\"}");
    assertEquals("config", ChatTemplates.load(directory).choose(false).source());
    write("chat_template.json", "{\"chat_template\": \"json\"}");
    assertEquals("json", ChatTemplates.load(directory).choose(false).source());
    write("chat_template.jinja", "jinja");
    write("additional_chat_templates/tool_use.jinja", "tools");
    write("additional_chat_templates/README.md", "no template");
    ChatTemplates templates = ChatTemplates.load(directory);
    assertEquals(List.of("default", "tool_use"), List.copyOf(templates.names()));
    assertEquals("jinja", templates.choose(false).source());
    assertEquals("tools", templates.choose(true).source());
  }

  @Test
  void noneAndBrokenOnes() throws IOException {
    ChatTemplates none = ChatTemplates.load(directory);
    assertTrue(assertThrows(ConfigException.class, () -> none.choose(false)).getMessage().contains("holds no chat template"));
    assertThrows(FormatException.class, () -> ChatTemplates.load(directory.resolve("missing")));
    write("tokenizer_config.json", "{\"chat_template\": 5}");
    assertTrue(assertThrows(FormatException.class, () -> ChatTemplates.load(directory)).getMessage().contains("chat_template should be a string"));
    write("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"a\", \"template\": \"x\"}, {\"name\": \"a\", \"template\": \"y\"}]}");
    String message = assertThrows(FormatException.class, () -> ChatTemplates.load(directory)).getMessage();
    assertTrue(message.contains("second template named a"), message);
    write("tokenizer_config.json", "{");
    assertThrows(FormatException.class, () -> ChatTemplates.load(directory));
  }
}
