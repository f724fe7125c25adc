package io.github.lora4j.generate.sampling;

/** Tokens from the highest number down, as far as somebody wants to know them: a heap, since most of a vocabulary is never asked for. */
final class Ranking {

  private final long[] heap;
  private int size;

  Ranking(int vocabulary) {
    heap = new long[vocabulary];
  }

  /** Starts anew. */
  void clear() {
    size = 0;
  }

  /** Adds a token, before {@link #ready}. */
  void add(int token, float number) {
    int bits = Float.floatToRawIntBits(number + 0f);
    // Order of floats as order of integers; of equal ones the lower token comes first.
    long ordered = bits ^ (bits >> 31 & Integer.MAX_VALUE);
    heap[size++] = ordered << 32 | Integer.toUnsignedLong(~token);
  }

  /** Ends adding. */
  void ready() {
    for (int i = size / 2 - 1; i >= 0; i--) {
      sink(i);
    }
  }

  /** Tokens left. */
  int size() {
    return size;
  }

  /** Takes the token with the highest number away. */
  int next() {
    long top = heap[0];
    heap[0] = heap[--size];
    sink(0);
    return ~(int) top;
  }

  /** A token that is left, in no order. */
  int left(int index) {
    return ~(int) heap[index];
  }

  private void sink(int from) {
    int at = from;
    while (2 * at + 1 < size) {
      int child = 2 * at + 1;
      if (child + 1 < size && heap[child + 1] > heap[child]) {
        child++;
      }
      if (heap[at] >= heap[child]) {
        return;
      }
      long swapped = heap[at];
      heap[at] = heap[child];
      heap[child] = swapped;
      at = child;
    }
  }
}
