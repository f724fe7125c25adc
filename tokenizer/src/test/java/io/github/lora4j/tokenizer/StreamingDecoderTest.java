package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamingDecoderTest {

  private static final List<String> TOKENS = List.of("<s>", "a", "b</w>", "\u2581c", "\u2581", "<0xE4>", "<0xBD>", "<0xA0>", "<0x41>", " ", "h",
      "\u00c3", "##d", ".", "\ud83d\ude00", "|");

  @TempDir Path directory;

  private Tokenizer load(String decoder) throws IOException {
    ObjectNode root = TinyVocabulary.MAPPER.createObjectNode();
    TinyVocabulary.added(root.putArray("added_tokens"), 0, "<s>", false, false, false, false, true);
    root.set("decoder", TinyVocabulary.parse(decoder));
    ObjectNode model = root.putObject("model").put("type", "WordLevel").put("unk_token", "<s>");
    ObjectNode vocab = model.putObject("vocab");
    TOKENS.stream().distinct().forEach(token -> vocab.put(token, vocab.size()));
    return Tokenizer.load(TinyVocabulary.write(directory, root));
  }

  private static List<String> stream(Tokenizer tokenizer, String... tokens) {
    StreamingDecoder stream = tokenizer.streaming();
    List<String> parts = new ArrayList<>();
    for (String token : tokens) {
      parts.add(stream.next(tokenizer.id(token)));
    }
    parts.add(stream.finish());
    return parts;
  }

  /** Text comes as soon as it is certain, and not before. */
  @Test
  void whenTextIsCertain() throws IOException {
    String llama = "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'\u2581'},'content':' '},{'type':'ByteFallback'},"
        + "{'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]}";
    // One space at the beginning is taken away. Bytes are text only if all of their row are: another might follow.
    assertEquals(List.of("", "c", "", "", "", "\u4f60a", ""), stream(load(llama), "<s>", "\u2581c", "<0xE4>", "<0xBD>", "<0xA0>", "a"));
    assertEquals(List.of("", "", "\ufffd\ufffd"), stream(load(llama), "<0xE4>", "<0xBD>"));
    assertEquals(List.of("a", " ", " c", ""), stream(load(llama), "a", "\u2581", "\u2581c"));
    // What ends a word is a space unless it ends the text.
    assertEquals(List.of("b", " a", ""), stream(load("{'type':'BPEDecoder','suffix':'</w>'}"), "b</w>", "a"));
    assertEquals(List.of("b", ""), stream(load("{'type':'BPEDecoder','suffix':'</w>'}"), "b</w>"));
    assertEquals(List.of("a", "d", ".", ""), stream(load("{'type':'WordPiece','prefix':'##','cleanup':true}"), "a", "##d", "."));
    // Spaces before the end may be stripped.
    assertEquals(List.of("a", "", " a", "", ""), stream(load("{'type':'Sequence','decoders':[{'type':'Fuse'},{'type':'Strip','content':' ','start':0,"
        + "'stop':1}]}"), "a", " ", "a", " "));
    assertEquals(List.of("h", "", " ", ""), stream(load("{'type':'CTC','pad_token':'a','word_delimiter_token':'|','cleanup':true}"), "h", "h", "|"));
    // Two bytes of GPT-2's alphabet are one character.
    assertEquals(List.of("", "\ufffda", ""), stream(load("{'type':'ByteLevel'}"), "\u00c3", "a"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "{'type':'ByteLevel'}", "{'type':'Metaspace','replacement':'\u2581','prepend_scheme':'first'}",
      "{'type':'BPEDecoder','suffix':'</w>'}", "{'type':'Sequence','decoders':[{'type':'ByteFallback'},{'type':'Fuse'},"
      + "{'type':'Strip','content':'a','start':2,'stop':2}]}", "{'type':'CTC','pad_token':'a','word_delimiter_token':'|','cleanup':false}",
      "{'type':'Strip','content':'h','start':1,'stop':1}"})
  void partsAreTheWhole(String decoder) throws IOException {
    Tokenizer tokenizer = load(decoder);
    Random random = new Random(2);
    for (int i = 0; i < 500; i++) {
      int[] ids = random.ints(random.nextInt(9), 0, tokenizer.vocabSize()).toArray();
      for (boolean skip : new boolean[] {true, false}) {
        StreamingDecoder stream = tokenizer.streaming(skip);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
          text.append(stream.next(id));
        }
        assertEquals(tokenizer.decode(ids, skip), text.append(stream.finish()).toString());
      }
    }
  }

  @Test
  void wrongUse() throws IOException {
    StreamingDecoder stream = load("null").streaming();
    assertThrows(ConfigException.class, () -> stream.next(999));
    stream.finish();
    assertThrows(IllegalStateException.class, () -> stream.next(1));
  }
}
