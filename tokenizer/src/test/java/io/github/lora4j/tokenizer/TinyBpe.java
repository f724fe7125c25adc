package io.github.lora4j.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** Makes byte-level BPE files in the shape of RoBERTa's and GPT-2's, of the bytes and a few hundred merges. */
final class TinyBpe {

  static final List<String> ROBERTA = List.of("<s>", "<pad>", "</s>", "<unk>", "<mask>");
  static final List<String> GPT2 = List.of("<|endoftext|>");

  private TinyBpe() {}

  /** A byte as GPT-2 writes it. */
  static String character(int value) {
    boolean second = value >= 0x7F && value <= 0xA0;
    return Character.toString(value <= ' ' ? 0x100 + value : second ? 0x121 + value - 0x7F : value == 0xAD ? 0x143 : value);
  }

  /** Merges learned from texts as a whole, so that many reach over the words' ends: where words are split shows in the pieces. */
  static List<List<String>> learned(int count, List<String> texts) {
    List<List<String>> sequences = new ArrayList<>();
    for (String text : texts) {
      List<String> sequence = new ArrayList<>();
      for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
        sequence.add(character(b & 0xFF));
      }
      sequences.add(sequence);
    }
    List<List<String>> merges = new ArrayList<>();
    while (merges.size() < count) {
      Map<List<String>, Integer> counts = new HashMap<>();
      for (List<String> sequence : sequences) {
        for (int i = 0; i + 1 < sequence.size(); i++) {
          counts.merge(List.of(sequence.get(i), sequence.get(i + 1)), 1, Integer::sum);
        }
      }
      int most = counts.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
      List<String> best = counts.keySet().stream().filter(pair -> counts.get(pair) == most).min((a, b) -> String.join(" ", a)
          .compareTo(String.join(" ", b))).orElseThrow();
      merges.add(best);
      sequences.replaceAll(sequence -> merged(sequence, best));
    }
    return merges;
  }

  private static List<String> merged(List<String> sequence, List<String> pair) {
    List<String> out = new ArrayList<>();
    for (String token : sequence) {
      if (!out.isEmpty() && token.equals(pair.get(1)) && out.getLast().equals(pair.get(0))) {
        out.set(out.size() - 1, pair.get(0) + pair.get(1));
      } else {
        out.add(token);
      }
    }
    return out;
  }

  /** Merges of a letter, a digit, a sign, a line feed and a space with every byte: whether they are one word with it shows. */
  static List<List<String>> probing() {
    List<List<String>> merges = new ArrayList<>();
    for (char first : "a1.\n ".toCharArray()) {
      for (int b = 0; b < 256; b++) {
        merges.add(List.of(character(first), character(b)));
      }
    }
    return merges;
  }

  static List<String> tokens(List<String> special, List<List<String>> merges) {
    LinkedHashSet<String> tokens = new LinkedHashSet<>(special);
    for (int b = 0; b < 256; b++) {
      tokens.add(character(b));
    }
    merges.forEach(pair -> tokens.add(String.join("", pair)));
    return List.copyOf(tokens);
  }

  /** A tokenizer.json as roberta-base has it: RobertaProcessing, and a mask token that takes the spaces before it. */
  static ObjectNode roberta(List<List<String>> merges, boolean prefixSpace, boolean trim) {
    ObjectNode root = json(ROBERTA, merges, prefixSpace);
    ObjectNode processor = root.putObject("post_processor").put("type", "RobertaProcessing");
    processor.putArray("sep").add("</s>").add(2);
    processor.putArray("cls").add("<s>").add(0);
    processor.put("trim_offsets", trim).put("add_prefix_space", prefixSpace);
    return root;
  }

  /** A tokenizer.json as GPT-2 has it: no type of the model, merges with a space between, no special tokens put around. */
  static ObjectNode gpt2(List<List<String>> merges, boolean prefixSpace, boolean trim) {
    ObjectNode root = json(GPT2, merges, prefixSpace);
    root.putObject("post_processor").put("type", "ByteLevel").put("add_prefix_space", true).put("trim_offsets", trim);
    ObjectNode model = (ObjectNode) root.get("model");
    model.remove("type");
    ArrayNode list = model.putArray("merges");
    merges.forEach(pair -> list.add(String.join(" ", pair)));
    return root;
  }

  private static ObjectNode json(List<String> special, List<List<String>> merges, boolean prefixSpace) {
    ObjectNode root = TinyVocabulary.MAPPER.createObjectNode().put("version", "1.0");
    ArrayNode added = root.putArray("added_tokens");
    for (int i = 0; i < special.size(); i++) {
      boolean mask = special.get(i).equals("<mask>");
      TinyVocabulary.added(added, i, special.get(i), false, mask, false, !mask, true);
    }
    root.putObject("pre_tokenizer").put("type", "ByteLevel").put("add_prefix_space", prefixSpace).put("trim_offsets", true);
    root.putObject("decoder").put("type", "ByteLevel").put("add_prefix_space", true).put("trim_offsets", true);
    ObjectNode model = root.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token")
        .put("continuing_subword_prefix", "").put("end_of_word_suffix", "").put("fuse_unk", false);
    ObjectNode vocab = model.putObject("vocab");
    tokens(special, merges).forEach(token -> vocab.put(token, vocab.size()));
    ArrayNode list = model.putArray("merges");
    merges.forEach(pair -> list.addArray().add(pair.get(0)).add(pair.get(1)));
    return root;
  }

  /** The same tokens as vocab.json and merges.txt. */
  static void files(Path directory, List<String> special, List<List<String>> merges) throws IOException {
    ObjectNode vocab = TinyVocabulary.MAPPER.createObjectNode();
    tokens(special, merges).forEach(token -> vocab.put(token, vocab.size()));
    Files.write(directory.resolve("vocab.json"), TinyVocabulary.MAPPER.writeValueAsBytes(vocab));
    List<String> lines = new ArrayList<>(List.of("#version: 0.2"));
    merges.forEach(pair -> lines.add(String.join(" ", pair)));
    Files.write(directory.resolve("merges.txt"), lines);
  }
}
