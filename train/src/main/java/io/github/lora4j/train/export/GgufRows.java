package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.lora.plain.MergedWeights;
import io.github.lora4j.models.gguf.GgufPlaces;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** One merged tensor as a GGUF file has it: its rows in the file's order, in a format, norms plus 1 where the family has them so. */
final class GgufRows {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final long CHUNK = 1 << 20;

  /**
   * How it is written.
   *
   * @param parameter its name inside the model
   * @param turned whether what is merged is the transpose
   */
  record Form(String parameter, boolean turned, WeightFormat format) {}

  /**
   * What is left of a change D after W + D was quantised, which then is W + D' with D' = kept·D + noise.
   *
   * @param share ⟨D', D⟩ / ⟨D, D⟩
   * @param error ‖D' − D‖ / ‖D‖
   */
  record Kept(double share, double error) {
    private static final Kept NOTHING = new Kept(0, 0);
  }

  private final MergedWeights merged;
  private final String name;
  private final GgufPlaces places;
  private final Form form;
  private final GgufTensor tensor;
  private Kept kept = Kept.NOTHING;

  GgufRows(MergedWeights merged, String name, GgufPlaces places, Form form, GgufTensor tensor) {
    this.merged = merged;
    this.name = name;
    this.places = places;
    this.form = form;
    this.tensor = tensor;
  }

  GgufTensor tensor() {
    return tensor;
  }

  /** Known once it was written; empty where nothing was quantised that the adapter changes. */
  Optional<Kept> kept() {
    return kept.equals(Kept.NOTHING) ? Optional.empty() : Optional.of(kept);
  }

  /** Copies a tensor as it is. */
  static void copy(GgufFile from, GgufTensor tensor, GgufWriter.Sink to) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.max(1, Math.min(CHUNK, tensor.bytes())));
      for (long at = 0; at < tensor.bytes(); at += CHUNK) {
        MemorySegment part = chunk.asSlice(0, Math.min(CHUNK, tensor.bytes() - at));
        from.read(tensor.name(), at, part);
        to.write(part);
      }
    }
  }

  void write(GgufWriter.Sink to) throws IOException {
    int cols = Math.toIntExact(tensor.columns());
    int count = Math.toIntExact(tensor.elements() / cols);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = ordered(arena, read(arena, merged, name), count, cols);
      MemorySegment blocks = arena.allocate(tensor.bytes(), 64);
      requireFinite(values);
      WeightFormats.encode(form.format, count, cols, new Elements(DType.F32), values, blocks);
      if (form.format instanceof Elements elements) {
        requireFinite(elements, blocks);
      } else if (merged.changed(name) && merged.source(name).isPresent()) {
        MemorySegment before = arena.allocate(values.byteSize(), 64);
        merged.base(name, before);
        measure(values, ordered(arena, before, count, cols), blocks, cols);
      }
      to.write(blocks);
    }
  }

  private static MemorySegment read(Arena arena, MergedWeights merged, String name) {
    MemorySegment values = arena.allocate(merged.info(name).elements() * Float.BYTES, 64);
    merged.read(name, DType.F32, values);
    return values;
  }

  /** Values in the file's order. */
  private MemorySegment ordered(Arena arena, MemorySegment from, int count, int cols) {
    boolean vector = tensor.shape().size() < 2;
    boolean shifted = places.shifted(form.parameter);
    if (places.straight(form.parameter) && !form.turned && !shifted) {
      return from;
    }
    MemorySegment to = arena.allocate(from.byteSize(), 64);
    int rows = vector ? cols : count;
    int width = vector ? 1 : cols;
    for (int row = 0; row < rows; row++) {
      long ours = places.ours(form.parameter, row);
      for (int j = 0; j < width; j++) {
        float value = from.getAtIndex(FLOAT, form.turned ? (long) j * rows + ours : ours * width + j);
        to.setAtIndex(FLOAT, (long) row * width + j, shifted ? value + 1 : value);
      }
    }
    return to;
  }

  private void requireFinite(MemorySegment values) {
    requireFinite(new Elements(DType.F32), values);
  }

  private void requireFinite(Elements elements, MemorySegment values) {
    for (long i = 0; i < values.byteSize() / elements.blockBytes(); i++) {
      if (!Double.isFinite(elements.get(values, i))) {
        throw new FormatException(("merge: element %d of %s becomes %s as %s; the adapter or the base is broken, or the type too narrow for it: F32 and "
            + "BF16 hold larger numbers than F16").formatted(i, name, elements.get(values, i), elements.type()));
      }
    }
  }

  private void measure(MemorySegment values, MemorySegment before, MemorySegment blocks, int cols) {
    double square = 0;
    double inner = 0;
    double error = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment decoded = arena.allocate((long) cols * Float.BYTES, 64);
      for (long row = 0; row * cols * Float.BYTES < values.byteSize(); row++) {
        form.format.decode(blocks, row * WeightFormats.rowBytes(form.format, cols), decoded, 0, cols);
        for (int j = 0; j < cols; j++) {
          double old = before.getAtIndex(FLOAT, row * cols + j);
          double change = values.getAtIndex(FLOAT, row * cols + j) - old;
          double left = decoded.getAtIndex(FLOAT, j) - old;
          square += change * change;
          inner += change * left;
          error += (left - change) * (left - change);
        }
      }
    }
    kept = square == 0 ? Kept.NOTHING : new Kept(inner / square, Math.sqrt(error / square));
  }
}
