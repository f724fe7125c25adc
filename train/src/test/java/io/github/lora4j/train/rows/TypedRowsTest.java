package io.github.lora4j.train.rows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows in the formats that people bring, from every kind of file. */
class TypedRowsTest {

  @TempDir
  private Path dir;

  private static DataSpec spec(String format, List<String> columns, List<String> roles) {
    return new DataSpec(Optional.of(format).filter(f -> !f.isEmpty()), "text", Optional.empty(), Optional.empty(), 0,
        Optional.of(new DataSpec.Typed(columns, roles)));
  }

  private List<Row> read(String name, String content) throws IOException {
    return DataFile.read(Files.writeString(dir.resolve(name), content), spec("", List.of(), List.of()));
  }

  private TypedRow one(String json) throws IOException {
    return read("one.jsonl", json + "\n").getFirst().typed().orElseThrow();
  }

  private String refused(String json) {
    return assertThrows(FormatException.class, () -> one(json)).getMessage();
  }

  @ParameterizedTest
  @CsvSource(delimiter = ';', value = {
      "PREFERENCE; {\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\", \"label\": 1, \"completion\": \"c\"}",
      "KTO; {\"prompt\": \"p\", \"completion\": \"c\", \"label\": true, \"messages\": []}",
      "PROMPT_COMPLETION; {\"prompt\": \"p\", \"completion\": \"c\", \"messages\": []}",
      "MESSAGES; {\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"conversations\": [], \"text\": \"t\"}",
      "SHAREGPT; {\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}], \"instruction\": \"i\", \"output\": \"o\"}",
      "ALPACA; {\"instruction\": \"i\", \"output\": \"o\", \"text\": \"t\"}",
      "TEXT; {\"text\": \"t\"}"})
  void theFirstFormatThatFitsIsTaken(RowFormat expected, String json) throws IOException {
    assertEquals(expected, one(json).format());
  }

  @Test
  void whatIsNotUsedIsKnown() throws IOException {
    assertEquals(List.of("id", "source"), one("{\"id\": 3, \"text\": \"t\", \"source\": null}").unused());
  }

  @Test
  void messagesKeepWhatTemplatesNeed() throws IOException {
    TypedRow row = one("""
        {"messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": [{"type": "text", "text": "a"},
          {"type": "text", "text": "b"}]},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
          "function": {"name": "f", "arguments": "{\\"x\\": [1]}"}}]},
          {"role": "tool", "tool_call_id": "1", "content": "2"}, {"role": "assistant", "content": "no", "weight": 0},
          {"role": "assistant", "content": "yes", "weight": 1.0, "reasoning_content": "r"}], "tools": [{"type": "function"}]}""".replace("\n", ""));
    Content.Conversation of = assertInstanceOf(Content.Conversation.class, row.content());
    List<Message> messages = of.messages();
    assertEquals(List.of("developer", "user", "assistant", "tool", "assistant", "assistant"), messages.stream().map(Message::role).toList());
    assertEquals("ab", messages.get(1).content());
    assertEquals("", messages.get(2).content());
    Map<?, ?> call = (Map<?, ?>) ((List<?>) messages.get(2).fields().get("tool_calls")).getFirst();
    assertEquals(Map.of("name", "f", "arguments", Map.of("x", List.of(1))), call.get("function"), "JSON text becomes an object");
    assertEquals("1", messages.get(3).fields().get("tool_call_id"));
    assertEquals(0, messages.get(4).weight());
    assertTrue(messages.get(5).weight() == 1 && !messages.get(5).fields().containsKey("weight"));
    assertEquals("r", messages.get(5).fields().get("reasoning_content"));
    assertEquals(List.of(Map.of("type", "function")), of.tools());
  }

  @Test
  void shareGptHasOtherNames() throws IOException {
    TypedRow row = one("""
        {"system": "s", "conversations": [{"from": "human", "value": "h"},
          {"from": "function_call", "value": "{\\"name\\": \\"f\\", \\"arguments\\": {}}"},
          {"from": "observation", "value": "o"}, {"from": "gpt", "value": "g"}]}""".replace("\n", ""));
    List<Message> messages = ((Content.Conversation) row.content()).messages();
    assertEquals(List.of("system", "user", "assistant", "tool", "assistant"), messages.stream().map(Message::role).toList());
    assertTrue(messages.get(2).fields().get("tool_calls").toString().contains("name=f"));
  }

