package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/** Hugging Face's tokenizer and ours from one file, side by side. */
final class DjlOracle implements AutoCloseable {

  final HuggingFaceTokenizer theirs;
  final Tokenizer ours;

  DjlOracle(Path file) throws IOException {
    theirs = HuggingFaceTokenizer.builder().optTokenizerPath(file).optTruncation(false).optPadding(false).build();
    ours = Tokenizer.load(file);
  }

  /** Ids, types and ranges are equal. */
  void same(String text) {
    compare(text, theirs.encode(text), ours.encode(text), text);
  }

  void samePair(String first, String second) {
    ai.djl.huggingface.tokenizers.Encoding expected = theirs.encode(first, second);
    Encoding got = ours.encode(first, second);
    assertArrayEquals(ints(expected.getIds()), got.ids(), () -> show(first) + " | " + show(second));
    assertArrayEquals(ints(expected.getTypeIds()), got.typeIds(), () -> show(first) + " | " + show(second));
  }

  private boolean sameIds(String text) {
    return Arrays.equals(ints(theirs.encode(text).getIds()), ours.encode(text).ids());
  }

  /** The code points that, alone or between letters, give other ids. Of the planes without characters every 251st is tried. */
  List<String> differentCodePoints() {
    return differentCodePoints(DjlOracle::probe);
  }

  List<String> differentCodePoints(IntFunction<String> probe) {
    List<String> different = new ArrayList<>();
    StringBuilder batch = new StringBuilder();
    List<Integer> batched = new ArrayList<>();
    for (int c = 0; c <= Character.MAX_CODE_POINT; c += c >= 0x40000 && c < 0xE0000 || c >= 0xF0100 && c < 0x10FF00 ? 251 : 1) {
      if (c < 0xD800 || c > 0xDFFF) {
        batch.append(probe.apply(c));
        batched.add(c);
      }
      if (batched.size() == 100 || c == Character.MAX_CODE_POINT) {
        if (!sameIds(batch.toString())) {
          batched.stream().filter(b -> !sameIds(probe.apply(b))).map(Integer::toHexString).forEach(different::add);
        }
        batch.setLength(0);
        batched.clear();
      }
    }
    return different;
  }

  private static String probe(int c) {
    String text = Character.toString(c);
    return "a" + text + "b " + text + " ";
  }

  static void compare(String text, ai.djl.huggingface.tokenizers.Encoding expected, Encoding got, String what) {
    assertArrayEquals(ints(expected.getIds()), got.ids(), () -> show(what));
    assertArrayEquals(ints(expected.getTypeIds()), got.typeIds(), () -> show(what));
    CharSpan[] spans = expected.getCharTokenSpans();
    long[] special = expected.getSpecialTokenMask();
    for (int i = 0; i < spans.length; i++) {
      int token = i;
      if (special[i] == 0) {
        // Theirs count code points, ours chars.
        assertEquals(text.offsetByCodePoints(0, spans[i].getStart()), got.starts()[i], () -> show(what) + " start of token " + token);
        assertEquals(text.offsetByCodePoints(0, spans[i].getEnd()), got.ends()[i], () -> show(what) + " end of token " + token);
      } else {
        assertEquals(0, got.ends()[i], () -> show(what));
      }
    }
  }

  static int[] ints(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }

  static String show(String text) {
    StringBuilder out = new StringBuilder();
    text.chars().forEach(c -> out.append(c > 32 && c < 127 ? Character.toString(c) : String.format("\\u%04x", c)));
    return out.toString();
  }

  @Override
  public void close() {
    theirs.close();
  }
}
