package io.github.lora4j.tokenizer.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a GGUF file says that Hugging Face's models have in tokenizer_config.json and generation_config.json. */
public final class GgufSettings {

  /** Special tokens by their keys; "seperator" is how the format spells it. */
  private static final Map<String, String> TOKENS = Map.of("bos_token_id", "bos_token", "eos_token_id", "eos_token", "unknown_token_id", "unk_token",
      "padding_token_id", "pad_token", "seperator_token_id", "sep_token", "cls_token_id", "cls_token", "mask_token_id", "mask_token");
  /** Tokens that end an answer in any model that has them: llama.cpp's list. Some files do not mark them as control tokens. */
  static final Set<String> ENDING = Set.of("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
      "<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>");
  private static final List<String> ENDS = List.of("eos_token_id", "eot_token_id", "eom_token_id");
  private static final String TEMPLATE = "tokenizer.chat_template";
  private static final String NAMES = "tokenizer.chat_templates";

  private GgufSettings() {}

  /** tokenizer_config.json: special tokens and chat templates. */
  public static ObjectNode tokenizer(Path file) {
    try (GgufFile gguf = GgufFile.open(file)) {
      GgufMetadata of = gguf.metadata();
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      List<String> tokens = of.has(GgufVocabulary.PREFIX + "tokens") ? of.texts(GgufVocabulary.PREFIX + "tokens") : List.of();
      TOKENS.forEach((key, name) -> {
        String id = GgufVocabulary.PREFIX + key;
        if (of.has(id) && of.whole(id) >= 0 && of.whole(id) < tokens.size()) {
          json.put(name, tokens.get((int) of.whole(id)));
        }
      });
      templates(of, json);
      return json;
    }
  }

  private static void templates(GgufMetadata of, ObjectNode json) {
    List<String> names = of.has(NAMES) ? of.texts(NAMES) : List.of();
    if (names.isEmpty()) {
      of.optionalText(TEMPLATE).ifPresent(text -> json.put("chat_template", text));
      return;
    }
    ArrayNode list = json.putArray("chat_template");
    of.optionalText(TEMPLATE).ifPresent(text -> list.addObject().put("name", "default").put("template", text));
    names.stream().filter(name -> !name.equals("default") || !of.has(TEMPLATE)).forEach(
        name -> list.addObject().put("name", name).put("template", of.text(TEMPLATE + "." + name)));
  }

  /** generation_config.json: the tokens that end an answer. */
  public static ObjectNode generation(Path file) {
    try (GgufFile gguf = GgufFile.open(file)) {
      GgufMetadata of = gguf.metadata();
      Set<Long> ids = new LinkedHashSet<>();
      ENDS.stream().map(key -> GgufVocabulary.PREFIX + key).filter(of::has).map(of::whole).filter(id -> id >= 0 && id < 0xFFFF_FFFFL).forEach(ids::add);
      List<String> tokens = of.has(GgufVocabulary.PREFIX + "tokens") ? of.texts(GgufVocabulary.PREFIX + "tokens") : List.of();
      for (int id = 0; id < tokens.size(); id++) {
        if (ENDING.contains(tokens.get(id))) {
          ids.add((long) id);
        }
      }
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      if (!ids.isEmpty()) {
        ArrayNode list = json.putArray("eos_token_id");
        ids.forEach(id -> list.add(id.intValue()));
      }
      return json;
    }
  }
}