  @Test
  void alpacaAsMessages() throws IOException {
    TypedRow row = one("{\"instruction\": \"Add\", \"input\": \"2 2\", \"output\": \"4\", \"history\": [[\"q\", \"a\"]], \"system\": \"s\"}");
    assertEquals(List.of(Message.of("system", "s"), Message.of("user", "q"), Message.of("assistant", "a"), Message.of("user", "Add\n2 2"),
        Message.of("assistant", "4")), ((Content.Instruction) row.content()).conversation().messages());
  }

  @Test
  void preferencesWithAndWithoutAPrompt() throws IOException {
    assertEquals(new Content.Preference(new Turns.Plain("The sky is"), new Turns.Plain(" blue."), new Turns.Plain(" green.")),
        one("{\"chosen\": \"The sky is blue.\", \"rejected\": \"The sky is green.\"}").content());
    Turns prompt = new Turns.Messages(List.of(Message.of("user", "Sky?")));
    Turns chosen = new Turns.Messages(List.of(Message.of("assistant", "Blue.")));
    Turns rejected = new Turns.Messages(List.of(Message.of("assistant", "Green.")));
    String good = "{\"role\": \"assistant\", \"content\": \"Blue.\"}";
    String bad = "{\"role\": \"assistant\", \"content\": \"Green.\"}";
    String sky = "{\"role\": \"user\", \"content\": \"Sky?\"}";
    Content expected = new Content.Preference(prompt, chosen, rejected);
    assertEquals(expected, one("{\"prompt\": \"Sky?\", \"chosen\": [%s, %s], \"rejected\": [%s, %s]}".formatted(sky, good, sky, bad)).content());
    assertEquals(expected, one("{\"prompt\": [%s], \"chosen\": [%s], \"rejected\": [%s]}".formatted(sky, good, bad)).content());
    assertEquals(expected,
        one(("{\"conversations\": [{\"from\": \"human\", \"value\": \"Sky?\"}], \"chosen\": {\"from\": \"gpt\", \"value\": \"Blue.\"}, "
        + "\"rejected\": {\"from\": \"gpt\", \"value\": \"Green.\"}}")).content());
    assertTrue(refused("{\"chosen\": \"a\", \"rejected\": \"b\"}").contains("must begin with the same text"));
    assertTrue(refused("{\"chosen\": [%s, %s], \"rejected\": [%s, %s]}".formatted(sky, good, sky, good)).contains("are the same"));
    assertTrue(refused("{\"prompt\": \"p\", \"chosen\": [%s], \"rejected\": \"b\"}".formatted(good)).contains("one of \"chosen\" and \"rejected\" "
        + "is text"));
  }

  @Test
  void judgedAnswers() throws IOException {
    assertEquals(new Content.Verdict(new Turns.Plain("p"), new Turns.Plain("c"), false),
        one("{\"prompt\": \"p\", \"completion\": \"c\", \"label\": false}").content());
    Content.Verdict of = (Content.Verdict) one(("{\"messages\": [{\"role\": \"user\", \"content\": \"p\"}, {\"role\": \"assistant\", \"content\": "
        + "\"c\"}], \"kto_tag\": true}")).content();
    assertEquals(new Turns.Messages(List.of(Message.of("assistant", "c"))), of.answer());
    assertTrue(of.good());
    assertTrue(refused("{\"prompt\": \"p\", \"completion\": \"c\", \"label\": \"maybe\"}").contains("\"label\" must be true or false, got maybe"));
  }

