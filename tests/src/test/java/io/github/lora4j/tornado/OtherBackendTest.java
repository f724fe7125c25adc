package io.github.lora4j.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.testkit.TinyBert;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs on the GPU backend's lowering, alone and with the processor taking over in the middle,
    dropout and AdaLoRA's budget included. */
public class OtherBackendTest {

  private static final int STEPS = 8;
  private static final int CUT = 4;
  private static final double TOLERANCE = 1e-4;

  @TempDir
  private static Path directory;

  /** A tiny BERT with words, and a task that they decide. */
  @BeforeAll
  static void files() throws IOException {
    Path model = TinyBert.copyTo(directory.resolve("model"));
    int words = new ObjectMapper().readTree(model.resolve("config.json").toFile()).path("vocab_size").asInt();
    List<String> vocabulary = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    IntStream.range(vocabulary.size(), words).forEach(i -> vocabulary.add("word" + i));
    Files.write(model.resolve("vocab.txt"), vocabulary);
    List<String> lines = new ArrayList<>(List.of("text\tlabel"));
    for (int i = 0; i < 40; i++) {
      int row = i;
      lines.add(String.join(" ", IntStream.range(0, 3 + i % 7).mapToObj(j -> "word" + (5 + (row * 31 + j * 17) % (words - 5))).toList())
          + "\t" + i % 3);
    }
    Files.write(directory.resolve("data.tsv"), lines);
  }

  private static Recipe recipe(String name, String backend, String method) {
    return Recipe.builder(directory.resolve("model"), directory.resolve(name)).set("data.train", directory.resolve("data.tsv").toString())
        .set("data.text", "text").set("data.label", "label").set("method", method).set("batch_size", 8).set("max_steps",
        STEPS).set("log_every", 1)
        .set("optimizer.learning_rate", 1e-2).set("backend", backend).set("threads", 1).adapter(method.equals("adalora")
            ? Map.of("target_modules", List.of("query", "value"), "lora_dropout", 0.2, "init_r", 4, "target_r", 2, "tinit", 1, "tfinal", 2,
            "deltaT", 1)
            : Map.of("target_modules", List.of("query", "value"), "lora_dropout", 0.2, "r", 4)).build();
  }

  /** Losses by step; stops behind {@code until}. */
  private static Map<Integer, Double> train(Recipe recipe, Resume resume, int until) {
    Map<Integer, Double> losses = new TreeMap<>();
    TrainingRun[] self = new TrainingRun[1];
    try (TrainingRun run = TrainingRun.open(PreparedRun.open(recipe), resume, event -> {
      if (event instanceof TrainEvent.Step step) {
        losses.put(step.step(), step.loss());
        if (step.step() == until) {
          self[0].stop();
        }
      }
    })) {
      self[0] = run;
      if (until < STEPS) {
        assertThrows(CancellationException.class, run::train);
      } else {
        run.train();
      }
    }
    return losses;
  }

  @TestFactory
  Stream<DynamicTest> aRunGoesOnOnTheOther() {
    return gpus((on, name) -> Stream.of("lora", "adalora").flatMap(method -> Stream.of(
        DynamicTest.dynamicTest(method + " from cpu to " + on, () -> goesOn(name + 1, method, "cpu", name)),
        DynamicTest.dynamicTest(method + " from " + on + " to cpu", () -> goesOn(name + 2, method, name, "cpu")))));
  }

  /** The lowering in plain Java, and on a device. */
  private static Stream<DynamicTest> gpus(BiFunction<TestedBackends, String, Stream<DynamicTest>> tests) {
    return TestedBackends.each(on -> switch (on) {
      case PLAIN -> tests.apply(on, "plain");
      case DEVICE -> tests.apply(on, TestedBackends.device());
      case REFERENCE, VECTOR, PLAIN_SGEMM -> Stream.empty();
    });
  }

  private void goesOn(String directory, String method, String first, String second) {
    String whole = directory + method + "-whole";
    String cut = directory + method + "-cut";
    Map<Integer, Double> expected = train(recipe(whole, "cpu", method), Resume.NO, STEPS);
    Map<Integer, Double> losses = train(recipe(cut, first, method), Resume.NO, CUT);
    String refused = assertThrows(ConfigException.class, () -> train(recipe(cut, second, method), Resume.EXACTLY, STEPS)).getMessage();
    assertTrue(refused.contains("--other-kernels"), refused);
    losses.putAll(train(recipe(cut, second, method), Resume.ON_OTHER_KERNELS, STEPS));
    assertEquals(expected.keySet(), losses.keySet());
    expected.forEach((step, loss) -> assertEquals(loss, losses.get(step), TOLERANCE, "step " + step));
  }

  @TestFactory
  Stream<DynamicTest> aRepeatedRunHasTheSameBits() {
    return gpus((on, name) -> Stream.of(DynamicTest.dynamicTest("on " + on, () -> {
      String once = name + "-once";
      String twice = name + "-twice";
      assertEquals(train(recipe(once, name, "adalora"), Resume.NO, STEPS), train(recipe(twice, name, "adalora"), Resume.NO, STEPS));
      Path adapter = Path.of("adapter", "adapter_model.safetensors");
      assertArrayEquals(Files.readAllBytes(directory.resolve(once).resolve(adapter)),
          Files.readAllBytes(directory.resolve(twice).resolve(adapter)));
    })));
  }

  /** In a process without TornadoVM a GPU backend says what is missing and the way to it, and auto takes the processor and says why. */
  @Test
  void withoutTornadoTheReasonIsGiven() {
    Assumptions.assumeTrue(ModuleLayer.boot().findModule("tornado.runtime").isEmpty(), "TornadoVM is here");
    String message = assertThrows(BackendException.class, () -> Backend.open("opencl:1", 1)).getMessage();
    assertEquals("backend opencl:1 cannot be used: " + Tornado.absent().orElseThrow(), message);
    try (Backend chosen = Backend.open("auto", 1)) {
      assertEquals("cpu", chosen.name());
      for (String name : List.of("opencl", "ptx", "cuda")) {
        assertEquals(true, chosen.describe().contains(name + ": "), chosen.describe());
      }
    }
    assertEquals("backend vulkan is not on the class path; there are: auto, cpu, cuda, opencl, plain, ptx, reference",
        assertThrows(BackendException.class, () -> Backend.open("vulkan", 1)).getMessage());
    assertThrows(BackendException.class, () -> Backend.open("opencl:x", 1));
  }
}
