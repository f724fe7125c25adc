package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Trie;
import java.nio.charset.StandardCharsets;
import java.util.Collection;

/** sentencepiece's own normalisation, as its .model files ask for it. */
public final class SentencePieceNormalizer implements Normalizer {

  private static final int SPACE = 0x2581;

  /**
   * Settings of normalizer_spec and trainer_spec.
   *
   * @param prefix whether a space is put before (or behind) the text
   * @param trim whether spaces at the ends are dropped, and of several in a row all but one
   * @param escape whether spaces become U+2581
   * @param suffix whether the space is put behind
   */
  public record Settings(boolean prefix, boolean trim, boolean escape, boolean suffix) {}

  private final Charsmap map;
  private final Trie defined = new Trie(1);
  private final Settings settings;

  /** With a character map, which may be {@link Charsmap#NONE}, and pieces that are not normalised. */
  public SentencePieceNormalizer(Charsmap map, Collection<String> defined, Settings settings) {
    this.map = map;
    this.settings = settings;
    defined.forEach(piece -> this.defined.put(0, piece.codePoints().toArray(), 1));
  }

  @Override
  public Text normalize(Text text) {
    Text result = new Text(text.length() + 8, text.origin());
    Reader reader = new Reader(text);
    while (settings.trim && reader.next() && reader.is(' ')) {
      reader.skip();
    }
    if (!reader.next()) {
      return result;
    }
    int space = settings.escape ? SPACE : ' ';
    if (settings.prefix && !settings.suffix) {
      result.add(space, text.start(reader.from), text.end(reader.from));
    }
    boolean afterSpace = settings.trim;
    while (reader.next()) {
      int at = 0;
      while (afterSpace && at < reader.becomes.length && reader.becomes[at] == ' ') {
        at++;
      }
      for (int i = at; i < reader.becomes.length; i++) {
        int c = reader.becomes[i];
        result.add(c == ' ' ? space : c, text.start(reader.from), text.end(reader.to - 1));
      }
      if (at < reader.becomes.length) {
        afterSpace = settings.trim && reader.becomes[reader.becomes.length - 1] == ' ';
      }
      reader.skip();
    }
    int end = result.length();
    while (settings.trim && end > 0 && result.at(end - 1) == space) {
      end--;
    }
    result = result.part(0, end);
    if (settings.prefix && settings.suffix && end > 0) {
      result.add(space, result.start(end - 1), result.end(end - 1));
    }
    return result;
  }

  /** Goes through a text by what becomes something together. */
  private final class Reader {
    private final Text text;
    private final byte[] utf8;
    private int at;
    private int atByte;
    private int from;
    private int to;
    private int bytes;
    private boolean read;
    private int[] becomes = new int[0];

    Reader(Text text) {
      this.text = text;
      this.utf8 = map != Charsmap.NONE ? text.toString().getBytes(StandardCharsets.UTF_8) : new byte[0];
    }

    /** Reads what is next, if it was not read yet; false at the end. */
    boolean next() {
      if (at == text.length() || read) {
        return at < text.length();
      }
      read = true;
      from = at;
      to = defined(at);
      int[] length = new int[1];
      if (to == at && map != Charsmap.NONE) {
        becomes = map.longest(utf8, atByte, length).codePoints().toArray();
        to = at + characters(length[0]);
      }
      if (length[0] == 0) {
        to = Math.max(to, at + 1);
        becomes = text.string(at, to).codePoints().toArray();
      }
      bytes = length[0] > 0 ? length[0] : bytes(at, to);
      return true;
    }

    void skip() {
      at = to;
      atByte += bytes;
      read = false;
    }

    boolean is(int c) {
      return becomes.length == 1 && becomes[0] == c;
    }

    private int defined(int start) {
      int end = start;
      int node = 0;
      for (int i = start; i < text.length(); i++) {
        node = defined.child(node, text.at(i));
        if (node < 0) {
          break;
        }
        end = defined.value(node) >= 0 ? i + 1 : end;
      }
      return end;
    }

    private int characters(int count) {
      int characters = 0;
      for (int i = atByte; i < atByte + count; i++) {
        characters += (utf8[i] & 0xC0) == 0x80 ? 0 : 1;
      }
      return characters;
    }

    private int bytes(int start, int end) {
      int count = 0;
      for (int i = start; i < end; i++) {
        int c = text.at(i);
        count += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      }
      return count;
    }
  }
}
