package io.github.lora4j.generate.text;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;

/** A tokenizer of bytes, as GPT-2's without merges: id 0 begins a text, id 1 + b is byte b. */
public final class ByteTokenizer {

  /** Ids are below it. */
  public static final int SIZE = 257;

  private ByteTokenizer() {}

  /** Writes tokenizer.json and loads it. */
  public static Tokenizer write(Path directory) throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode root = json.createObjectNode().put("version", "1.0");
    root.putArray("added_tokens").addObject().put("id", 0).put("content", "<s>").put("special", true).put("single_word", false).put("lstrip", false)
        .put("rstrip", false).put("normalized", false);
    root.putNull("normalizer").putNull("post_processor");
    root.putObject("pre_tokenizer").put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", true);
    root.putObject("decoder").put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", true);
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.putNull("dropout").putNull("unk_token").putNull("continuing_subword_prefix").putNull("end_of_word_suffix").put("fuse_unk", false);
    ObjectNode vocabulary = model.putObject("vocab").put("<s>", 0);
    int others = 0;
    for (int b = 0; b < 256; b++) {
      boolean shown = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      vocabulary.put(String.valueOf((char) (shown ? b : 256 + others++)), 1 + b);
    }
    model.putArray("merges");
    Path file = directory.resolve("tokenizer.json");
    json.writeValue(file.toFile(), root);
    return Tokenizer.load(file);
  }
}
