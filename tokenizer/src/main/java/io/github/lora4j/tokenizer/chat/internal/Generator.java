package io.github.lora4j.tokenizer.chat.internal;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** What filters such as map and selectattr give: elements that can be taken once. */
final class Generator implements Value {

  private final Iterator<Value> values;

  Generator(List<Value> values) {
    this.values = values.iterator();
  }

  boolean hasNext() {
    return values.hasNext();
  }

  Value next() {
    return values.next();
  }

  List<Value> rest() {
    List<Value> rest = new ArrayList<>();
    values.forEachRemaining(rest::add);
    return rest;
  }
}
