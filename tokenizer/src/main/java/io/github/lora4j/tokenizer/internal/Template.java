package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where special tokens and the texts' tokens go.
 *
 * @param single the parts for one text
 * @param pair the parts for two
 * @param trims what is done to the ranges of the texts' tokens before
 */
record Template(List<Part> single, List<Part> pair, List<Trim> trims) {

  Template(List<Part> single, List<Part> pair) {
    this(single, pair, List.of());
  }

  /**
   * A part of the result.
   *
   * @param text 0 or 1 for the first or second text's tokens, {@link #SPECIAL} for the given ids
   */
  record Part(int text, List<Integer> ids, int typeId) {}

  static final int SPECIAL = -1;

  /** No special tokens. */
  static Template bare() {
    return new Template(List.of(text(0)), List.of(text(0), text(1)));
  }

  /** Ids before and behind every text. */
  static Template ends(List<Integer> first, List<Integer> last) {
    Part before = new Part(SPECIAL, first, 0);
    Part behind = new Part(SPECIAL, last, 0);
    Part between = new Part(SPECIAL, last, 1);
    return new Template(List.of(before, text(0), behind),
        List.of(before, text(0), behind, new Part(SPECIAL, first, 1), text(1), between));
  }

  /** {@code [CLS] A [SEP]} and {@code [CLS] A [SEP] B [SEP]}. */
  static Template bert(int cls, int sep) {
    return new Template(
        List.of(special(cls, 0), text(0), special(sep, 0)),
        List.of(special(cls, 0), text(0), special(sep, 0), text(1), special(sep, 1)));
  }

  /** {@code <s> A </s>} and {@code <s> A </s></s> B </s>}, all of one type. */
  static Template roberta(int cls, int sep) {
    return new Template(
        List.of(special(cls, 0), text(0), special(sep, 0)),
        List.of(special(cls, 0), text(0), special(sep, 0), special(sep, 0), new Part(1, List.of(), 0), special(sep, 0)));
  }

  Template trimmed(Trim by) {
    return new Template(single, pair, Stream.concat(trims.stream(), Stream.of(by)).toList());
  }

  /** Only the texts' tokens. */
  Template withoutSpecial() {
    return new Template(texts(single), texts(pair), trims);
  }

  private static List<Part> texts(List<Part> parts) {
    return parts.stream().filter(part -> part.text != SPECIAL).toList();
  }

  /** Another's special tokens, with what is trimmed here. */
  Template around(Template other, Json place) {
    if (!equals(new Template(bare().single, bare().pair, trims))) {
      throw place.broken("puts special tokens around the text a second time, which is not supported");
    }
    return new Template(other.single, other.pair, trims);
  }

  private static Part special(int id, int typeId) {
    return new Part(SPECIAL, List.of(id), typeId);
  }

  private static Part text(int number) {
    return new Part(number, List.of(), number);
  }

  /** Puts one or two texts together, cutting the longer first. */
  Encoding apply(List<Pieces> texts, int maxLength) {
    trims.forEach(trim -> texts.forEach(trim::apply));
    List<Part> parts = texts.size() == 1 ? single : pair;
    int special = parts.stream().mapToInt(p -> p.ids.size()).sum();
    if (maxLength < special) {
      throw new ConfigException("maximum length " + maxLength + " leaves no place for the " + special + " special tokens");
    }
    int[] lengths = texts.stream().mapToInt(Pieces::length).toArray();
    boolean truncated = shorten(lengths, maxLength - special);
    int total = special;
    for (int length : lengths) {
      total += length;
    }
    Encoding result = new Encoding(new int[total], new int[total], new int[total], new int[total], truncated);
    int at = 0;
    for (Part part : parts) {
      int count = part.text == SPECIAL ? part.ids.size() : lengths[part.text];
      if (part.text == SPECIAL) {
        for (int i = 0; i < count; i++) {
          result.ids()[at + i] = part.ids.get(i);
        }
      } else {
        texts.get(part.text).copy(count, result.ids(), result.starts(), result.ends(), at);
      }
      Arrays.fill(result.typeIds(), at, at + count, part.typeId);
      at += count;
    }
    return result;
  }

  /** Hugging Face's "longest_first": cuts the longer text to the shorter's length, then both to half of what there is. */
  private static boolean shorten(int[] lengths, int most) {
    if (lengths.length == 1) {
      boolean cut = lengths[0] > most;
      lengths[0] = Math.min(lengths[0], most);
      return cut;
    }
    if ((long) lengths[0] + lengths[1] <= most) {
      return false;
    }
    int shorter = lengths[0] <= lengths[1] ? 0 : 1;
    int rest = Math.max(lengths[shorter], most - lengths[shorter]);
    if ((long) lengths[shorter] + rest > most) {
      lengths[shorter] = most / 2;
      rest = most - most / 2;
    }
    lengths[1 - shorter] = rest;
    return true;
  }
}
