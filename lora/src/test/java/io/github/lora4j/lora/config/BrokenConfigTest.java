package io.github.lora4j.lora.config;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.lora4j.lora.TestModels;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** However a config is broken, it loads or it is a {@link Lora4jException} with a message that names it. */
class BrokenConfigTest {

  @TempDir
  Path temp;
  private Path directory;
  private String text;

  @BeforeEach
  void save() throws IOException {
    directory = temp.resolve("adapter");
    LoraAdapter adapter = new LoraMethod().create(LoraConfig.builder().taskType(TaskType.SEQ_CLS).r(2).rankPattern(Map.of("query", 1))
        .build(),
        TestModels.bert());
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      PeftFormat.save(directory, adapter, values);
    }
    text = Files.readString(directory.resolve(PeftFormat.CONFIG));
  }

  @Test
  void bytesAtRandom() throws IOException {
    Random random = new Random(11);
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      int length = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : bytes.length;
      refused += load(java.util.Arrays.copyOf(bytes, length)) ? 0 : 1;
    }
    assertTrue(refused > 300, "only " + refused + " were refused: is anything being broken?");
  }

  @Test
  void everyKeyWithEveryKindOfValue() throws IOException {
    List<String> keys = new ArrayList<>(new LinkedHashMap<>(PeftFormat.config(directory)).keySet());
    List<String> values = List.of("null", "true", "-1", "0", "3.5", "1e999", "99999999999999999999", "\"\"", "\"(\"", "\"all-linear\"",
        "[]", "[null]", "[[1]]",
        "[\"\", 3]", "{}", "{\"(\": 1}", "{\"query\": null}", "{\"query\": 1e30}", "[\"" + "x".repeat(3000) + "\"]", "{\"a\": {\"b\": []}}",
            "1000000");
    int refused = 0;
    for (String key : keys) {
      for (String value : values) {
        String changed = text.replaceFirst("(?s)\"" + key + "\": (\\{.*?}|\\[.*?]|[^,\\n]*)",
            java.util.regex.Matcher.quoteReplacement("\"" + key + "\": " + value));
        refused += load(changed.getBytes(StandardCharsets.UTF_8)) ? 0 : 1;
      }
    }
    assertTrue(refused > 200, "only " + refused);
  }

  @Test
  void documentsThatAreNoConfig() throws IOException {
    for (String document : List.of("", " ", "null", "[]", "3", "\"x\"", "{", "{}", "{\"peft_type\": null}", "{\"peft_type\": 3}", text
        + text, text.replace("{", "{\"r\": 1,"),
        "[".repeat(100_000), "{\"a\":".repeat(1000), "\uFEFF" + text)) {
      boolean loaded = load(document.getBytes(StandardCharsets.UTF_8));
      assertTrue(!loaded, document.length() > 100 ? document.substring(0, 100) : document);
    }
    assertTrue(!load(text.getBytes(StandardCharsets.UTF_16)));
    assertTrue(!load(new byte[17 << 20]));
  }

  private boolean load(byte[] config) throws IOException {
    Files.write(directory.resolve(PeftFormat.CONFIG), config);
    try {
      PeftFormat.load(directory, TestModels.bert()).close();
      return true;
    } catch (Lora4jException e) {
      assertTrue(e.getMessage() != null && e.getMessage().length() > 10, "no message");
      assertTrue(e.getMessage().length() < 20_000, "a message of " + e.getMessage().length());
      return false;
    } catch (RuntimeException | StackOverflowError e) {
      return fail("of config " + new String(config, 0, Math.min(3000, config.length), StandardCharsets.UTF_8), e);
    }
  }
}
