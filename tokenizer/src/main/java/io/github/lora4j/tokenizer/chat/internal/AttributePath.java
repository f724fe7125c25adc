package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.math.BigInteger;

/** The attribute that filters such as map and selectattr look at: names and indices with dots between them. */
final class AttributePath {

  private AttributePath() {}

  static Value get(Run run, Value value, Value path) {
    if (path instanceof None) {
      return value;
    }
    if (!(path instanceof Str text)) {
      return Access.subscript(run, value, path);
    }
    Value result = value;
    for (String part : text.text().split("\\.", -1)) {
      boolean index = !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
      result = Access.subscript(run, result, index ? new Int(new BigInteger(part)) : Str.literal(part));
    }
    return result;
  }

  /** As a key to sort or compare by: without case, unless it matters. */
  static Value key(Run run, Value value, Value path, boolean caseSensitive) {
    Value key = Undefined.given(path) ? get(run, value, path) : value;
    return key instanceof Str text && !caseSensitive ? Casing.lower(text) : key;
  }
}
