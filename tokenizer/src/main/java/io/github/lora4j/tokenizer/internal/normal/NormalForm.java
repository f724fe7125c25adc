package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.TextEdit;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Unicode's normal forms (UAX 15). Each result says how many code points it stands for, so that ranges are as in Hugging Face's: those of a
 * decomposition have the range of what was decomposed, a composed one that of its first part.
 *
 * @param compatible whether compatibility decompositions are taken, too (NFKC, NFKD)
 * @param composed whether pairs are composed again (NFC, NFKC)
 */
record NormalForm(boolean compatible, boolean composed) implements Normalizer {

  /** Below, all code points are in form NFC and begin a new character; NFKC and the decomposed forms are so below the second. */
  private static final int FIRST_MARK = 0x300;
  private static final int FIRST_DECOMPOSED = 0xA0;

  /** A code point and by how many the text grows with it: 0 stands for the next of the original, 1 is added. */
  private record Part(int c, int change, int combining) {}

  @Override
  public Text normalize(Text text) {
    int first = compatible || !composed ? FIRST_DECOMPOSED : FIRST_MARK;
    for (int i = 0; i < text.length(); i++) {
      if (text.at(i) >= first) {
        return changed(text);
      }
    }
    return text;
  }

  private Text changed(Text text) {
    TextEdit edit = new TextEdit(text);
    Decomposition table = compatible ? Decomposition.COMPATIBLE : Decomposition.CANONICAL;
    List<Part> pending = new ArrayList<>();
    Composer composer = new Composer(edit);
    for (int i = 0; i < text.length(); i++) {
      int[] parts = table.of(text.at(i));
      if (parts == null) {
        push(text.at(i), 0, pending, composer);
      } else {
        for (int p = 0; p < parts.length; p++) {
          push(parts[p], p == 0 ? 0 : 1, pending, composer);
        }
      }
    }
    flush(pending, composer);
    composer.finish();
    return edit.result();
  }

  /** Keeps marks until a code point without a combining class ends their run. */
  private void push(int c, int change, List<Part> pending, Composer composer) {
    int combining = Unicode.combiningClass(c);
    if (combining == 0) {
      flush(pending, composer);
    }
    pending.add(new Part(c, change, combining));
  }

  private void flush(List<Part> pending, Composer composer) {
    if (pending.size() > 2) {
      pending.sort(Comparator.comparingInt(Part::combining));
    } else if (pending.size() == 2 && pending.get(0).combining > pending.get(1).combining) {
      pending.addLast(pending.removeFirst());
    }
    pending.forEach(part -> composer.take(part, composed));
    pending.clear();
  }

  /** Composes a starter with the marks behind it that are not blocked. */
  private static final class Composer {
    private final TextEdit out;
    private final List<Part> behind = new ArrayList<>();
    private int starter = -1;
    private int change;
    private int last = -1;

    Composer(TextEdit out) {
      this.out = out;
    }

    void take(Part part, boolean compose) {
      if (!compose || starter < 0 && part.combining != 0) {
        out.put(part.c, part.change);
        return;
      }
      boolean free = starter >= 0 && (last < 0 || last < part.combining);
      int both = free ? compose(starter, part.c) : -1;
      if (both >= 0) {
        starter = both;
        change += part.change - 1;
      } else if (part.combining == 0) {
        finish();
        starter = part.c;
        change = part.change;
      } else {
        behind.add(part);
        last = part.combining;
      }
    }

    void finish() {
      if (starter >= 0) {
        out.put(starter, change);
        behind.forEach(part -> out.put(part.c, part.change));
        behind.clear();
        starter = -1;
        last = -1;
      }
    }

    /** Hangul by arithmetic, others by table. */
    private static int compose(int first, int second) {
      if (first >= 0x1100 && first < 0x1113 && second >= 0x1161 && second < 0x1176) {
        return 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28;
      }
      if (first >= 0xAC00 && first <= 0xD7A3 && (first - 0xAC00) % 28 == 0 && second > 0x11A7 && second < 0x11C3) {
        return first + second - 0x11A7;
      }
      return Decomposition.Pairs.composed(first, second);
    }
  }
}
