package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.regex.Regex;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.Base64;

/** Reads the {@code normalizer} of a {@code tokenizer.json}. */
public final class NormalizerJson {

  private NormalizerJson() {}

  /** The normalizer. */
  public static Normalizer read(Json json) {
    return switch (json.type("BertNormalizer", "Strip", "StripAccents", "NFC", "NFD", "NFKC", "NFKD", "Sequence", "Lowercase", "Nmt", "Precompiled",
        "Replace", "Prepend", "ByteLevel")) {
      case "BertNormalizer" -> bert(json);
      case "Strip" -> {
        boolean left = json.get("strip_left").flag();
        boolean right = json.get("strip_right").flag();
        yield text -> Steps.strip(text, left, right);
      }
      case "StripAccents" -> text -> Steps.filter(text, c -> !Unicode.isMark(c));
      case "NFC" -> new NormalForm(false, true);
      case "NFD" -> new NormalForm(false, false);
      case "NFKC" -> new NormalForm(true, true);
      case "NFKD" -> new NormalForm(true, false);
      case "Sequence" -> Normalizer.sequence(json.get("normalizers").elements().stream().map(NormalizerJson::read).toList());
      case "Lowercase" -> Steps::lowercase;
      case "Nmt" -> Steps::nmt;
      case "Precompiled" -> precompiled(json.get("precompiled_charsmap"));
      case "Replace" -> {
        Regex pattern = pattern(json.get("pattern"));
        int[] content = json.get("content").text().codePoints().toArray();
        yield text -> Steps.replace(text, pattern, content);
      }
      case "Prepend" -> {
        int[] prefix = json.get("prepend").text().codePoints().toArray();
        yield text -> Steps.prepend(text, prefix);
      }
      default -> text -> Steps.bytes(text, 0, text.length());
    };
  }

  private static Normalizer bert(Json json) {
    boolean lowercase = json.flag("lowercase", true);
    return new BertNormalizer(
        json.flag("clean_text", true), json.flag("handle_chinese_chars", true), json.flag("strip_accents", lowercase), lowercase);
  }

  private static Normalizer precompiled(Json json) {
    try {
      return Charsmap.of(Base64.getDecoder().decode(json.text()), json.place());
    } catch (IllegalArgumentException e) {
      throw json.broken("is not base64: " + e.getMessage());
    }
  }

  /** A pattern, {@code {"String": ...}} or {@code {"Regex": ...}}. */
  public static Regex pattern(Json json) {
    return json.find("String").map(text -> json.checked(() -> Regex.literal(text.text())))
        .orElseGet(() -> json.checked(() -> Regex.of(json.get("Regex").text())));
  }
}
