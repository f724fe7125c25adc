package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/** The variable loop, which looks ahead only as far as it is asked: a condition of the loop may depend on what its body sets. */
final class Loop implements Value {

  private static final Undefined NO_PREVIOUS = new Undefined("there is no previous item");
  private static final Undefined NO_NEXT = new Undefined("there is no next item");

  private final Iterator<Value> items;
  private final Deque<Value> ahead = new ArrayDeque<>();
  private Value previous = NO_PREVIOUS;
  private Value current = NO_PREVIOUS;
  private Value changed = NO_PREVIOUS;
  private int index = -1;

  Loop(Iterator<Value> items) {
    this.items = items;
  }

  boolean hasNext() {
    return !ahead.isEmpty() || items.hasNext();
  }

  Value next() {
    Value next = ahead.isEmpty() ? items.next() : ahead.removeFirst();
    previous = current;
    current = next;
    index++;
    return next;
  }

  int size() {
    items.forEachRemaining(ahead::add);
    return index + 1 + ahead.size();
  }

  private Value following() {
    if (!hasNext()) {
      return NO_NEXT;
    }
    if (ahead.isEmpty()) {
      ahead.add(items.next());
    }
    return ahead.getFirst();
  }

  Value attribute(Run run, String name) {
    return switch (name) {
      case "index0" -> Int.of(index);
      case "index" -> Int.of(index + 1L);
      case "first" -> Bool.of(index == 0);
      case "last" -> Bool.of(!hasNext());
      case "length" -> Int.of(size());
      case "revindex0" -> Int.of(size() - index - 1L);
      case "revindex" -> Int.of(size() - index);
      case "previtem" -> previous;
      case "nextitem" -> following();
      case "depth" -> Int.of(1);
      case "depth0" -> Int.of(0);
      case "cycle" -> (Callable) (_, arguments) -> cycle(run, arguments.positional());
      case "changed" -> (Callable) (_, arguments) -> changed(run, Items.tuple(arguments.positional()));
      default -> Undefined.member(this, name);
    };
  }

  private Value cycle(Run run, List<Value> values) {
    if (values.isEmpty()) {
      throw run.fail("loop.cycle needs values");
    }
    return values.get(index % values.size());
  }

  private Value changed(Run run, Value now) {
    if (changed instanceof Items && Equality.equal(run, changed, now)) {
      return Bool.FALSE;
    }
    changed = now;
    return Bool.TRUE;
  }
}
