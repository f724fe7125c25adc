package io.github.lora4j.tornado;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Where frozen matrices lie. An element has one number, from which kernels find its code in the table, its scale in the weights: a byte for each and
 * a scale for 16, then a nibble and two floats for 32. So bytes are numbered first, and nibbles from twice as far on. Halves follow in the table,
 * floats in the weights.
 */
final class WeightPlaces {

  private static final int TABLE_FLOATS = 1 << Short.SIZE;

  private record Place(int where, int at, int table) {}

  private final Map<Value, Place> places = new HashMap<>();
  private final Map<Value, WeightFormat> formats = new HashMap<>();
  /** What follows one another in memory: tables of all halves of a type, of sixteen nibbles. */
  private final List<float[]> tables = new ArrayList<>();
  private final Map<List<Float>, Integer> codes = new HashMap<>();
  private final Map<DType, Integer> halfTables = new HashMap<>();
  private long tableFloats;
  private final long most;
  private final int weightsEnd;
  private final int tableEnd;

  WeightPlaces(List<Value> matrices, CompileOptions options, long most) {
    this.most = most;
    matrices.forEach(matrix -> formats.put(matrix, Blocks.readable(matrix, options.of(matrix))));
    requireNumbered(matrices.stream().mapToLong(matrix -> align(matrix.shape().elements())).sum());
    long bytes = place(matrices, Moves.IN_BYTES, 0);
    long nibbles = place(matrices, Moves.IN_NIBBLES, 2 * bytes);
    boolean some = nibbles > 2 * bytes;
    long halves = place(matrices, Moves.IN_HALVES, Math.ceilDiv(some ? nibbles / 2 : bytes, 2));
    long floats = place(matrices, Moves.IN_WEIGHTS, Math.ceilDiv(some ? nibbles : bytes, 16));
    tableEnd = Math.toIntExact(Math.ceilDiv(halves, 2));
    weightsEnd = Math.toIntExact(floats);
  }

  /** Kernels number frozen elements by an int, however many bits each has. */
  private void requireNumbered(long frozen) {
    if (frozen > most) {
      throw new ResourceException(("the frozen weights of this program have %,d elements, in F32 or in 16 bits; this backend numbers at most %,d: "
          + "use a smaller model, or the backend cpu").formatted(frozen, most));
    }
  }

  private static long align(long elements) {
    return Math.ceilDiv(elements, 2L * Layout.BLOCK) * 2 * Layout.BLOCK;
  }

  private long place(List<Value> matrices, int where, long from) {
    long at = align(from);
    for (Value matrix : matrices) {
      WeightFormat format = format(matrix);
      if (Blocks.where(format) == where) {
        long end = at + align(matrix.shape().elements());
        requireNumbered(end);
        places.put(matrix, new Place(where, (int) at, table(format)));
        at = end;
      }
    }
    return at;
  }

  private int table(WeightFormat format) {
    if (format instanceof Elements elements) {
      return elements.type() == DType.F32 ? 0 : halfTables.computeIfAbsent(elements.type(), this::halves);
    }
    float[] of = Blocks.codes(format);
    List<Float> key = new ArrayList<>();
    for (float code : of) {
      key.add(code);
    }
    return codes.computeIfAbsent(key, _ -> added(of));
  }

  private int halves(DType type) {
    float[] all = new float[TABLE_FLOATS];
    for (int bits = 0; bits < all.length; bits++) {
      all[bits] = type == DType.F16 ? Float.float16ToFloat((short) bits) : DType.bf16ToFloat((short) bits);
    }
    return added(all);
  }

  private int added(float[] table) {
    tables.add(table);
    tableFloats += table.length;
    return Math.toIntExact(tableFloats - table.length);
  }

  WeightFormat format(Value matrix) {
    return Objects.requireNonNull(formats.get(matrix), "a frozen matrix");
  }

  /** @param tables place in memory of the tables */
  Layout.Weight of(Value matrix, int tables) {
    Place place = Objects.requireNonNull(places.get(matrix), "every matrix has a place");
    return new Layout.Weight(place.where, place.at, tables + place.table);
  }

  /** Floats of the weights. */
  int weightsEnd() {
    return weightsEnd;
  }

  /** Ints of the table. */
  int tableEnd() {
    return tableEnd;
  }

  long decodeFloats() {
    return Math.ceilDiv(tableFloats, Layout.BLOCK) * Layout.BLOCK;
  }

  void fillTables(FloatArray memory, int at) {
    int to = at;
    for (float[] table : tables) {
      for (float value : table) {
        memory.set(to++, value);
      }
    }
  }

  /** The formats, for people. */
  String describe() {
    return new TreeSet<>(formats.values().stream().map(WeightFormat::name).toList()).stream().collect(Collectors.joining(", "));
  }
}
