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
 * Where frozen matrices lie: in banks, each of an array of ints and one of floats, as many as it takes for every element to have a number in its
 * bank. From that number kernels find its code in the bank's table and its scale in the bank's weights: a byte for each and a scale for 16, then a byte
 * for each and two floats for 16, then a nibble and two floats for 32. So bytes are numbered first, and nibbles from twice as far on. Halves follow in
 * the table, floats in the weights.
 */
final class WeightPlaces {

  private static final int TABLE_FLOATS = 1 << Short.SIZE;
  private static final int KINDS = Moves.IN_PAIRS + 1;

  private record Place(int bank, int where, int at, int table) {}

  /** Where the kinds of one bank begin, given the elements that each has, and where all end. */
  private record Bank(long[] starts, long weightsEnd, long tableEnd, long last) {
    static Bank of(long[] sizes) {
      long[] starts = new long[KINDS];
      starts[Moves.IN_PAIRS] = sizes[Moves.IN_BYTES];
      long bytes = starts[Moves.IN_PAIRS] + sizes[Moves.IN_PAIRS];
      starts[Moves.IN_NIBBLES] = 2 * bytes;
      long nibbles = 2 * bytes + sizes[Moves.IN_NIBBLES];
      boolean some = sizes[Moves.IN_NIBBLES] > 0;
      starts[Moves.IN_HALVES] = align(Math.ceilDiv(some ? nibbles / 2 : bytes, 2));
      starts[Moves.IN_WEIGHTS] = align(Math.ceilDiv(some ? nibbles : sizes[Moves.IN_PAIRS] > 0 ? 2 * bytes : bytes, 16));
      long halves = starts[Moves.IN_HALVES] + sizes[Moves.IN_HALVES];
      long floats = starts[Moves.IN_WEIGHTS] + sizes[Moves.IN_WEIGHTS];
      return new Bank(starts, floats, Math.ceilDiv(halves, 2), Math.max(Math.max(some ? nibbles : bytes, halves), floats));
    }
  }

  private final Map<Value, Place> places = new HashMap<>();
  private final Map<Value, WeightFormat> formats = new HashMap<>();
  /** What follows one another in memory: tables of all halves of a type, of sixteen nibbles. */
  private final List<float[]> tables = new ArrayList<>();
  private final Map<List<Float>, Integer> codes = new HashMap<>();
  private final Map<DType, Integer> halfTables = new HashMap<>();
  private final List<Bank> banks = new ArrayList<>();
  private long tableFloats;

  /** @param most elements that a bank can number */
  WeightPlaces(List<Value> matrices, CompileOptions options, long most) {
    matrices.forEach(matrix -> formats.put(matrix, Blocks.readable(matrix, options.of(matrix))));
    List<Value> together = new ArrayList<>();
    long[] sizes = new long[KINDS];
    for (Value matrix : matrices) {
      int where = Blocks.where(format(matrix));
      long elements = align(matrix.shape().elements());
      sizes[where] += elements;
      if (Bank.of(sizes).last > most) {
        sizes[where] -= elements;
        if (!together.isEmpty()) {
          close(together, sizes);
          together = new ArrayList<>();
        }
        sizes = new long[KINDS];
        sizes[where] = elements;
        if (Bank.of(sizes).last > most) {
          throw new ResourceException("%s has %,d elements; this backend numbers at most %,d of one matrix: use a smaller model, or the backend cpu"
              .formatted(matrix.name(), matrix.shape().elements(), most));
        }
      }
      together.add(matrix);
    }
    close(together, sizes);
  }

  private static long align(long elements) {
    return Math.ceilDiv(elements, 2L * Layout.BLOCK) * 2 * Layout.BLOCK;
  }

  private void close(List<Value> matrices, long[] sizes) {
    Bank bank = Bank.of(sizes);
    long[] next = bank.starts.clone();
    for (Value matrix : matrices) {
      WeightFormat format = format(matrix);
      int where = Blocks.where(format);
      places.put(matrix, new Place(banks.size(), where, Math.toIntExact(next[where]), table(format)));
      next[where] += align(matrix.shape().elements());
    }
    banks.add(bank);
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
    return new Layout.Weight(place.bank, place.where, place.at, tables + place.table);
  }

  /** Banks, at least one. */
  int banks() {
    return banks.size();
  }

  /** Floats of a bank's weights, at least one. */
  int weightsEnd(int bank) {
    return Math.toIntExact(Math.max(1, banks.get(bank).weightsEnd));
  }

  /** Ints of a bank's table. */
  int tableEnd(int bank) {
    return Math.toIntExact(banks.get(bank).tableEnd);
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
