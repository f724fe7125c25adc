package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every method that the service finds, by itself, with LoRA+ and with LoRA-FA around it: it trains, resumes with the same bits, comes back from
 * its files, is told from its head alone, is merged, exported, put into a set, stacked, exchanged and trained there. What a method cannot do it
 * says itself, as a ConfigException that names it; silence and other exceptions fail. A method that joins is covered as soon as its service line
 * is there, provided it trains with default settings or {@link #SETTINGS} has what it needs.
 */
class MethodSuiteTest {

  /** What methods must be told; the others train with their defaults. */
  private static final Map<String, Map<String, Object>> SETTINGS = Map.of("prompt-tuning", Map.of("num_virtual_tokens", 2), "prefix-tuning",
      Map.of("num_virtual_tokens", 2), "adalora", Map.of("init_r", 4, "target_r", 2));

  private static final OptimizerSpec ADAMW = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.1, 0.0, 0.1, 0.0), 1);

  @TempDir
  private static Path dir;

  @TestFactory
  Stream<DynamicContainer> everyMethodDoesOrSays() {
    List<AdapterMethod> methods = ServiceLoader.load(AdapterMethod.class).stream().map(ServiceLoader.Provider::get).toList();
    assertTrue(methods.size() >= 8, methods.toString());
    TrainedRuns runs = new TrainedRuns(dir);
    return methods.stream().flatMap(method -> {
      Map<String, Object> settings = SETTINGS.getOrDefault(method.name(), Map.of());
      return Stream.of(suite(runs, method.name(), "adamw", settings), suite(runs, method.name() + "+", "adamw", settings),
          suite(runs, method.name(), "lorafa", settings));
    });
  }

  private static DynamicContainer suite(TrainedRuns runs, String method, String optimizer, Map<String, Object> settings) {
    String name = method + (optimizer.equals("lorafa") ? " with LoRA-FA" : "");
    Path[] trained = {null};
    // Trained once, by the first test that asks.
    java.util.function.Supplier<Path> run = () -> trained[0] == null ? trained[0] = runs.train(name, method, optimizer, settings) : trained[0];
    if (optimizer.equals("lorafa") && !method.equals("lora")) {
      return DynamicContainer.dynamicContainer(name, List.of(DynamicTest.dynamicTest("is refused", () -> says(run::get, "lorafa", "lora"))));
    }
    return DynamicContainer.dynamicContainer(name, Stream.of(
        test("trains and comes back from its files", () -> {
          float[][] before = runs.duringTraining(run.get());
          runs.close(before, runs.loaded(run.get(), false), 2e-5);
        }),
        test("resumes with the same bits", () -> {
          Path resumed = runs.trainInTwo(name + " resumed", method, optimizer, settings);
          assertEquals(-1, Files.mismatch(run.get().resolve("adapter").resolve(PeftFormat.WEIGHTS),
              resumed.resolve("adapter").resolve(PeftFormat.WEIGHTS)));
        }),
        test("has the same bits when layers are computed again", () -> {
          Path again = runs.trainRecomputing(name + " again", method, optimizer, settings);
          assertEquals(-1, Files.mismatch(run.get().resolve("adapter").resolve(PeftFormat.WEIGHTS),
              again.resolve("adapter").resolve(PeftFormat.WEIGHTS)));
        }),
        test("is told from its head alone", () -> {
          float[][] with = runs.loaded(run.get(), false);
          float[][] without = runs.loaded(run.get(), true);
          try (LoadedAdapter adapter = PeftFormat.load(run.get().resolve("adapter"), runs.model())) {
            boolean own = adapter.adapter().parameters().stream().anyMatch(p -> !p.ofBase());
            assertEquals(own, TrainedRuns.distance(with, without) > 1e-5);
          }
        }),
        test("merges, or says that it does not", () -> or(() -> {
          Path merged = runs.merged(run.get());
          runs.close(runs.loaded(run.get(), false), runs.plain(merged), 2e-5);
        }, "cannot be merged")),
        test("is exported as plain LoRA, or says that it is not", () -> or(() -> {
          Path lora = runs.exported(run.get());
          assertEquals("LORA", PeftFormat.config(lora).get("peft_type"));
          runs.close(runs.loaded(run.get(), false), runs.adapted(lora), 2e-5);
        }, "no form as plain LoRA")),
        test("shares a model with others, or says that it cannot", () -> or(() -> inASet(runs, run.get()), "cannot share a model with others"))));
  }

  private static DynamicTest test(String what, Executable body) {
    return DynamicTest.dynamicTest(what, body);
  }

  private static void says(Executable call, String... parts) {
    String message = assertThrows(ConfigException.class, call).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  /** It works, or the reason holds these words. */
  private static void or(Executable behaviour, String reason) throws Throwable {
    try {
      behaviour.execute();
    } catch (ConfigException e) {
      assertTrue(e.getMessage().contains(reason), e.getMessage());
    }
  }

  /** Served, stacked, exchanged, deleted, trained. */
  private static void inASet(TrainedRuns runs, Path run) throws Throwable {
    try (AdapterSet set = new AdapterSet(runs.model()); LoadedAdapter other = other(runs);
        LoadedAdapter own = PeftFormat.load(run.resolve("adapter"), runs.model())) {
      set.load("own", run.resolve("adapter"));
      set.add("other", other.adapter(), other.values());
      float[][] alone = runs.loaded(run, false);
      float[][] otherAlone = runs.adapted(other.adapter(), other.values());
      try (TrainedRuns.Served served = runs.serve(set)) {
        runs.close(alone, served.predict(), 2e-5);
        set.activate("other");
        runs.close(otherAlone, served.predict(), 2e-5);
        set.activate("own", "other");
        try (LoadedAdapter sum = set.merging()) {
          Path file = dir.resolve("stacked").resolve("model.safetensors");
          Files.createDirectories(file.getParent());
          try (Checkpoint base = runs.base()) {
            LoraMerge.write(base, UnaryOperator.identity(), runs.model(), sum.adapter(), sum.values(), file);
          }
          runs.close(runs.plainFile(file), served.predict(), 2e-5);
        }
        set.activate("other");
        set.swap("other", own.adapter(), own.values());
        runs.close(alone, served.predict(), 2e-5);
        set.delete("own");
        runs.close(alone, served.predict(), 2e-5);
      }
    }
    try (AdapterSet set = new AdapterSet(runs.model())) {
      set.load("own", run.resolve("adapter"));
      try (LoadedAdapter own = PeftFormat.load(run.resolve("adapter"), runs.model())) {
        if (!(own.adapter() instanceof LoraAdapter)) {
          says(() -> set.training("own"), "'own'", own.adapter().getClass().getSimpleName(), "as plain LoRA");
          return;
        }
      }
      Adapter training = set.training("own");
      List<String> slots = new ArrayList<>(training.parameters().stream().map(AdapterParameter::slot).toList());
      assertFalse(slots.isEmpty());
      runs.opens(training, set.values("own"), Optional.of(ADAMW));
    }
  }

  /** Plain LoRA without a head, so that it adds up with every other. */
  private static LoadedAdapter other(TrainedRuns runs) {
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", 3, "target_modules", List.of("key", "value"), "init_lora_weights", false),
        runs.model());
    return new LoadedAdapter(adapter, new AdapterValues(adapter.parameters()).initialise(11));
  }

  static void same(float[][] want, float[][] got, double tolerance) {
    assertEquals(want.length, got.length);
    for (int i = 0; i < want.length; i++) {
      assertArrayEquals(want[i], got[i], (float) tolerance, "row " + i);
    }
  }
}
