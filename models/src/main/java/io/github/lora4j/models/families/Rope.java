package io.github.lora4j.models.families;

import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Kernels;

/**
 * Rotary positions (Su et al. 2021) with the scalings of Hugging Face's {@code rope_scaling}; {@link RopeScaling} reads them.
 *
 * <p>"dynamic" and "longrope" take other angles for longer sequences. A sequence here goes by its own length. Hugging Face goes by that of the
 * batch, padding included, so that there a sequence gets other numbers beside a longer one, and in training other ones than alone;
 * {@link io.github.lora4j.models.PackedBatch.Sequence#paddedTo} asks for that.
 *
 * @param name of the table in the program
 * @param columns of a head that turn; those behind stay
 * @param neighbours whether columns 2j and 2j + 1 make a pair, not j and j + columns/2
 */
record Rope(String name, int columns, boolean neighbours, RopeScaling scaling) {

  /** Name of the constant that holds the angles of the positions, or of the slot where they depend on the length. */
  static final String TABLE = "rope.table";

  /** Rotary positions of whole heads. */
  static Rope of(ModelConfig config, int headSize) {
    return of(TABLE, config, RopeScaling.parameters(config), headSize);
  }

  /** Rotary positions by an object of parameters, such as a layer type's. */
  static Rope of(String name, ModelConfig config, ModelConfig parameters, int headSize) {
    double part = parameters.positive("partial_rotary_factor", config.positive("partial_rotary_factor", config.positive("rotary_pct", 1)));
    int size = (int) (headSize * part);
    // As in transformers an odd number of columns turns as one more, by the frequencies of the odd number.
    int columns = size + size % 2;
    if (part > 1 || size == 0 || columns > headSize) {
      throw config.error("heads of %d of which a part of %s turns by positions: the part must be at most 1, and hold at least a pair of columns"
          .formatted(headSize, part));
    }
    return new Rope(name, columns, false, RopeScaling.of(config, parameters, size));
  }

  /** The same with neighbouring columns as pairs. */
  Rope ofNeighbours() {
    return new Rope(name, columns, true, scaling);
  }

  /** Turns the heads of queries or keys, which are the rows wanted. */
  Value turn(Sites sites, PackedInputs in, Rows wanted, Value x, int heads) {
    Kernels.Turn turn = new Kernels.Turn(heads, x.shape().cols() / heads, columns, neighbours);
    if (scaling.byLength()) {
      Value table = in.byLength(name, columns, this::angles);
      return sites.graph().rope(x, in.rows(wanted), table, turn);
    }
    Value table = sites.graph().program().constant(name, Shape.of(in.maxLength(), columns), () -> table(in.maxLength()));
    return sites.graph().rope(x, in.positions(wanted), table, turn);
  }

  /** Cosines of half the columns, then sines, for positions below {@code count}. */
  float[] table(int count) {
    float[] table = new float[count * columns];
    for (int p = 0; p < count; p++) {
      angles(p, count, table, p * columns);
    }
    return table;
  }

  private void angles(int position, int length, float[] into, int at) {
    double[] frequencies = scaling.frequencies(length);
    for (int j = 0; j < columns / 2; j++) {
      into[at + j] = (float) (scaling.magnitude() * Math.cos(position * frequencies[j]));
      into[at + columns / 2 + j] = (float) (scaling.magnitude() * Math.sin(position * frequencies[j]));
    }
  }
}
