package io.github.lora4j.testkit;

import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.testkit.TestProgram.Table;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Integer inputs as a host builds them: ids with their inverses, segments, ranges, dropout keys. */
public final class Tables {

  private Tables() {}

  /** Rows of b, plus those rows of a that an injective id list picks; some rows of either find no partner. */
  public static Value join(TestProgram p, Value a, Value b) {
    RowAxis from = a.shape().axis().orElseThrow();
    RowAxis to = b.shape().axis().orElseThrow();
    Value ids = p.table("join.ids", Shape.of(to, 1), live -> partners(live.of(from), live.of(to)));
    Value inverse = p.table("join.inverse", Shape.of(from, 1), live -> {
      int[] partners = partners(live.of(from), live.of(to));
      int[] inverted = new int[live.of(from)];
      Arrays.fill(inverted, -1);
      for (int i = 0; i < partners.length; i++) {
        if (partners[i] >= 0) {
          inverted[partners[i]] = i;
        }
      }
      return inverted;
    });
    return p.graph().gather(a, ids, inverse, b);
  }

  private static int[] partners(int from, int to) {
    List<Integer> rows = new ArrayList<>();
    for (int i = 0; i < Math.max(from, to); i++) {
      rows.add(i < from ? i : -1);
    }
    Collections.shuffle(rows, new Random(31L * from + to));
    int[] ids = rows.subList(0, to).stream().mapToInt(i -> i).toArray();
    for (int i = 3; i < to; i += 4) {
      ids[i] = -1;
    }
    return ids;
  }

  /** Row ids and what they invert to. */
  public record Picked(Value ids, Value inverse) {}

  /** The first row of each range that {@link #segments} and {@link #ranges} cut; none for an empty one. */
  public static Picked firsts(TestProgram p, RowAxis pieces, RowAxis rows) {
    Value ids = p.table("firsts", Shape.of(pieces, 1), live -> firsts(live.of(rows), live.of(pieces)));
    Value inverse = p.table("firsts.inverse", Shape.of(rows, 1), live -> {
      int[] inverted = new int[live.of(rows)];
      Arrays.fill(inverted, -1);
      int[] firsts = firsts(live.of(rows), live.of(pieces));
      for (int i = 0; i < firsts.length; i++) {
        if (firsts[i] >= 0) {
          inverted[firsts[i]] = i;
        }
      }
      return inverted;
    });
    return new Picked(ids, inverse);
  }

  private static int[] firsts(int rows, int pieces) {
    int[] cuts = cuts(rows, pieces);
    int[] firsts = new int[pieces];
    Arrays.setAll(firsts, i -> cuts[i] < cuts[i + 1] ? cuts[i] : -1);
    return firsts;
  }

  /** Ids with repetitions and some −1 into a table of so many entries, with the scatter index that its gradient needs. */
  public static Value ids(TestProgram p, String name, RowAxis axis, int entries) {
    RowAxis unique = p.axis(name + "Unique", Math.min(axis.capacity(), entries));
    Table of = live -> ids(live.of(axis), live.of(unique), entries);
    Value ids = p.table(name, Shape.of(axis, 1), of);
    p.table(name + ".unique", Shape.of(unique, 1), live -> Arrays.copyOf(unique(of.at(live)), live.of(unique)));
    p.table(name + ".starts", Shape.of(unique.capacity() + 1, 1), live -> starts(of.at(live), live.of(unique)));
    p.table(name + ".order", Shape.of(axis, 1), live -> order(of.at(live)));
    return ids;
  }

  /** At most {@code distinct} different ids, spread over the table. */
  private static int[] ids(int rows, int distinct, int entries) {
    return new Random(rows).ints(rows, -1, distinct).map(id -> id < 0 ? -1 : (id * 7 + 3) % entries).toArray();
  }

  private static Map<Integer, List<Integer>> places(int[] ids) {
    Map<Integer, List<Integer>> places = new TreeMap<>();
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] >= 0) {
        places.computeIfAbsent(ids[i], id -> new ArrayList<>()).add(i);
      }
    }
    return places;
  }

  private static int[] unique(int[] ids) {
    return places(ids).keySet().stream().mapToInt(i -> i).toArray();
  }

  /** Where live rows of the unique axis exceed the distinct ids, the rest are empty lists. */
  private static int[] starts(int[] ids, int live) {
    int[] starts = new int[live + 1];
    List<List<Integer>> lists = List.copyOf(places(ids).values());
    for (int u = 0; u < live; u++) {
      starts[u + 1] = starts[u] + (u < lists.size() ? lists.get(u).size() : 0);
    }
    return starts;
  }

  private static int[] order(int[] ids) {
    return places(ids).values().stream().flatMap(List::stream).mapToInt(i -> i).toArray();
  }

  /**
   * Segments that cut the live query and key rows into pieces of uneven length; the last rows of either belong to no segment.
   *
   * @param spareKeys keys of each segment that no query sees
   */
  public static Value segments(TestProgram p, RowAxis segments, RowAxis queries, RowAxis keys, int offset, int spareKeys) {
    return p.table("segments", Shape.of(segments, 5), live -> {
      int count = live.of(segments);
      int[] q = cuts(live.of(queries), count);
      int[] k = cuts(live.of(keys), count);
      int[] table = new int[5 * count];
      for (int i = 0; i < count; i++) {
        table[5 * i] = q[i];
        table[5 * i + 1] = q[i + 1] - q[i];
        table[5 * i + 2] = k[i];
        table[5 * i + 3] = Math.max(0, k[i + 1] - k[i] - spareKeys);
        table[5 * i + 4] = offset;
      }
      return table;
    });
  }

  /** Ranges of uneven length, some empty, that cover the live rows when there is any range. */
  public static Value ranges(TestProgram p, String name, RowAxis ranges, RowAxis rows) {
    return p.table(name, Shape.of(ranges, 2), live -> {
      int count = live.of(ranges);
      int[] cuts = cuts(live.of(rows), count);
      int[] table = new int[2 * count];
      for (int i = 0; i < count; i++) {
        table[2 * i] = cuts[i];
        table[2 * i + 1] = cuts[i + 1] - cuts[i];
      }
      return table;
    });
  }

  private static int[] cuts(int rows, int pieces) {
    int[] cuts = new int[pieces + 1];
    Random random = new Random(17L * rows + pieces);
    for (int i = 1; i < pieces; i++) {
      cuts[i] = random.nextInt(rows + 1);
    }
    Arrays.sort(cuts);
    cuts[pieces] = pieces == 0 ? 0 : rows;
    return cuts;
  }

  /** (example, position) of each row, and (seed, seed, step). */
  public static Value dropout(TestProgram p, Value x, String site, double probability) {
    RowAxis axis = x.shape().axis().orElseThrow();
    Value keys = p.table("keys." + axis.name(), Shape.of(axis, 2), live -> {
      int[] table = new int[2 * live.of(axis)];
      for (int i = 0; i < table.length; i++) {
        table[i] = i % 2 == 0 ? 100 + i / 10 : i / 2 % 5;
      }
      return table;
    });
    Value random = p.table("random", Shape.vector(3), live -> new int[] {0xDEADBEEF, 42, 7});
    return p.graph().dropout(x, keys, random, site, probability);
  }
}
