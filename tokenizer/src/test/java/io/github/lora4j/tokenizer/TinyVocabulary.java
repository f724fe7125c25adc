package io.github.lora4j.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Makes tokenizer.json files of a few hundred pieces that put hard Unicode to use. */
final class TinyVocabulary {

  static final ObjectMapper MAPPER = new ObjectMapper();

  private TinyVocabulary() {}

  static List<String> tokens() {
    List<String> tokens = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    String characters = "abcdefghijklmnopqrstuvwxyz0123456789"
        + "\u00df\u00e9\u00ea\u00ef\u0131\u03c3\u03c2\u0430\u0431\u05d0\u0627"
        + "\u1100\u1161\u11a8\uac00\u4e2d\u6587\u0301\u0307\u200d\ufe0f\ud83d\ude00\ud83d\udc68\ud835\udc00\u0e01\u0e33\u093e";
    for (String character : characters.codePoints().mapToObj(Character::toString).toList()) {
      tokens.add(character);
      tokens.add("##" + character);
    }
    "ABCXYZ\u00c9\u0130\u03a3".chars().mapToObj(Character::toString).forEach(tokens::add);
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u2014\u2026\u00bf\u3002".chars().mapToObj(Character::toString).forEach(tokens::add);
    tokens.addAll(List.of(
        "the", "to", "token", "##token", "##tok", "##ize", "##ized", "##ing", "un", "##aff", "##able", "want", "##want", "run", "##n", "do",
        "not", "cafe", "naive", "strasse", "istanbul", "##ss", "can", "##t", "##ve", "Hello", "hello"));
    return tokens.stream().distinct().toList();
  }

  /** A tokenizer.json in the shape of BERT's. */
  static ObjectNode json(boolean clean, boolean chinese, Boolean strip, boolean lowercase) throws IOException {
    ObjectNode root = MAPPER.createObjectNode().put("version", "1.0");
    root.set("truncation", parse("{'direction':'Right','max_length':7,'strategy':'LongestFirst','stride':0}"));
    root.set("padding", parse(
        "{'strategy':{'Fixed':128},'direction':'Right','pad_to_multiple_of':null,'pad_id':0,'pad_type_id':0,'pad_token':'[PAD]'}"));
    ArrayNode added = root.putArray("added_tokens");
    List<String> tokens = tokens();
    for (int i = 0; i < 5; i++) {
      added(added, i, tokens.get(i), false, false, false, false, true);
    }
    root.putObject("normalizer").put("type", "BertNormalizer").put("clean_text", clean).put("handle_chinese_chars", chinese)
        .put("strip_accents", strip).put("lowercase", lowercase);
    root.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    root.set("post_processor", parse("""
        {'type':'TemplateProcessing',
         'single':[{'SpecialToken':{'id':'[CLS]','type_id':0}},{'Sequence':{'id':'A','type_id':0}},
                   {'SpecialToken':{'id':'[SEP]','type_id':0}}],
         'pair':[{'SpecialToken':{'id':'[CLS]','type_id':0}},{'Sequence':{'id':'A','type_id':0}},
                 {'SpecialToken':{'id':'[SEP]','type_id':0}},{'Sequence':{'id':'B','type_id':1}},
                 {'SpecialToken':{'id':'[SEP]','type_id':1}}],
         'special_tokens':{'[CLS]':{'id':'[CLS]','ids':[2],'tokens':['[CLS]']},'[SEP]':{'id':'[SEP]','ids':[3],'tokens':['[SEP]']}}}
        """));
    root.putObject("decoder").put("type", "WordPiece").put("prefix", "##").put("cleanup", true);
    ObjectNode model = root.putObject("model").put("type", "WordPiece").put("unk_token", "[UNK]").put("continuing_subword_prefix", "##")
        .put("max_input_chars_per_word", 20);
    ObjectNode vocab = model.putObject("vocab");
    for (int i = 0; i < tokens.size(); i++) {
      vocab.put(tokens.get(i), i);
    }
    return root;
  }

  static JsonNode parse(String singleQuoted) throws IOException {
    return MAPPER.readTree(singleQuoted.replace('\'', '"'));
  }

  static void added(
      ArrayNode list, int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {
    list.addObject().put("id", id).put("content", content).put("single_word", singleWord).put("lstrip", lstrip).put("rstrip", rstrip)
        .put("normalized", normalized).put("special", special);
  }

  static Path write(Path directory, ObjectNode json) throws IOException {
    return Files.write(Files.createTempFile(directory, "tokenizer", ".json"), MAPPER.writeValueAsBytes(json));
  }
}
