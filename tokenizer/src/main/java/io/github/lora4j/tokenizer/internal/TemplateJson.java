package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads the {@code post_processor} of a {@code tokenizer.json}. */
final class TemplateJson {

  private TemplateJson() {}

  /** The post-processor. */
  static Template read(Json processor, Vocabulary vocabulary, List<AddedTokens.Token> added) {
    return read(Template.bare(), processor, vocabulary, added);
  }

  private static Template read(Template before, Json json, Vocabulary vocabulary, List<AddedTokens.Token> added) {
    int size = vocabulary.size();
    return switch (json.type("TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel", "Sequence")) {
      case "TemplateProcessing" -> before.around(template(json, size), json);
      case "BertProcessing" -> before.around(Template.bert(tokenId(json.get("cls"), size), tokenId(json.get("sep"), size)), json);
      case "RobertaProcessing" -> trimmed(before.around(Template.roberta(tokenId(json.get("cls"), size), tokenId(json.get("sep"), size)), json), json,
          vocabulary, added);
      case "ByteLevel" -> trimmed(before, json, vocabulary, added);
      default -> {
        Template template = before;
        for (Json each : json.get("processors").elements()) {
          template = read(template, each, vocabulary, added);
        }
        yield template;
      }
    };
  }

  private static Template trimmed(Template template, Json json, Vocabulary vocabulary, List<AddedTokens.Token> added) {
    boolean prefixSpace = json.get("add_prefix_space").flag();
    return json.get("trim_offsets").flag() ? template.trimmed(Trim.of(vocabulary, added, prefixSpace)) : template;
  }

  private static Template template(Json json, int vocabSize) {
    Json special = json.get("special_tokens");
    return new Template(parts(json.get("single"), special, 1, vocabSize), parts(json.get("pair"), special, 2, vocabSize));
  }

  /** The id of BertProcessing's {@code ["[CLS]", 101]}. */
  private static int tokenId(Json pair, int vocabSize) {
    List<Json> elements = pair.elements();
    if (elements.size() != 2) {
      throw pair.broken("should be a token and its id");
    }
    return inVocabulary(elements.get(1), vocabSize);
  }

  private static int inVocabulary(Json id, int vocabSize) {
    if (id.number() >= vocabSize) {
      throw id.broken("is " + id.number() + ", the vocabulary ends at " + (vocabSize - 1));
    }
    return id.number();
  }

  private static List<Template.Part> parts(Json pieces, Json specialTokens, int texts, int vocabSize) {
    List<Template.Part> parts = new ArrayList<>();
    int[] seen = new int[2];
    for (Json piece : pieces.elements()) {
      Optional<Json> special = piece.find("SpecialToken");
      Json body = special.isPresent() ? special.get() : piece.get("Sequence");
      String id = body.get("id").text();
      int typeId = body.get("type_id").number();
      if (special.isPresent()) {
        List<Integer> ids = specialTokens.get(id).get("ids").elements().stream().map(i -> inVocabulary(i, vocabSize)).toList();
        parts.add(new Template.Part(Template.SPECIAL, ids, typeId));
      } else {
        int text = List.of("A", "B").indexOf(id);
        if (text < 0 || text >= texts || seen[text]++ > 0) {
          throw body.broken("names the sequence " + id + ", expected " + (texts == 1 ? "A" : "A and B") + " once");
        }
        parts.add(new Template.Part(text, List.of(), typeId));
      }
    }
    if (seen[0] + seen[1] != texts) {
      throw pieces.broken("should have " + (texts == 1 ? "sequence A" : "sequences A and B"));
    }
    return parts;
  }
}
