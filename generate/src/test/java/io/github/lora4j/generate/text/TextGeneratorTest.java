package io.github.lora4j.generate.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.TinyLlama;
import io.github.lora4j.generate.chat.ChatSession;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Text in and out: pieces, stop strings, vocabularies that do not fit, conversations. */
final class TextGeneratorTest {

  private static final GenerationConfig TWENTY = GenerationSettings.of(Map.of("max_new_tokens", 20, "temperature", 1.2, "seed", 5));
  private static final ChatTemplate TEMPLATE = ChatTemplate.of(
      "{% for m in messages %}{{ m.role[0] }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}a:{% endif %}", "test");

  private static Backend cpu() {
    return new CpuBackend(KernelProvider.select("auto"), new Workers(2));
  }

  private record Open(Backend backend, Generator generator, TextGenerator text, TinyLlama llama) implements AutoCloseable {
    static Open of(Path directory, int vocabulary) throws IOException {
      TinyLlama llama = TinyLlama.write(directory, w -> w, vocabulary);
      Tokenizer tokenizer = ByteTokenizer.write(directory);
      Backend backend = cpu();
      try (Checkpoint files = Checkpoint.open(directory)) {
        Generator generator = Generator.open(llama.model(), files, GeneratorOptions.of(llama.model().architecture()).room(3, TinyLlama.CONTEXT),
            backend);
        return new Open(backend, generator, new TextGenerator(generator, tokenizer, ModelDirectory.open(directory)), llama);
      }
    }

    @Override
    public void close() {
      generator.close();
      backend.close();
    }
  }

  @Test
  void piecesAreTheText(@TempDir Path directory) throws IOException {
    try (Open open = Open.of(directory, 300)) {
      List<StringBuilder> heard = List.of(new StringBuilder(), new StringBuilder(), new StringBuilder(), new StringBuilder());
      List<Completion> answers = open.text.complete(List.of(open.text.request("Bär", TWENTY, ""), open.text.request("", TWENTY, ""),
          open.text.request("one two", TWENTY, ""), open.text.request("🐻", TWENTY, "")), (sequence, text) ->
              heard.get(sequence.ordinal()).append(text));
      for (int i = 0; i < answers.size(); i++) {
        Completion answer = answers.get(i);
        assertEquals(heard.get(i).toString(), answer.text());
        assertEquals(FinishReason.LENGTH, answer.reason());
        assertTrue(Arrays.stream(answer.sequence().generated()).allMatch(id -> id < ByteTokenizer.SIZE), "words that the tokenizer has");
        assertEquals(open.text.continuation(answer.sequence().request(), answer.sequence().generated()), answer.text());
      }
      assertEquals(List.of(1), answers.get(1).sequence().request().prompt(), "nothing to continue begins with the beginning");
    }
  }

  @Test
  void aStopStringEndsAnAnswerWhereItBegins(@TempDir Path directory) throws IOException {
    try (Open open = Open.of(directory, ByteTokenizer.SIZE)) {
      GenerationConfig ascii = GenerationSettings.of(Map.of("max_new_tokens", 20, "suppress_tokens",
          java.util.stream.IntStream.range(0, ByteTokenizer.SIZE)
          .filter(id -> id < 98 || id > 123).boxed().toList()));
      String free = open.text.complete(List.of(open.text.request("hello", ascii, "")), TextListener.NONE).getFirst().text();
      assertEquals(20, free.length(), "letters alone");
      String stop = free.substring(7, 10);
      Map<String, Object> settings = Map.of("max_new_tokens", 20, "suppress_tokens", ascii.tokens().suppressed(), "stop_strings",
          List.of(stop, stop + "x"));
      List<String> pieces = new ArrayList<>();
      Completion answer = open.text.complete(List.of(open.text.request("hello", GenerationSettings.of(settings), "")), (sequence, text) ->
          pieces.add(text)).getFirst();
      assertEquals(free.substring(0, free.indexOf(stop)), answer.text());
      assertEquals(answer.text(), String.join("", pieces));
      assertEquals(FinishReason.STOP_STRING, answer.reason());
      assertEquals(FinishReason.STOP_STRING, answer.sequence().finished().orElseThrow());
    }
  }

  @Test
  void aTokenWithoutAnEmbeddingIsAnError(@TempDir Path directory) throws IOException {
    try (Open open = Open.of(directory, 100)) {
      String message = assertThrows(FormatException.class, () -> open.text.request("xyz", TWENTY, "")).getMessage();
      assertTrue(message.contains("the tokenizer's token \"x\" has the id 121, but config.json gives the embedding 100 rows"), message);
    }
  }

  @Test
  void anEmptyPromptNeedsABeginning(@TempDir Path directory) throws IOException {
    try (Open open = Open.of(directory, ByteTokenizer.SIZE)) {
      Path config = directory.resolve("config.json");
      Files.writeString(config, Files.readString(config).replace("\"bos_token_id\": 1, ", ""));
      TextGenerator without = new TextGenerator(open.generator, open.text.tokenizer(), ModelDirectory.open(directory));
      assertTrue(assertThrows(ConfigException.class, () -> without.request("", TWENTY, "")).getMessage().contains("no bos_token_id"));
    }
  }

  @Test
  void aConversationGoesOn(@TempDir Path directory) throws IOException {
    TinyLlama llama = TinyLlama.write(directory, w -> w, ByteTokenizer.SIZE);
    Tokenizer tokenizer = ByteTokenizer.write(directory);
    GenerationConfig six = GenerationSettings.of(Map.of("max_new_tokens", 6));
    try (Backend backend = cpu(); Checkpoint files = Checkpoint.open(directory); AdapterSet set = llama.adapters("one");
        Generator generator = Generator.open(llama.model(), files, set,
            GeneratorOptions.of(llama.model().architecture()).room(2, TinyLlama.CONTEXT), backend)) {
      TextGenerator text = new TextGenerator(generator, tokenizer, ModelDirectory.open(directory));
      try (ChatSession chat = new ChatSession(text, TEMPLATE, Map.of())) {
        chat.system("be kind");
        Completion first = chat.say("hi", six, TextListener.NONE);
        assertEquals("s:be kind;u:hi;a:", tokenizer.decode(ints(first.sequence().request().prompt())));
        Completion second = chat.say("and", six, TextListener.NONE);
        assertEquals("s:be kind;u:hi;a:" + first.text() + ";u:and;a:", tokenizer.decode(ints(second.sequence().request().prompt())));
        assertEquals(4, chat.messages().size());
        chat.adapter(AdapterSet.BASE);
        assertThrows(ConfigException.class, () -> chat.say("x".repeat(TinyLlama.CONTEXT), six, TextListener.NONE));
        assertEquals(4, chat.messages().size(), "what failed was not said");
        chat.reset();
        Completion base = chat.say("hi", six, TextListener.NONE);
        assertFalse(base.text().equals(first.text()), "without the adapter");
        chat.adapter("one");
        chat.reset();
        assertEquals(first.text(), chat.say("hi", six, TextListener.NONE).text());
        Completion stopped = chat.say("stop", six, (sequence, piece) -> chat.stop());
        assertEquals(FinishReason.CANCELLED, stopped.reason());
        assertEquals(stopped.text(), chat.messages().getLast().path("content").asText());
      }
      assertEquals(0, generator.sequences().size());
    }
  }

  private static int[] ints(List<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }
}