  @Test
  void everyKindOfFile() throws IOException {
    String rows = "[{\"prompt\": \"a\", \"completion\": \"b\"},\n {\"prompt\": \"c\", \"completion\": \"d\"}]";
    List<Content> expected = List.of(new Content.Answer(new Turns.Plain("a"), new Turns.Plain("b")),
        new Content.Answer(new Turns.Plain("c"), new Turns.Plain("d")));
    assertEquals(expected, contents(read("a.json", rows)));
    assertEquals(expected, contents(read("a.csv", "prompt,completion\n\"a\",b\nc,\"d\"\n")));
    assertEquals(expected, contents(read("a.tsv", "completion\tprompt\nb\ta\nd\tc\n")));
    for (String name : List.of("a.json", "a.csv", "a.tsv")) {
      Path packed = dir.resolve(name + ".gz");
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
        out.write(Files.readAllBytes(dir.resolve(name)));
      }
      assertEquals(expected, contents(DataFile.read(packed, spec("", List.of(), List.of()))), name);
    }
    assertEquals(List.of(new Content.Text("one\n\ntwo\n")), contents(read("a.txt", "\uFEFFone\n\ntwo\n")));
    Path broken = Files.writeString(dir.resolve("b.jsonl.gz"), "{}");
    assertTrue(assertThrows(FormatException.class, () -> DataFile.read(broken, spec("", List.of(), List.of()))).getMessage().contains("gzip"));
    String inCsv = "messages\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"a\"\"}]\"\n";
    assertEquals(1, ((Content.Conversation) contents(read("m.csv", inCsv)).getFirst()).messages().size());
  }

  private static List<Content> contents(List<Row> rows) {
    return rows.stream().map(row -> row.typed().orElseThrow().content()).toList();
  }

  @Test
  void namesOfOnesOwn() throws IOException {
    Path file = Files.writeString(dir.resolve("own.jsonl"),
        "{\"dialog\": [{\"role\": \"narrator\", \"content\": \"n\"}]}\n", StandardCharsets.UTF_8);
    DataSpec spec = spec("", List.of("messages=dialog"), List.of("narrator=assistant"));
    assertTrue(((Content.Conversation) contents(DataFile.read(file, spec)).getFirst()).messages().getFirst().ofAssistant());
    String message = assertThrows(FormatException.class, () -> DataFile.read(file, spec("", List.of("messages=dialog"), List.of()))).getMessage();
    assertTrue(message.contains("line 1") && message.contains("unknown role \"narrator\"") && message.contains("data.roles: [narrator=assistant]"),
        message);
    message = assertThrows(FormatException.class, () -> DataFile.read(file, spec("", List.of("messages=talk"), List.of()))).getMessage();
    assertTrue(message.contains("no \"talk\", which data.columns names"), message);
    message = assertThrows(ConfigException.class, () -> spec("", List.of("messages"), List.of())).getMessage();
    assertTrue(message.contains("data.columns: expected NAME=COLUMN"), message);
  }

  @Test
  void whatIsWrongIsSaidWithItsPlace() {
    assertTrue(refused("{\"mesages\": []}").matches("(?s).*one\\.jsonl, line 1: the columns \\[mesages\\] are of no known format; nearest is "
        + "messages.*"),
        refused("{\"mesages\": []}"));
    assertTrue(refused("{\"promt\": \"a\", \"completions\": \"b\"}").contains("nearest is prompt_completion (prompt, completion)"));
    assertTrue(refused("{\"text\": \"a\"}\n{\"txt\": \"b\"}").contains("line 2: no \"text\", which rows of text need"));
    assertTrue(refused("{\"messages\": []}").contains("\"messages\" has no messages"));
    assertTrue(refused("{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"weight\": -0.5}]}").contains(
        "message 1 of \"messages\": \"weight\" must be 0 (not learnt) or a number from 0.001 to 1000.0, got -0.5"));
    assertTrue(refused("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}").contains("parts of type \"image_url\""));
    assertTrue(refused("{\"messages\": [{\"role\": \"assistant\", \"content\": null}]}").contains("neither content nor tool_calls"));
    assertTrue(refused("{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"{x\"}}]}]}")
        .contains("\"arguments\" is not valid JSON"));
    assertTrue(refused("{\"messages\": [\"a\"]}").contains("message 1 of \"messages\" must be an object, got a"));
  }
}
