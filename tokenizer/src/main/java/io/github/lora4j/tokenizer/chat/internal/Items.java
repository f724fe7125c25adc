package io.github.lora4j.tokenizer.chat.internal;

import java.util.List;

/**
 * A list, a tuple, a range or a view of a dict.
 *
 * @param kind which of them
 * @param values the elements
 * @param origin where a list of a message lies
 */
record Items(Kind kind, List<Value> values, Origin origin) implements Value {

  /** Kinds of sequences. */
  enum Kind {
    LIST("list"), TUPLE("tuple"), RANGE("range"), KEYS("dict_keys"), VALUES("dict_values"), ITEMS("dict_items");

    private final String python;

    Kind(String python) {
      this.python = python;
    }

    String python() {
      return python;
    }

    /** Whether elements have indices. */
    boolean indexed() {
      return this == LIST || this == TUPLE || this == RANGE;
    }
  }

  static Items list(List<Value> values) {
    return new Items(Kind.LIST, values, Origin.LITERAL);
  }

  static Items tuple(List<Value> values) {
    return new Items(Kind.TUPLE, values, Origin.LITERAL);
  }
}
