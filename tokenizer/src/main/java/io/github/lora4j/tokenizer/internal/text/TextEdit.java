package io.github.lora4j.tokenizer.internal.text;

/** Writes a text anew from its beginning; what is put takes its range in the original from the code point that it stands for. */
public final class TextEdit {

  private final Text from;
  private final Text result;
  private int at;

  public TextEdit(Text from) {
    this.from = from;
    this.result = new Text(from.length() + 8, from.origin());
  }

  /** The next code points are left out. */
  public void drop(int count) {
    at += count;
  }

  /** A code point in place of the next. */
  public void put(int c) {
    put(c, 0);
  }

  /** A code point that is added: it has the range of the one before. */
  public void insert(int c) {
    put(c, 1);
  }

  /** A code point that is added (1), in place of the next (0), or in place of the next and of so many that follow it (negative). */
  public void put(int c, int change) {
    int as = change > 0 ? at - 1 : Math.min(at, from.length() - 1);
    if (as < 0) {
      result.add(c, from.origin(), from.origin());
    } else {
      result.add(c, from.start(as), from.end(as));
    }
    at += change > 0 ? 0 : 1 - change;
  }

  /** The code points so far. */
  public Text result() {
    return result;
  }
}
