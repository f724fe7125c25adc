package io.github.lora4j.models;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Host side of integer tables that only some recordings ask for, by name: {@link PackedInputs#around} and {@link Sites#FIXED_KEYS}. */
final class AskedTables {

  private @Nullable Program known;
  private final Map<Value, int[]> around = new LinkedHashMap<>();
  private final Map<Value, int[]> keys = new LinkedHashMap<>();

  /**
   * Writes those that the program has.
   *
   * @param first each sequence's first row, {@code last} its last
   * @param positions of the rows: padding that is not there still parts two rows
   */
  @SuppressWarnings("ReferenceEquality") // The very program: comparing two op by op would take longer than looking again.
  void write(Executable to, int[] first, int[] last, int sequences, int[] positions) {
    if (known != to.program()) {
      look(to.program());
    }
    int rows = sequences == 0 ? 0 : last[sequences - 1] + 1;
    for (Map.Entry<Value, int[]> entry : around.entrySet()) {
      boolean inverse = entry.getKey().name().endsWith(PackedInputs.Around.INVERSE);
      int taps = entry.getKey().shape().cols();
      for (int s = 0; s < sequences; s++) {
        fill(entry.getValue(), taps, inverse ? -1 : 1, first[s], last[s], positions);
      }
      to.write(entry.getKey(), entry.getValue(), rows * taps);
    }
    keys.forEach((slot, values) -> to.write(slot, values, values.length));
  }

  private static void fill(int[] table, int taps, int step, int first, int last, int[] positions) {
    for (int i = first; i <= last; i++) {
      for (int t = 0; t < taps; t++) {
        int away = step * (t - taps / 2);
        int j = i + away;
        table[i * taps + t] = j >= first && j <= last && positions[j] - positions[i] == away ? j : -1;
      }
    }
  }

  private void look(Program program) {
    around.clear();
    keys.clear();
    program.slots().values().forEach(slot -> {
      if (slot.name().startsWith(PackedInputs.Around.PREFIX)) {
        around.put(slot, new int[Math.toIntExact(slot.shape().elements())]);
      } else if (slot.name().startsWith(Sites.FIXED_KEYS)) {
        int[] values = new int[2 * slot.shape().rows()];
        // No example has this number, so that the rows share no mask with tokens.
        Arrays.setAll(values, i -> i % 2 == 0 ? -1 : i / 2);
        keys.put(slot, values);
      }
    });
    known = program;
  }
}
