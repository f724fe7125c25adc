package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.adalora.BudgetSchedule;
import io.github.lora4j.adalora.BudgetSchedule.Convention;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** AdaLoRA's budget at every step, as PEFT and the authors' code computed it. */
final class GoldenBudgetTest {

  @TestFactory
  Stream<DynamicTest> tables() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Map.Entry<Path, JsonNode> read : GoldenCases.read("adalora", checks).entrySet()) {
      Path file = read.getKey();
      JsonNode tables = read.getValue().path("tables");
      if (!tables.isMissingNode()) { // the others: GoldenAdaLoraTest
        checks.put(GoldenCases.name(file), () -> {
          for (JsonNode table : tables) {
            compare(table, "peft", Convention.PEFT);
            compare(table, "original", Convention.AUTHORS);
          }
        });
      }
    }
    return GoldenCases.tests("adalora", checks);
  }

  private static void compare(JsonNode table, String column, Convention convention) {
    int modules = table.path("modules").asInt();
    BudgetSchedule schedule = new BudgetSchedule(table.path("init_r").asInt() * modules, table.path("target_r").asInt() * modules,
        table.path("tinit").asInt(), table.path("tfinal").asInt(), table.path("deltaT").asInt(), table.path("total_step").asInt(), convention);
    for (int i = 0; i < table.path("steps").size(); i++) {
      int step = table.path("steps").get(i).asInt();
      assertEquals(table.path(column).get(i).get(0).asInt(), schedule.budget(step), "%s budget at step %d".formatted(column, step));
      // The recorded flag is the schedule's; PEFT's update_and_allocate chooses at the end of the budget's phase whatever the flag.
      boolean forced = convention == Convention.PEFT && step == table.path("total_step").asInt() - table.path("tfinal").asInt();
      assertEquals(forced || table.path(column).get(i).get(1).asBoolean(), schedule.chooses(step), "%s choice at step %d".formatted(column, step));
    }
  }

  @Test
  void phasesMustFitTheRun() {
    assertThrows(ConfigException.class, () -> new BudgetSchedule(24, 8, 50, 50, 1, 100, Convention.AUTHORS));
    assertThrows(ConfigException.class, () -> new BudgetSchedule(8, 8, 0, 0, 1, 100, Convention.AUTHORS));
    assertThrows(ConfigException.class, () -> new BudgetSchedule(12, 8, 0, 0, 0, 100, Convention.AUTHORS));
  }
}
