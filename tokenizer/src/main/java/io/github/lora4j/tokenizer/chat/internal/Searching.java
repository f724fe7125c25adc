package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.List;

/** Looking for strings in strings; indices are code points, Python's. */
final class Searching {

  private Searching() {}

  /** The part between the optional arguments start and end. */
  private static Slicer within(Run run, Str text, Value start, Value end) {
    Value from = Undefined.given(start) ? start : None.NONE;
    Value to = Undefined.given(end) ? end : None.NONE;
    if (!(from instanceof None || Numbers.isWhole(from)) || !(to instanceof None || Numbers.isWhole(to))) {
      throw run.fail("slice indices must be integers or None");
    }
    return Slicer.of(run, text.length(), from, to, None.NONE);
  }

  static Value affix(Run run, String method, Str text, Arguments arguments) {
    Value[] bound = arguments.bind(run, method, 1, "affix", "start", "end");
    String part = within(run, text, bound[1], bound[2]).of(run, text).text();
    List<Value> affixes = bound[0] instanceof Items items && items.kind() == Items.Kind.TUPLE ? items.values() : List.of(bound[0]);
    for (Value affix : affixes) {
      String wanted = Values.string(run, "the argument of " + method, affix).text();
      if (method.equals("startswith") ? part.startsWith(wanted) : part.endsWith(wanted)) {
        return Bool.TRUE;
      }
    }
    return Bool.FALSE;
  }

  static int find(Run run, String method, Str text, Arguments arguments) {
    Value[] bound = arguments.bind(run, method, 1, "sub", "start", "end");
    Slicer within = within(run, text, bound[1], bound[2]);
    if (within.start() > within.stop()) {
      return -1;
    }
    Str part = within.of(run, text);
    String wanted = Values.string(run, "the argument of " + method, bound[0]).text();
    run.characters(wanted.length());
    Needle needle = new Needle(wanted);
    int at = method.equals("find") ? needle.first(part.text(), 0) : needle.last(part.text(), part.chars());
    return at < 0 ? -1 : within.start() + part.codePoint(at);
  }

  static Value index(Run run, String method, Str text, Arguments arguments) {
    int at = find(run, method, text, arguments);
    if (at < 0) {
      throw run.fail("substring not found");
    }
    return Int.of(at);
  }

  static Value count(Run run, Str text, Arguments arguments) {
    Value[] bound = arguments.bind(run, "count", 1, "sub", "start", "end");
    Str part = within(run, text, bound[1], bound[2]).of(run, text);
    String wanted = Values.string(run, "the argument of count", bound[0]).text();
    if (wanted.isEmpty()) {
      return Int.of(part.length() + 1L);
    }
    int count = 0;
    run.characters(wanted.length());
    Needle needle = new Needle(wanted);
    for (int at = needle.first(part.text(), 0); at >= 0; at = needle.first(part.text(), at + wanted.length())) {
      count++;
    }
    return Int.of(count);
  }
}
