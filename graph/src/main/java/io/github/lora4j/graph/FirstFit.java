package io.github.lora4j.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A slab over time in which each block gets the lowest bytes that are free throughout its life. A binary tree over time keeps, for each node,
 * the bytes that some block takes at some time of the node and those that a block takes all the time, as merged ranges; blocks that lie one on
 * another are one range, so that the deep stacks of a training program are passed in one step and n blocks take about n·log² n.
 */
final class FirstFit {

  /** Disjoint ranges of bytes that do not touch: start to end. */
  private static final class Ranges {
    private final TreeMap<Long, Long> ends = new TreeMap<>();

    void add(long from, long to) {
      Map.Entry<Long, Long> before = ends.floorEntry(to);
      long start = from;
      long end = to;
      while (before != null && before.getValue() >= start) {
        start = Math.min(start, before.getKey());
        end = Math.max(end, before.getValue());
        ends.remove(before.getKey());
        before = ends.floorEntry(end);
      }
      ends.put(start, end);
    }

    /** The lowest byte from {@code at} on where this many are free. */
    long free(long at, long bytes) {
      long from = at;
      Map.Entry<Long, Long> before = ends.lowerEntry(from + bytes);
      if (before == null || before.getValue() <= from) {
        return from;
      }
      // The ranges from here upwards, until one leaves a gap that is wide enough.
      Map.Entry<Long, Long> first = ends.floorEntry(from);
      for (Map.Entry<Long, Long> range : ends.tailMap(first == null ? from : first.getKey(), true).entrySet()) {
        if (from + bytes <= range.getKey()) {
          break;
        }
        from = Math.max(from, range.getValue());
      }
      return from;
    }
  }

  private final int leaves;
  private final Ranges[] sometimes;
  private final Ranges[] always;

  /**
   * An empty slab.
   *
   * @param times lives are from 0 to below this
   */
  FirstFit(int times) {
    leaves = Math.max(1, Integer.highestOneBit(Math.max(1, times - 1)) * 2);
    sometimes = new Ranges[2 * leaves];
    always = new Ranges[2 * leaves];
  }

  /** The first byte of a block that lives from one time to another, both included. */
  long place(int from, int to, long bytes) {
    List<Ranges> taken = new ArrayList<>();
    collect(1, 0, leaves - 1, from, to, taken);
    long at = 0;
    for (int agreed = 0, i = 0; agreed < taken.size(); i = (i + 1) % taken.size()) {
      long next = taken.get(i).free(at, bytes);
      agreed = next == at ? agreed + 1 : 1;
      at = next;
    }
    if (bytes > 0) {
      add(1, 0, leaves - 1, from, to, at, at + bytes);
    }
    return at;
  }

  private void collect(int node, int first, int last, int from, int to, List<Ranges> taken) {
    if (to < first || last < from || sometimes[node] == null) {
      return;
    }
    if (from <= first && last <= to) {
      taken.add(sometimes[node]);
      return;
    }
    if (always[node] != null) {
      taken.add(always[node]);
    }
    int middle = (first + last) >>> 1;
    collect(2 * node, first, middle, from, to, taken);
    collect(2 * node + 1, middle + 1, last, from, to, taken);
  }

  private void add(int node, int first, int last, int from, int to, long start, long end) {
    if (to < first || last < from) {
      return;
    }
    sometimes[node] = sometimes[node] == null ? new Ranges() : sometimes[node];
    sometimes[node].add(start, end);
    if (from <= first && last <= to) {
      always[node] = always[node] == null ? new Ranges() : always[node];
      always[node].add(start, end);
      return;
    }
    int middle = (first + last) >>> 1;
    add(2 * node, first, middle, from, to, start, end);
    add(2 * node + 1, middle + 1, last, from, to, start, end);
  }
}
