package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.train.recipe.Schedule;
import io.github.lora4j.train.recipe.Schedule.Kind;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
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
    for (Map.Entry<Path, JsonNode> read : GoldenCases.read("optim", checks).entrySet()) {
      Path file = read.getKey();
      JsonNode curves = read.getValue().path("multipliers");
      curves.fieldNames().forEachRemaining(name -> checks.put(GoldenCases.name(file) + "/" + name, () -> compare(name, curves.path(name))));
    }
    return GoldenCases.tests("optim", checks);
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
    if (!parts.matches()) {
      throw GoldenCases.notYet("a curve whose name says no kind and numbers that are known here");
    }
    Map<String, Double> n = new LinkedHashMap<>();
    for (Matcher m = NUMBER.matcher(parts.group("numbers")); m.find();) {
      // Numbers without a letter are told by their place.
      n.put(m.group(1) == null ? "#" + n.size() : m.group(1), Double.parseDouble(m.group(2)));
    }
    String kind = switch (parts.group("kind")) {
      case "cosine_restarts" -> "COSINE_WITH_RESTARTS";
      case "cosine_min_lr" -> "COSINE_WITH_MIN_LR";
      case "wsd" -> "WARMUP_STABLE_DECAY";
      case String given -> given.toUpperCase(Locale.ROOT);
    };
    Kind known = Arrays.stream(Kind.values()).filter(k -> k.name().equals(kind)).findFirst()
        .orElseThrow(() -> GoldenCases.notYet("schedule " + parts.group("kind")));
    double cycles = n.getOrDefault("c", 1.0);
    if (cycles != Math.rint(cycles)) {
      throw GoldenCases.notYet("schedule %s with %s cycles".formatted(parts.group("kind"), cycles));
    }
    // Hugging Face's polynomial ends at 1e-7 where nothing is said.
    double end = known == Kind.POLYNOMIAL ? n.getOrDefault("end", 1e-7) : n.getOrDefault("r", 0.0);
    int warmup = n.getOrDefault("w", n.getOrDefault("#0", 0.0)).intValue();
    int decay = n.getOrDefault("#2", 0.0).intValue();
    int total = n.containsKey("t") ? n.get("t").intValue() : warmup + n.getOrDefault("#1", 0.0).intValue() + decay;
    return new Schedule(known, warmup, total, (int) cycles, n.getOrDefault("p", 1.0), end, decay);
  }
}
