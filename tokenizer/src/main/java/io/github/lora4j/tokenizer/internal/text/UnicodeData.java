package io.github.lora4j.tokenizer.internal.text;

import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Properties of code points by name, from {@code unicode.txt} beside this class: of one version of Unicode, whatever Java has. */
public final class UnicodeData {

  private static final String FILE = "unicode.txt";
  private static final Map<String, BitSet> SETS = read();

  private UnicodeData() {}

  /** The code points of a general category such as {@code Lu}, or of all that begin so, such as {@code L}; a copy. */
  public static Optional<BitSet> category(String name) {
    BitSet set = new BitSet();
    boolean known = false;
    for (Map.Entry<String, BitSet> each : SETS.entrySet()) {
      if (each.getKey().length() == 2 && each.getKey().startsWith(name)) {
        set.or(each.getValue());
        known = true;
      }
    }
    return known ? Optional.of(set) : Optional.empty();
  }

  /** Code points with the property Alphabetic; a copy. */
  public static BitSet alphabetic() {
    return with("OtherAlphabetic", "L", "Nl");
  }

  /** Code points with the property Uppercase; a copy. */
  public static BitSet uppercase() {
    return with("OtherUppercase", "Lu");
  }

  /** Code points with the property Lowercase; a copy. */
  public static BitSet lowercase() {
    return with("OtherLowercase", "Ll");
  }

  private static BitSet with(String others, String... categories) {
    BitSet set = (BitSet) set(others).clone();
    for (String category : categories) {
      set.or(category(category).orElseThrow());
    }
    return set;
  }

  static BitSet set(String name) {
    return SETS.getOrDefault(name, new BitSet());
  }

  /** The combining classes that are not 0. */
  static Map<Integer, Integer> combiningClasses() {
    Map<Integer, Integer> classes = new TreeMap<>();
    SETS.forEach((name, set) -> {
      if (name.startsWith("ccc")) {
        set.stream().forEach(c -> classes.put(c, Integer.parseInt(name.substring(3))));
      }
    });
    return classes;
  }

  private static Map<String, BitSet> read() {
    Map<String, BitSet> sets = new TreeMap<>();
    try (InputStream in = UnicodeData.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new ResourceException(FILE + ": is not beside the classes of lora4j-tokenizer; the jar is not whole");
      }
      BitSet set = new BitSet();
      for (String line : new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
        if (line.startsWith("#")) {
          continue;
        }
        String[] words = line.strip().split(" +");
        int from = 0;
        if (!line.startsWith(" ")) {
          set = new BitSet();
          sets.put(words[from++], set);
        }
        for (int i = from; i < words.length; i++) {
          String[] ends = words[i].split("-");
          set.set(Integer.parseInt(ends[0], 16), Integer.parseInt(ends[ends.length - 1], 16) + 1);
        }
      }
    } catch (IOException e) {
      throw new ResourceException(FILE + ": cannot be read: " + e, e);
    }
    return sets;
  }
}
