package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.function.IntConsumer;

/**
 * A slice of something of a known length.
 *
 * @param start first index
 * @param stop index behind the last one, in the direction of the step
 * @param step distance of indices
 */
record Slicer(int start, int stop, int step) {

  static Slicer of(Run run, int length, Value start, Value stop, Value step) {
    int by = step instanceof None ? 1 : Values.clamp(Numbers.whole(step));
    if (by == 0) {
      throw run.fail("slice step cannot be zero");
    }
    int lowest = by < 0 ? -1 : 0;
    int highest = by < 0 ? length - 1 : length;
    return new Slicer(bound(start, length, lowest, highest, by < 0 ? highest : lowest),
        bound(stop, length, lowest, highest, by < 0 ? lowest : highest), by);
  }

  private static int bound(Value value, int length, int lowest, int highest, int otherwise) {
    if (value instanceof None) {
      return otherwise;
    }
    int at = Values.clamp(Numbers.whole(value));
    return Math.clamp(at < 0 ? (long) at + length : at, lowest, Math.max(lowest, highest));
  }

  void each(IntConsumer index) {
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      index.accept((int) i);
    }
  }

  Str of(Run run, Str text) {
    if (step == 1) {
      return start < stop ? text.part(start, stop) : Str.EMPTY;
    }
    run.spend(text.chars());
    StrBuilder out = new StrBuilder();
    each(i -> out.append(text, text.index(i), text.index(i + 1)));
    return out.build();
  }
}
