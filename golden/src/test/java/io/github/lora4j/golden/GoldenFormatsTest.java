package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.testkit.Comparison;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Odd adapter directories on small perceptrons: read, and merged into the base they compute what PEFT recorded. */
class GoldenFormatsTest {

  @TempDir
  Path temp;

  @TestFactory
  Stream<DynamicTest> formats() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path directory : GoldenCases.directories("formats")) {
      cases.put(GoldenCases.name(directory), () -> compare(directory));
    }
    return GoldenCases.tests("formats", cases);
  }

  /** Expected outputs: "y" and "y_reloaded" of the directory's adapter, as is "y.default", and "y.NAME" of the one in the folder NAME. */
  private void compare(Path directory) {
    if (!Files.exists(directory.resolve("base.safetensors")) || !Files.exists(directory.resolve("expected.safetensors"))) {
      throw GoldenCases.notYet("no perceptron; its tensors are compared with the other adapter directories");
    }
    Map<String, Tensor> expected = GoldenCases.tensors(directory.resolve("expected.safetensors"));
    List<String> outputs = expected.keySet().stream().filter(name -> name.matches("y([._].*)?")).toList();
    assertFalse(outputs.isEmpty());
    for (String name : outputs) {
      Path adapter = name.startsWith("y.") && !name.equals("y.default") ? directory.resolve(name.substring(2)) : directory;
      double[] y = outputs(merged(directory.resolve("base.safetensors"), adapter, expected), expected.get("x"));
      double largest = Arrays.stream(expected.get(name).doubles()).map(Math::abs).max().orElseThrow();
      Comparison.check(name, y, expected.get(name).doubles(), 1e-5 * largest);
    }
  }

  private Map<String, Tensor> merged(Path base, Path adapter, Map<String, Tensor> expected) {
    Path file = temp.resolve("merged.safetensors");
    try (Checkpoint weights = Checkpoint.open(base)) {
      ModelDescription model = ModelDescription.of("mlp", Perceptron.of(GoldenCases.tensors(base), expected.get("x").shape().getLast().intValue())
          .modules());
      try (LoadedAdapter loaded = PeftFormat.load(adapter, model)) {
        loaded.adapter().parameters().stream().filter(p -> expected.containsKey("expect." + p.key())).forEach(p ->
            assertArrayEquals(expected.get("expect." + p.key()).values(),
                loaded.values().get(p.slot()).toArray(ValueLayout.JAVA_FLOAT), p.key()));
        LoraMerge.write(weights, UnaryOperator.identity(), model, loaded.adapter(), loaded.values(), file);
      }
    }
    return GoldenCases.tensors(file);
  }

  private static double[] outputs(Map<String, Tensor> weights, Tensor x) {
    return Perceptron.of(weights, x.shape().getLast().intValue()).outputs(weights, x.doubles());
  }
}
