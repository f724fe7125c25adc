package io.github.lora4j.models.internal;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import java.util.function.LongUnaryOperator;

/**
 * Where rows of a GGUF tensor lie in Hugging Face's.
 *
 * <p>Rotary pairs: llama.cpp's Llama turns neighbours, Hugging Face's the two halves of a head, so the converter moves row {@code h·d + i} to
 * {@code h·d + 2i} and {@code h·d + d/2 + i} to {@code h·d + 2i + 1}, for i below half the size d of head h. By head: rows {@code [heads, 3, d]} become
 * {@code [3, heads, d]}.
 *
 * @param straight whether all stay
 * @param toOurs from a row in GGUF to ours
 */
public record RowOrder(boolean straight, LongUnaryOperator toOurs) {

  private static final RowOrder STRAIGHT = new RowOrder(true, row -> row);

  /** The order of a module's rows. */
  public static RowOrder of(String module, Architecture architecture, GgufKeys keys) {
    ModelConfig config = architecture.config();
    if (architecture.facts().files().permuted().stream().anyMatch(end -> ends(module, end))) {
      return halves(headSize(config));
    }
    if (keys.byHead().stream().anyMatch(end -> ends(module, end))) {
      long heads = config.size("num_attention_heads");
      long size = headSize(config);
      return new RowOrder(false, row -> {
        long part = row / (heads * size);
        long head = row / size % heads;
        return (head * 3 + part) * size + row % size;
      });
    }
    return STRAIGHT;
  }

  /** The order of heads of so many rows. */
  static RowOrder halves(int size) {
    return new RowOrder(false, row -> {
      long at = row % size;
      return row - at + at / 2 + (at % 2 == 0 ? 0 : size / 2);
    });
  }

  private static int headSize(ModelConfig config) {
    return config.has("head_dim") ? config.size("head_dim") : config.headSize("hidden_size", "num_attention_heads");
  }

  private static boolean ends(String module, String end) {
    return module.equals(end) || module.endsWith("." + end);
  }

  /** The row here of one there. */
  public long place(long row) {
    return toOurs.applyAsLong(row);
  }
}
