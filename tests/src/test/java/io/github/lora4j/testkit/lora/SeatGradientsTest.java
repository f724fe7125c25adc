package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.testkit.GradientCheck;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Gradients pass through the seats of a set exactly, to what lies below them and to the member that trains above them. */
class SeatGradientsTest {

  private static final ModelDescription MODEL = ModelDescription.of("test", List.of(ModuleInfo.linear("first", 7, 9, true),
      ModuleInfo.linear("second", 9, 5, true)));

  private static void add(AdapterSet set, String name, LoraConfig.Builder config) {
    LoraAdapter adapter = new LoraMethod().create(config.build(), MODEL);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(1)) {
      set.add(name, adapter, values);
    }
  }

  private static TestProgram program(Adapter hooks) {
    TestProgram program = new TestProgram("seats", 9, p -> {
      RowAxis rows = p.axis("rows", 5);
      p.table("choices.rows", Shape.of(rows, 1), live -> new int[] {0, 3, 1, 2, 0});
      Sites sites = new Sites(p.graph(), hooks);
      Value hidden = sites.linear("first", p.probe("x", Shape.of(rows, 7)), 9, true);
      return p.mse(sites.linear("second", hidden, 5, true));
    });
    program.program().slots().values().stream().filter(v -> !v.integer()).filter(v -> v.role() == Value.Role.FROZEN
        || v.role() == Value.Role.TRAINABLE || v.role() == Value.Role.INPUT).forEach(v -> {
          float[] data = program.floats().computeIfAbsent(v, s -> new float[Math.toIntExact(s.shape().elements())]);
          for (int i = 0; i < data.length; i++) {
            data[i] = (float) program.random().nextGaussian() / 3;
          }
        });
    return program;
  }

  @Test
  void ofWhatServes() {
    try (AdapterSet set = new AdapterSet(MODEL)) {
      add(set, "a", LoraConfig.builder().r(3).targetModules("first").loraBias(true).modulesToSave(List.of("second")));
      add(set, "b", LoraConfig.builder().r(2).targetModules("first"));
      TestProgram program = program(set.recording());
      assertEquals(1, program.program().parameters().ranges().size(), "x alone has a gradient, no seat");
      GradientCheck.check(program, Session.full(program));
    }
  }

  @Test
  void ofWhatTrains() {
    try (AdapterSet set = new AdapterSet(MODEL)) {
      add(set, "a", LoraConfig.builder().r(3).targetModules("first", "second"));
      add(set, "b", LoraConfig.builder().r(2).targetModules("first", "second").loraBias(true));
      TestProgram program = program(set.training("a"));
      assertEquals(5, program.program().parameters().ranges().size(), "x, and A and B of two sites");
      assertTrue(program.program().slot("first.adapters.b").isPresent());
      GradientCheck.check(program, Session.full(program));
    }
  }
}
