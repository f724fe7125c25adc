package io.github.lora4j.graph;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Where the temporaries of one entry lie in a slab: each is alive from the op that writes it to the last op that reads it, and
 * two that are never alive together may share bytes. First fit, largest first, at full capacity of every row axis.
 *
 * @param offsets first byte of each temporary
 * @param bytes size of the slab
 * @param withoutReuse what the slab would be if nothing were shared
 */
public record MemoryPlan(Map<Value, Long> offsets, long bytes, long withoutReuse) {

  private static final long ALIGN = 64;

  private record Life(Value value, int from, int to, long bytes) {}

  /**
   * Plans an entry.
   *
   * @param floatBytes bytes of a float element: 4, or 8 for the reference
   */
  public static MemoryPlan of(Program.Entry entry, int floatBytes) {
    Map<Value, Integer> first = new HashMap<>();
    Map<Value, Integer> last = new HashMap<>();
    // The last read of what an op reads while the next one, done together with it, writes already.
    Map<Value, Integer> held = new HashMap<>();
    List<Program.Node> nodes = entry.nodes();
    for (int i = 0; i < nodes.size(); i++) {
      for (Value out : nodes.get(i).op().outputs()) {
        first.putIfAbsent(out, i);
        last.put(out, i);
      }
      boolean fused = i + 1 < nodes.size() && nodes.get(i).op().fuses(nodes.get(i + 1).op());
      for (Value in : nodes.get(i).op().inputs()) {
        last.put(in, i);
        held.put(in, fused ? i + 1 : i);
      }
    }
    entry.outputs().values().forEach(value -> last.put(value, nodes.size()));

    Map<Value, Value> root = shareInPlace(nodes, last);
    Map<Value, Life> lives = new HashMap<>();
    long naive = 0;
    for (Value value : first.keySet()) {
      if (!value.slot()) {
        int end = Math.max(lastUse(last, value), held.getOrDefault(value, 0));
        Life life = new Life(root.getOrDefault(value, value), first.get(value), end, bytes(value, floatBytes));
        naive += life.bytes;
        lives.merge(life.value, life, (a, b) -> new Life(a.value, Math.min(a.from, b.from), Math.max(a.to, b.to), a.bytes));
      }
    }
    Map<Value, Long> offsets = new HashMap<>();
    long peak = place(lives, nodes.size() + 1, offsets);
    for (Value value : first.keySet()) {
      if (!value.slot()) {
        offsets.put(value, offsets.get(root.getOrDefault(value, value)));
      }
    }
    return new MemoryPlan(Map.copyOf(offsets), peak, naive);
  }

  /** Lets an op write over an input that nobody reads again. */
  private static Map<Value, Value> shareInPlace(List<Program.Node> nodes, Map<Value, Integer> last) {
    Map<Value, Value> root = new HashMap<>();
    Set<Value> taken = new HashSet<>();
    for (int i = 0; i < nodes.size(); i++) {
      Op op = nodes.get(i).op();
      for (Value out : op.outputs()) {
        if (out.slot()) {
          continue;
        }
        for (Value in : op.inPlace()) {
          boolean once = op.inputs().stream().filter(in::equals).count() == 1;
          if (once && !in.slot() && lastUse(last, in) == i && in.shape().equals(out.shape()) && taken.add(in)) {
            root.put(out, root.getOrDefault(in, in));
            break;
          }
        }
      }
    }
    return root;
  }

  private static long place(Map<Value, Life> lives, int times, Map<Value, Long> offsets) {
    List<Life> order = new ArrayList<>(lives.values());
    order.sort(Comparator.comparingLong((Life life) -> -life.bytes).thenComparingInt(life -> life.value.id()));
    FirstFit slab = new FirstFit(times);
    long peak = 0;
    for (Life life : order) {
      long at = slab.place(life.from, life.to, life.bytes);
      offsets.put(life.value, at);
      peak = Math.max(peak, at + life.bytes);
    }
    return peak;
  }

  private static long bytes(Value value, int floatBytes) {
    return (value.shape().elements() * (value.integer() ? 4 : floatBytes) + ALIGN - 1) / ALIGN * ALIGN;
  }

  private static int lastUse(Map<Value, Integer> last, Value value) {
    return Objects.requireNonNull(last.get(value), "a value of this entry");
  }
}
