package io.github.lora4j.tokenizer.internal.decode;

import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.normal.NormalizerJson;
import io.github.lora4j.tokenizer.internal.regex.Regex;
import io.github.lora4j.tokenizer.internal.text.Text;
import java.util.List;

/** Reads the {@code decoder} of a {@code tokenizer.json}. */
public final class DecoderJson {

  private DecoderJson() {}

  /** What sentencepiece does: U+2581 is a space, bytes are characters, and a space that was put before the text is taken away. */
  public static Decoder sentencePiece(boolean prefix) {
    PerToken spaces = (token, first) -> token.replace('\u2581', ' ');
    List<Decoder> steps = List.of(spaces, new ByteFallbackDecoder(), Joining.fuse());
    return Decoder.sequence(prefix ? List.of(steps.get(0), steps.get(1), steps.get(2), new StripDecoder(' ', 1, 0)) : steps);
  }

  /** The decoder. */
  public static Decoder read(Json json) {
    return switch (json.type("ByteLevel", "WordPiece", "Metaspace", "BPEDecoder", "ByteFallback", "Fuse", "Strip", "Replace", "CTC", "Sequence")) {
      case "ByteLevel" -> new ByteLevelDecoder();
      case "WordPiece" -> PerToken.wordPiece(json.find("prefix").map(Json::text).orElse("##"), json.flag("cleanup", true));
      case "Metaspace" -> metaspace(json);
      case "BPEDecoder" -> Joining.wordEnds(json.find("suffix").map(Json::text).orElse("</w>"));
      case "ByteFallback" -> new ByteFallbackDecoder();
      case "Fuse" -> Joining.fuse();
      case "Strip" -> new StripDecoder(json.get("content").character(), json.get("start").number(), json.get("stop").number());
      case "Replace" -> replace(json);
      case "CTC" -> Joining.ctc(json.get("pad_token").text(), json.get("word_delimiter_token").text(), json.flag("cleanup", true));
      default -> Decoder.sequence(json.get("decoders").elements().stream().map(DecoderJson::read).toList());
    };
  }

  private static Decoder metaspace(Json json) {
    String replacement = Character.toString(json.get("replacement").character());
    boolean prefix = json.flag("add_prefix_space", true) && !json.find("prepend_scheme").map(Json::text).orElse("always").equals("never");
    return (PerToken) (token, first) -> token.replace(replacement, first && prefix ? "" : " ");
  }

  private static Decoder replace(Json json) {
    Regex pattern = NormalizerJson.pattern(json.get("pattern"));
    String content = json.get("content").text();
    return (PerToken) (token, first) -> {
      Text text = Text.of(token);
      StringBuilder out = new StringBuilder();
      if (text.length() > 0) {
        pattern.split(text, 0, text.length(), (from, to, match) -> out.append(match ? content : text.string(from, to)));
      }
      return out.toString();
    };
  }
}
