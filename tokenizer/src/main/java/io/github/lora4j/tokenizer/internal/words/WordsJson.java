package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.normal.NormalizerJson;
import io.github.lora4j.tokenizer.internal.regex.Regex;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Reads the {@code pre_tokenizer} of a {@code tokenizer.json}. */
public final class WordsJson {

  private WordsJson() {}

  /** The matches of an expression, as bytes. */
  public static Words bytes(String pattern) {
    return Words.sequence(List.of(Cuts.regex(Regex.of(pattern), Behavior.ISOLATED, false), Spaces.bytes(false, false)));
  }

  /**
   * The matches of expressions one behind another, as bytes.
   *
   * @param words whether the words of GPT-2 cut last
   */
  public static Words bytes(List<String> patterns, boolean words) {
    List<Words> steps = new ArrayList<>();
    patterns.forEach(pattern -> steps.add(Cuts.regex(Regex.of(pattern), Behavior.ISOLATED, false)));
    steps.add(Spaces.bytes(false, words));
    return Words.sequence(steps);
  }

  /** What cuts texts. */
  public static Words read(Json json) {
    return switch (json.type("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Delimiter", "Metaspace", "Whitespace", "WhitespaceSplit",
        "Sequence", "Split", "Punctuation", "Digits", "UnicodeScripts", "FixedLength")) {
      case "BertPreTokenizer" -> Cuts.BERT;
      case "ByteLevel" -> Spaces.bytes(json.get("add_prefix_space").flag(), json.flag("use_regex", true));
      case "CharDelimiterSplit", "Delimiter" -> {
        int delimiter = json.get("delimiter").character();
        yield Cuts.characters(c -> c == delimiter, Behavior.REMOVED);
      }
      case "Metaspace" -> metaspace(json);
      case "Whitespace" -> Cuts.WORDS;
      case "WhitespaceSplit" -> Cuts.characters(Unicode::isWhitespace, Behavior.REMOVED);
      case "Sequence" -> Words.sequence(json.get("pretokenizers").elements().stream().map(WordsJson::read).toList());
      case "Split" -> Cuts.regex(NormalizerJson.pattern(json.get("pattern")), behavior(json.get("behavior")), json.flag("invert", false));
      case "Punctuation" -> Cuts.characters(Unicode::isPunctuation, json.find("behavior").map(WordsJson::behavior).orElse(Behavior.ISOLATED));
      case "Digits" -> Cuts.characters(Unicode::isNumeric, json.get("individual_digits").flag() ? Behavior.ISOLATED : Behavior.CONTIGUOUS);
      case "UnicodeScripts" -> Scripts.words();
      default -> {
        int length = json.find("length").map(Json::number).orElse(5);
        if (length == 0) {
          throw json.get("length").broken("is 0");
        }
        yield Cuts.length(length);
      }
    };
  }

  private static Words metaspace(Json json) {
    Optional<Json> scheme = json.find("prepend_scheme");
    Spaces.Prefix prefix = scheme.map(s -> switch (s.text()) {
      case "always" -> Spaces.Prefix.ALWAYS;
      case "first" -> Spaces.Prefix.FIRST;
      case "never" -> Spaces.Prefix.NEVER;
      default -> throw s.broken("is " + s.text() + ", expected always, first or never");
    }).orElse(Spaces.Prefix.ALWAYS);
    if (!json.flag("add_prefix_space", true)) {
      if (scheme.isPresent() && prefix != Spaces.Prefix.NEVER) {
        throw json.broken("has add_prefix_space false and prepend_scheme " + scheme.get().text() + ", which do not agree");
      }
      prefix = Spaces.Prefix.NEVER;
    }
    return Spaces.metaspace(json.get("replacement").character(), prefix, json.flag("split", true));
  }

  private static Behavior behavior(Json json) {
    String name = json.text();
    String key = name.replaceAll("(?<=[a-z])(?=[A-Z])", "_").toUpperCase(Locale.ROOT);
    for (Behavior each : Behavior.values()) {
      if (each.name().equals(key)) {
        return each;
      }
    }
    throw json.broken("is " + name + ", expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  }
}
