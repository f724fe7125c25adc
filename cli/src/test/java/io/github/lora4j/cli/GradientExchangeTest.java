package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.sums.GradientExchange;
import io.github.lora4j.train.sums.GradientTree;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several workers on one run, with an exchange in memory: their adapters are those of one worker, byte for byte. */
class GradientExchangeTest {

  @TempDir private Path dir;
  private Path model;
  private Path data;

  @BeforeEach
  void write() throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    data = TinyBert.tsv(dir.resolve("data.tsv"), 30, 1);
  }

  private RecipeBuilder recipe(String output, String method, int accumulation) {
    boolean adalora = method.equals("adalora");
    Map<String, Object> adapter = adalora
        ? Map.of("init_r", 4, "target_r", 2, "tinit", 1, "tfinal", 1, "deltaT", 1, "target_modules", List.of("query", "value"), "lora_dropout", 0.1)
        : Map.of("r", 2, "target_modules", List.of("query", "value"), "lora_dropout", 0.1);
    return Recipe.builder(model, dir.resolve(output)).set("method", method).set("data.train", data.toString()).set("data.text", "sentence")
        .set("data.label", "mood").set("batch_size", 3).set("gradient_accumulation", accumulation).set("max_steps", 5).set("threads", 1)
        .set("optimizer.learning_rate", 1e-2).adapter(adapter);
  }

  private byte[] train(Recipe recipe, GradientExchange exchange) throws IOException {
    try (TrainingRun run = TrainingRun.open(PreparedRun.open(recipe), Resume.NO, exchange)) {
      run.train();
    }
    return Files.readAllBytes(recipe.output().resolve("adapter").resolve("adapter_model.safetensors"));
  }

  /** Workers of one process that meet at a barrier; ranges that differ in length, and for some workers are empty. */
  private static final class InMemory {
    private final int workers;
    private final List<List<GradientExchange.Part>> parts;
    private final CyclicBarrier all;
    private GradientExchange.Part total;

    InMemory(int workers) {
      this.workers = workers;
      parts = new ArrayList<>();
      for (int w = 0; w < workers; w++) {
        parts.add(List.of());
      }
      all = new CyclicBarrier(workers);
    }

    private static MemorySegment copy(MemorySegment of) {
      return MemorySegment.ofArray(of.toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT));
    }

    GradientExchange worker(int index) {
      return new GradientExchange() {
        @Override
        public int from(int step, int microBatches) {
          return microBatches * index / workers;
        }

        @Override
        public int to(int step, int microBatches) {
          return microBatches * (index + 1) / workers;
        }

        @Override
        public void exchange(int step, List<Part> mine, Part into) {
          try {
            parts.set(index, mine.stream().map(p -> new Part(p.level(), p.index(), copy(p.gradients()), copy(p.sums()))).toList());
            if (all.await() == 0) {
              total = new Part(0, 0, copy(into.gradients()), copy(into.sums()));
              GradientTree.total(parts.stream().flatMap(List::stream).toList(), DType.F32, total);
            }
            all.await();
            into.gradients().copyFrom(total.gradients());
            into.sums().copyFrom(total.sums());
            all.await();
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        }
      };
    }
  }

  @ParameterizedTest
  @CsvSource({"lora, 1, 2", "lora, 2, 2", "lora, 5, 2", "lora, 7, 3", "lora, 8, 3", "lora, 9, 7", "lora, 4, 7", "lora, 6, 1", "adalora, 7, 3",
      "adalora, 3, 2"})
  void anyNumberOfWorkersGivesTheSameBits(String method, int accumulation, int workers) throws Exception {
    byte[] one = train(recipe("one", method, accumulation).build(), GradientExchange.NONE);
    InMemory exchange = new InMemory(workers);
    try (ExecutorService threads = Executors.newFixedThreadPool(workers)) {
      List<Callable<byte[]>> runs = new ArrayList<>();
      for (int w = 0; w < workers; w++) {
        GradientExchange worker = exchange.worker(w);
        Recipe recipe = recipe("worker" + w, method, accumulation).build();
        runs.add(() -> train(recipe, worker));
      }
      for (Future<byte[]> run : threads.invokeAll(runs)) {
        assertArrayEquals(one, run.get());
      }
    }
  }
}
