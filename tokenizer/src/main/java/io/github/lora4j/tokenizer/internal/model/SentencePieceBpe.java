package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Trie;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * sentencepiece's BPE: of the text's characters the neighbours that make the piece of the highest score are merged first, the leftmost of equals.
 * Pieces
 * that a user has defined are taken as they stand, the longest first, and merged with nothing.
 */
final class SentencePieceBpe extends Cached {

  private final SentencePieces pieces;
  private final Merges merges;
  private final Trie defined = new Trie(1);
  /** Characters by id; those that are no piece but part of some have ids behind all pieces. */
  private final Map<Integer, Integer> characters = new HashMap<>();

  SentencePieceBpe(SentencePieces pieces) {
    this.pieces = pieces;
    pieces.userDefined().forEach((piece, id) -> defined.put(0, piece.codePoints().toArray(), id));
    Map<String, Integer> parts = new HashMap<>(pieces.normal());
    int[] next = {pieces.size()};
    pieces.normal().keySet().forEach(piece -> piece.codePoints().forEach(c -> characters.computeIfAbsent(c, _ -> {
      Integer known = parts.putIfAbsent(Character.toString(c), next[0]);
      return known == null ? next[0]++ : known;
    })));
    this.merges = Merges.of(parts, pieces.normal(), pieces.ranks());
  }

  @Override
  void tokens(Text text, int from, int to, Pieces out) {
    BpeWord word = new BpeWord(to - from);
    int unknown = pieces.size() + characters.size() + 1;
    for (int at = from; at < to; ) {
      int end = at;
      int id = -1;
      int node = 0;
      for (int i = at; i < to; i++) {
        node = defined.child(node, text.at(i));
        if (node < 0) {
          break;
        }
        if (defined.value(node) >= 0) {
          id = defined.value(node);
          end = i + 1;
        }
      }
      if (id < 0) {
        end = at + 1;
        id = characters.getOrDefault(text.at(at), unknown);
      }
      word.append(id, at - from, end - from);
      at = end;
    }
    word.merge(merges);
    Pieces found = new Pieces("");
    word.add(found);
    int i = 0;
    while (i < found.length()) {
      int start = found.start(i);
      if (found.id(i) < pieces.size()) {
        out.add(found.id(i), start, found.end(i++));
        continue;
      }
      int end = found.end(i++);
      while (pieces.bytes().length == 0 && i < found.length() && found.id(i) >= pieces.size()) {
        end = found.end(i++);
      }
      unknown(text.string(from + start, from + end), start, end, out);
    }
  }

  private void unknown(String characters, int start, int end, Pieces out) {
    if (pieces.bytes().length == 0) {
      out.add(pieces.unknown(), start, end);
      return;
    }
    for (byte b : characters.getBytes(StandardCharsets.UTF_8)) {
      out.add(pieces.bytes()[b & 0xFF].orElse(pieces.unknown()), start, end);
    }
  }
}
