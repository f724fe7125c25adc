package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.inference.reading.Embedder;
import io.github.lora4j.inference.reading.Reader;
import io.github.lora4j.models.ModelDirectory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Vectors of a decoder, pooled as its files say. A causal model tells the poolings apart: no token sees those behind it. */
class EmbeddingsTest {

  @TempDir
  Path directory;

  private float[][] read(String mode, String... texts) throws Exception {
    Path file = directory.resolve("1_Pooling/config.json");
    Files.createDirectories(file.getParent());
    Files.writeString(file, "{\"pooling_mode_cls_token\": %s, \"pooling_mode_mean_tokens\": %s, \"pooling_mode_lasttoken\": %s}".formatted(
        mode.equals("cls"), mode.equals("mean"), mode.equals("last")));
    try (Embedder embedder = new Embedder("tiny", ModelDirectory.open(directory), Map.of(), "cpu", 1)) {
      return embedder.read("tiny", java.util.Arrays.stream(texts).map(Reader.Text::of).toList()).outputs();
    }
  }

  @Test
  void aDecodersVectorsArePooledAsItsFilesSay() throws Exception {
    TinyServer.write(directory);
    float[][] last = read("last", "a", "ab", "abc");
    float[][] first = read("cls", "a", "ab", "abc");
    float[][] mean = read("mean", "a", "ab", "abc");
    for (int i = 1; i < 3; i++) {
      assertArrayEquals(first[0], first[i], 1e-6f, "the first token has seen nothing else");
    }
    assertEquals(1, length(last[2]), 1e-5);
    assertTrue(distance(last[1], first[1]) > 1e-2 && distance(last[2], last[1]) > 1e-2 && distance(mean[2], last[2]) > 1e-2);
    assertArrayEquals(first[0], last[0], 1e-6f, "of one token all are the same");
    assertArrayEquals(first[0], mean[0], 1e-6f);
    assertEquals(List.of(3, 3, 3), List.of(last.length, first.length, mean.length));
  }

  private static double length(float[] vector) {
    return distance(vector, new float[vector.length]);
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - (double) b[i]) * (a[i] - (double) b[i]);
    }
    return Math.sqrt(sum);
  }
}
