package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import java.util.Arrays;

/** A word while its parts are merged: parts at the place of their first, linked to their neighbours, and a heap of what can be merged. */
final class BpeWord {

  private int[] ids;
  private int[] starts;
  private int[] ends;
  private int length;
  private int[] next = new int[0];
  private int[] previous = new int[0];
  /** Rank and place of the left part in one number, the least first. */
  private long[] heap = new long[16];
  private int heaped;

  BpeWord(int expected) {
    ids = new int[expected];
    starts = new int[expected];
    ends = new int[expected];
  }

  /** A part with its characters. */
  void append(int id, int start, int end) {
    if (length == ids.length) {
      int capacity = Math.max(16, length * 2);
      ids = Arrays.copyOf(ids, capacity);
      starts = Arrays.copyOf(starts, capacity);
      ends = Arrays.copyOf(ends, capacity);
    }
    ids[length] = id;
    starts[length] = start;
    ends[length++] = end;
  }

  void merge(Merges merges) {
    next = new int[length];
    previous = new int[length];
    for (int i = 0; i < length; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (int i = 0; i + 1 < length; i++) {
      consider(merges, i);
    }
    while (heaped > 0) {
      long top = poll();
      int left = (int) top;
      // A part that is gone, or whose neighbours have changed, is passed over: its pair has another rank now, or none.
      if (ids[left] < 0 || next[left] == length) {
        continue;
      }
      int right = next[left];
      int merge = merges.find(ids[left], ids[right]);
      if (merge < 0 || merges.rank(merge) != (int) (top >> 32)) {
        continue;
      }
      ids[left] = merges.id(merge);
      ends[left] = ends[right];
      ids[right] = -1;
      next[left] = next[right];
      if (next[left] < length) {
        previous[next[left]] = left;
      }
      consider(merges, left);
      consider(merges, previous[left]);
    }
  }

  private void consider(Merges merges, int left) {
    if (left < 0 || next[left] == length) {
      return;
    }
    int merge = merges.find(ids[left], ids[next[left]]);
    if (merge >= 0) {
      add((long) merges.rank(merge) << 32 | left);
    }
  }

  private void add(long entry) {
    if (heaped == heap.length) {
      heap = Arrays.copyOf(heap, heaped * 2);
    }
    int at = heaped++;
    while (at > 0 && heap[at - 1 >> 1] > entry) {
      heap[at] = heap[at - 1 >> 1];
      at = at - 1 >> 1;
    }
    heap[at] = entry;
  }

  private long poll() {
    long top = heap[0];
    long entry = heap[--heaped];
    int at = 0;
    for (int child = 1; child < heaped; child = 2 * at + 1) {
      if (child + 1 < heaped && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= entry) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = entry;
    return top;
  }

  void add(Pieces out) {
    for (int i = 0; i < length; i = next[i]) {
      out.add(ids[i], starts[i], ends[i]);
    }
  }
}
