package io.github.lora4j.models.families;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Entries of distances against transformers' {@code make_log_bucket_position} under PyTorch 2.13. A line has the buckets, the most, and for each
 * distance beyond the middle where the bucket changes that distance and its bucket.
 */
class DistancesTest {

  private static final int RECORDED = 2000;

  @TestFactory
  Stream<DynamicTest> bucketsAreThoseOfTransformers() throws IOException {
    try (InputStream in = Objects.requireNonNull(DistancesTest.class.getResourceAsStream("/buckets/deberta.txt"))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList().stream().map(line -> DynamicTest.dynamicTest(
          line.split(" ")[0] + " of " + line.split(" ")[1], () -> check(line.split(" "))));
    }
  }

  private static void check(String[] line) {
    int buckets = Integer.parseInt(line[0]);
    Distances distances = new Distances(ModelConfig.of(Map.of()), buckets, Integer.parseInt(line[1]), buckets);
    NavigableMap<Integer, Integer> changes = new TreeMap<>();
    for (int i = 2; i < line.length; i++) {
      changes.put(Integer.valueOf(line[i].split(":")[0]), Integer.valueOf(line[i].split(":")[1]));
    }
    for (int d = 0; d <= RECORDED; d++) {
      int bucket = changes.floorEntry(d) == null ? Math.min(d, buckets / 2) : changes.floorEntry(d).getValue();
      assertEquals(Math.min(buckets + bucket, 2 * buckets - 1), distances.entry(d), d + " behind");
      assertEquals(Math.max(buckets - bucket, 0), distances.entry(-d), d + " ahead");
    }
  }

  @Test
  void withoutBucketsTheFarthestShareTheEnds() {
    Distances distances = new Distances(ModelConfig.of(Map.of()), 0, 0, 5);
    assertEquals(5, distances.entry(0));
    assertEquals(9, distances.entry(4));
    assertEquals(9, distances.entry(7));
    assertEquals(1, distances.entry(-4));
    assertEquals(0, distances.entry(-7));
  }

  @Test
  void distancesWithoutABucketAreAnError() {
    Distances distances = new Distances(ModelConfig.of(Map.of()), 8, 5, 8);
    assertEquals(12, distances.entry(4));
    String message = assertThrows(FormatException.class, () -> distances.entry(6)).getMessage();
    assertTrue(message.contains("position_buckets 8") && message.contains("max_relative_positions 5"), message);
  }
}
