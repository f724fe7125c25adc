package io.github.lora4j.tokenizer.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.tokenizer.SettingsFiles;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.json.Inputs;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeSet;

/** See {@link io.github.lora4j.tokenizer.GgufTokens}. */
public final class GgufVocabularyKeys {

  private static final Map<String, String> BERT = Map.of("cls", "[CLS]", "sep", "[SEP]", "unk", "[UNK]", "pad", "[PAD]", "mask", "[MASK]");
  private static final Map<String, String> SPECIAL = new LinkedHashMap<>();

  static {
    SPECIAL.put("bos", "bos_token_id");
    SPECIAL.put("eos", "eos_token_id");
    SPECIAL.put("unk", "unknown_token_id");
    SPECIAL.put("sep", "seperator_token_id");
    SPECIAL.put("pad", "padding_token_id");
    SPECIAL.put("cls", "cls_token_id");
    SPECIAL.put("mask", "mask_token_id");
  }

  private final Path model;
  private final SequencedMap<String, GgufValue> keys = new LinkedHashMap<>();

  private GgufVocabularyKeys(Path model) {
    this.model = model;
  }

  /** The keys of a directory's tokenizer. */
  public static SequencedMap<String, GgufValue> of(Path model, int rows) {
    GgufVocabularyKeys keys = new GgufVocabularyKeys(model);
    keys.add(rows);
    return keys.keys;
  }

  private void add(int rows) {
    GgufTokenList list = list();
    list.fill(model, rows);
    key("model", GgufValue.of(list.model()));
    list.pre().ifPresent(pre -> key("pre", GgufValue.of(pre)));
    key("tokens", GgufValue.texts(list.tokens()));
    if (!list.scores().isEmpty()) {
      float[] scores = new float[list.scores().size()];
      for (int i = 0; i < scores.length; i++) {
        scores[i] = list.scores().get(i);
      }
      key("scores", GgufValue.f32s(scores));
    }
    key("token_type", GgufValue.i32s(list.types().stream().mapToInt(type -> type).toArray()));
    if (!list.merges().isEmpty()) {
      key("merges", GgufValue.texts(list.merges()));
    }
    Map<String, Integer> ids = special(list);
    SPECIAL.forEach((name, key) -> Optional.ofNullable(ids.get(name)).ifPresent(id -> key(key, GgufValue.u32(id))));
    ends(ids);
    list.addsSpace().ifPresent(adds -> key("add_space_prefix", GgufValue.of(adds)));
  }

  private GgufTokenList list() {
    Path pieces = model.resolve("tokenizer.model");
    if (Files.isRegularFile(pieces) && !TiktokenFile.is(Inputs.bytes(pieces))) {
      return GgufSentencePieces.read(pieces);
    }
    if (Files.isRegularFile(model.resolve("tokenizer.json"))) {
      return GgufTokenizerJson.read(model.resolve("tokenizer.json"));
    }
    if (Files.isRegularFile(model.resolve("vocab.txt"))) {
      return GgufTokenizerJson.wordPiece(Inputs.text(model.resolve("vocab.txt")).lines().toList(), new TreeSet<>());
    }
    throw new ConfigException("%s: a GGUF file holds the vocabulary, and there is no tokenizer.model, tokenizer.json or vocab.txt to take it from".formatted(
        model));
  }

  /** By tokenizer_config.json and special_tokens_map.json, where they do not say by config.json. */
  private Map<String, Integer> special(GgufTokenList list) {
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (String file : List.of("tokenizer_config.json", "special_tokens_map.json")) {
      SettingsFiles.find(model, file).ifPresent(json -> SPECIAL.keySet().forEach(name -> {
        JsonNode token = json.path(name + "_token");
        String text = token.isObject() ? token.path("content").asText() : token.asText("");
        int id = text.isEmpty() ? -1 : list.id(text);
        if (id >= 0) {
          ids.putIfAbsent(name, id);
        }
      }));
    }
    SettingsFiles.find(model, "config.json").ifPresent(json -> SPECIAL.keySet().forEach(name -> {
      JsonNode given = json.path(name + "_token_id");
      JsonNode id = given.isArray() ? given.path(0) : given;
      if (id.isInt() && id.intValue() >= 0 && id.intValue() < list.tokens().size()) {
        ids.putIfAbsent(name, id.intValue());
      }
    }));
    if (list.model().equals("bert")) {
      BERT.forEach((name, token) -> {
        if (list.id(token) >= 0) {
          ids.putIfAbsent(name, list.id(token));
        }
      });
      // llama.cpp puts the begin token before a text where BERT has [CLS].
      Optional.ofNullable(ids.get("cls")).ifPresent(id -> ids.putIfAbsent("bos", id));
    }
    list.unknown().ifPresent(id -> ids.putIfAbsent("unk", id));
    return ids;
  }

  /** Whether a text begins and ends with a special token, as the tokenizer itself does it. */
  private void ends(Map<String, Integer> ids) {
    int[] text = Tokenizer.load(model).encode("a", true).ids();
    int first = text.length == 0 ? -1 : text[0];
    int last = text.length == 0 ? -1 : text[text.length - 1];
    if (!ids.containsKey("cls")) {
      Optional.ofNullable(ids.get("bos")).ifPresent(bos -> key("add_bos_token", GgufValue.of(first == bos)));
    }
    Optional.ofNullable(ids.get("eos")).ifPresent(eos -> key("add_eos_token", GgufValue.of(last == eos)));
  }

  private void key(String name, GgufValue value) {
    keys.put(GgufVocabulary.PREFIX + name, value);
  }
}
