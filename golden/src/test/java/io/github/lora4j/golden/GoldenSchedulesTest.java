package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.train.Schedule;
import io.github.lora4j.train.Schedule.Kind;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Learning-rate factors as transformers computed them. A curve's name says its kind and numbers: {@code linear_w7_t50}. */
class GoldenSchedulesTest {

  private static final Pattern NAME = Pattern.compile("(?<kind>[a-z]+(?:_[a-z]+)*?)(?<numbers>(?:_(?:w|t|c|p|r|end)?[0-9.]+(?:e-?\\d+)?)*)");
  private static final Pattern NUMBER = Pattern.compile("_(w|t|c|p|r|end)?([0-9.]+(?:e-?\\d+)?)");

  @TestFactory
  Stream<DynamicTest> curves() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles("optim")) {
      JsonNode curves = GoldenCases.json(file).path("multipliers");
      curves.fieldNames().forEachRemaining(name -> checks.put(GoldenCases.name(file) + "/" + name, () -> compare(name, curves.path(name))));
    }
    return GoldenCases.tests("learning rates", checks);
  }

  private static void compare(String name, JsonNode want) {
    Schedule schedule = schedule(name);
    assertTrue(want.size() > 0, name);
    for (int step = 0; step < want.size(); step++) {
      assertEquals(want.get(step).asDouble(), schedule.factor(step), 1e-12, "%s at step %d".formatted(schedule, step));
    }
  }

  private static Schedule schedule(String name) {
    Matcher parts = NAME.matcher(name);
    assertTrue(parts.matches(), name);
    Map<String, Double> n = new LinkedHashMap<>();
    for (Matcher m = NUMBER.matcher(parts.group("numbers")); m.find();) {
      // Numbers without a letter are told by their place.
      n.put(m.group(1) == null ? "#" + n.size() : m.group(1), Double.parseDouble(m.group(2)));
    }
    Kind kind = switch (parts.group("kind")) {
      case "cosine_restarts" -> Kind.COSINE_WITH_RESTARTS;
      case "cosine_min_lr" -> Kind.COSINE_WITH_MIN_LR;
      case "wsd" -> Kind.WARMUP_STABLE_DECAY;
      case String known -> Kind.valueOf(known.toUpperCase(java.util.Locale.ROOT));
    };
    int warmup = n.getOrDefault("w", n.getOrDefault("#0", 0.0)).intValue();
    int decay = n.getOrDefault("#2", 0.0).intValue();
    int total = n.containsKey("t") ? n.get("t").intValue() : warmup + n.getOrDefault("#1", 0.0).intValue() + decay;
    return new Schedule(kind, warmup, total, n.getOrDefault("c", 1.0).intValue(), n.getOrDefault("p", 1.0),
        n.getOrDefault("end", n.getOrDefault("r", 0.0)), decay);
  }
}
