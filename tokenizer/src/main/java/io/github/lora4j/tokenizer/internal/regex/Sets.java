package io.github.lora4j.tokenizer.internal.regex;

import io.github.lora4j.tokenizer.internal.text.Unicode;
import io.github.lora4j.tokenizer.internal.text.UnicodeData;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Sets of code points by name, and what differs from them in case alone. */
final class Sets {

  private static final int END = 0x110000;
  private static final Map<Integer, BitSet> CASES = cases();
  private static final Map<String, String> LONG_NAMES = Map.ofEntries(Map.entry("letter", "L"), Map.entry("mark", "M"), Map.entry("number", "N"),
      Map.entry("punctuation", "P"), Map.entry("symbol", "S"), Map.entry("separator", "Z"), Map.entry("other", "C"),
      Map.entry("uppercaseletter", "Lu"),
      Map.entry("lowercaseletter", "Ll"), Map.entry("titlecaseletter", "Lt"), Map.entry("modifierletter", "Lm"), Map.entry("otherletter", "Lo"),
      Map.entry("decimalnumber", "Nd"), Map.entry("letternumber", "Nl"), Map.entry("othernumber", "No"), Map.entry("nonspacingmark", "Mn"),
      Map.entry("spacingmark", "Mc"), Map.entry("enclosingmark", "Me"), Map.entry("spaceseparator", "Zs"), Map.entry("punct", "P"));

  private Sets() {}

  static BitSet of(int from, int to) {
    BitSet set = new BitSet();
    set.set(from, to + 1);
    return set;
  }

  static BitSet not(BitSet set) {
    BitSet result = (BitSet) set.clone();
    result.flip(0, END);
    return result;
  }

  private static BitSet or(BitSet first, BitSet second) {
    BitSet result = (BitSet) first.clone();
    result.or(second);
    return result;
  }

  /** {@code \d}. */
  static BitSet digits() {
    return category("Nd");
  }

  /** {@code \s}. */
  static BitSet spaces() {
    BitSet set = new BitSet();
    for (int c = 0; c < 0x10000; c++) {
      set.set(c, Unicode.isWhitespace(c));
    }
    return set;
  }

  /** Word characters, in brackets. */
  static BitSet wordInSet() {
    return or(or(UnicodeData.alphabetic(), category("M")), or(category("Nd"), category("Pc")));
  }

  /** {@code \w} outside of brackets: Oniguruma adds the numbers of Latin-1. */
  static BitSet word() {
    BitSet set = wordInSet();
    for (int c : new int[] {0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE}) {
      set.set(c);
    }
    return set;
  }

  /** {@code \h}. */
  static BitSet hexadecimal() {
    return or(of('0', '9'), or(of('a', 'f'), of('A', 'F')));
  }

  /** {@code \p{name}}: a general category, a script, or a class of POSIX. */
  static Optional<BitSet> property(String name) {
    String key = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
    BitSet posix = posix(key);
    if (posix != null) {
      return Optional.of(posix);
    }
    String category = LONG_NAMES.getOrDefault(key, key.isEmpty() ? "" : key.substring(0, 1).toUpperCase(Locale.ROOT) + key.substring(1));
    if (!category.isEmpty() && category.length() <= 2) {
      return category.equals("C") ? Optional.of(or(category("C"), unassigned()))
          : category.equals("Cn") ? Optional.of(unassigned()) : UnicodeData.category(category);
    }
    try {
      return Optional.of(script(Character.UnicodeScript.forName(name.replace("Script=", "").replace("sc=", ""))));
    } catch (IllegalArgumentException _) {
      return Optional.empty();
    }
  }

  private static @org.jspecify.annotations.Nullable BitSet posix(String key) {
    return switch (key) {
      case "alpha", "alphabetic" -> UnicodeData.alphabetic();
      case "alnum" -> or(UnicodeData.alphabetic(), category("Nd"));
      case "digit" -> digits();
      case "space", "whitespace" -> spaces();
      case "upper", "uppercase" -> UnicodeData.uppercase();
      case "lower", "lowercase" -> UnicodeData.lowercase();
      case "word" -> word();
      case "xdigit" -> hexadecimal();
      case "any" -> of(0, END - 1);
      case "ascii" -> of(0, 0x7F);
      case "cntrl" -> category("Cc");
      case "blank" -> or(category("Zs"), of('\t', '\t'));
      default -> null;
    };
  }

  private static BitSet script(Character.UnicodeScript script) {
    BitSet set = new BitSet();
    for (int c = 0; c < END; c++) {
      if (Character.UnicodeScript.of(c) == script) {
        set.set(c);
      }
    }
    return set;
  }

  private static BitSet category(String name) {
    return UnicodeData.category(name).orElseThrow(() -> new IllegalArgumentException(name));
  }

  private static BitSet unassigned() {
    BitSet set = new BitSet();
    for (String name : "LMNPSZC".split("")) {
      set.or(category(name));
    }
    return not(set);
  }

  /** The set, and what differs from its code points in case alone, one code point for another. */
  static BitSet anyCase(BitSet set) {
    BitSet result = (BitSet) set.clone();
    CASES.forEach((c, others) -> {
      if (set.get(c)) {
        result.or(others);
      }
    });
    return result;
  }

  private static Map<Integer, BitSet> cases() {
    Map<Integer, BitSet> byFold = new HashMap<>();
    Map<Integer, BitSet> cases = new HashMap<>();
    for (int c = 0; c < 0x1F000; c++) {
      // Turkish I's are folded only by rules of that language.
      int fold = c == 0x130 || c == 0x131 ? c : Character.toLowerCase(Character.toUpperCase(c));
      int lower = Character.toLowerCase(c);
      if (fold != c || lower != c || Character.toUpperCase(c) != c) {
        byFold.computeIfAbsent(fold, _ -> new BitSet()).set(c);
      }
    }
    byFold.values().forEach(set -> set.stream().forEach(c -> cases.put(c, set)));
    return cases;
  }
}
