package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.TokenListener;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sequences made from sources: what is beside them, how many threads there are and what was there before changes no bit; room is kept and told. */
class SourceGeneratorTest {

  @TempDir
  private static Path dir;

  @BeforeAll
  static void files() {
    TinySource.MODELS.forEach(model -> TinySource.copyTo(model, dir.resolve(model)));
    TinyLlama.copyTo(dir.resolve("tiny-llama"));
  }

  private static Generator open(String name, GeneratorOptions room, Backend backend) {
    Model model = Generator.model(ModelDirectory.open(dir.resolve(name)).architecture());
    try (Checkpoint weights = Checkpoint.open(dir.resolve(name))) {
      return Generator.open(model, weights, room, backend);
    }
  }

  private static GeneratorOptions room(int sequences, int tokens) {
    return new GeneratorOptions(sequences, tokens, 40 * sequences, 40, WeightFormat.F32);
  }

  private static Request request(int length, int first) {
    return Request.of(new int[] {0}, GenerationSettings.of(Map.of("max_new_tokens", 12))).from(IntStream.range(0, length).map(i -> first + 7 * i % 200)
        .toArray());
  }

  private static Map<Integer, List<float[]>> run(Generator generator, List<Request> requests) {
    Map<Integer, List<float[]>> logits = new HashMap<>();
    generator.run(requests, (sequence, token) -> logits.computeIfAbsent(sequence.ordinal(), s -> new ArrayList<>()).add(generator.logits()));
    return logits;
  }

  @Test
  void theSameBitsWithOthersAndOnAnyNumberOfThreads() {
    for (String model : TinySource.MODELS) {
      List<float[]> alone;
      try (Backend backend = Backend.open("cpu", 1); Generator generator = open(model, room(1, 40), backend)) {
        alone = run(generator, List.of(request(17, 5))).get(0);
      }
      for (int threads = 1; threads <= 3; threads++) {
        try (Backend backend = Backend.open("cpu", threads); Generator generator = open(model, room(3, 5), backend)) {
          Map<Integer, List<float[]>> all = run(generator, List.of(request(1, 9), request(17, 5), request(9, 4), request(33, 6), request(17, 5)));
          for (int sequence : new int[] {1, 4}) {
            assertEquals(12, all.get(sequence).size());
            for (int step = 0; step < 12; step++) {
              assertArrayEquals(alone.get(step), all.get(sequence).get(step), 0, "%s, sequence %d, step %d".formatted(model, sequence, step));
            }
          }
        }
      }
    }
  }

  @Test
  void anotherSourceBeginsAnew() {
    for (String model : TinySource.MODELS) {
      try (Backend backend = Backend.open("cpu", 2); Generator generator = open(model, room(1, 8), backend)) {
        List<Sequence> fresh = generator.run(List.of(request(9, 30)), TokenListener.NONE);
        Sequence sequence = generator.add(request(20, 5));
        while (sequence.finished().isEmpty()) {
          generator.step(TokenListener.NONE);
        }
        generator.resume(sequence, request(9, 30));
        while (sequence.finished().isEmpty()) {
          generator.step(TokenListener.NONE);
        }
        assertArrayEquals(fresh.getFirst().generated(), sequence.generated());
      }
    }
  }

  @Test
  void sequencesOfOneSourceShareItsRoom() {
    try (Backend backend = Backend.open("cpu", 1);
        Generator generator = open("tiny-t5", new GeneratorOptions(3, 8, 40, 40, WeightFormat.F32), backend)) {
      Sequence first = generator.add(request(30, 5));
      assertTrue(generator.fits(request(30, 5)), "the same source");
      assertFalse(generator.fits(request(11, 5)), "another one, for which there are 10 rows");
      String message = assertThrows(ResourceException.class, () -> generator.add(request(11, 5))).getMessage();
      assertTrue(message.contains("the cache of sources has 10 of 40 rows free"), message);
      Sequence second = generator.add(request(30, 5));
      generator.remove(first);
      assertFalse(generator.fits(request(11, 5)), "the second sequence has it still");
      generator.remove(second);
      assertTrue(generator.fits(request(40, 5)));
    }
  }

  @Test
  void whatDoesNotFitTheModelIsRefused() {
    try (Backend backend = Backend.open("cpu", 1); Generator generator = open("tiny-t5", room(1, 8), backend);
        Generator llama = open("tiny-llama", room(1, 8), backend)) {
      Request without = Request.of(new int[] {0}, GenerationSettings.of(Map.of("max_new_tokens", 2)));
      refused("makes a text from a source", () -> generator.add(without));
      refused("reads no source", () -> llama.add(without.from(new int[] {4})));
      refused("the source has 41 tokens", () -> generator.add(request(41, 5)));
      refused("token 1 of the source has the id 264", () -> generator.add(without.from(new int[] {4, 264})));
    }
  }

  private static void refused(String expected, org.junit.jupiter.api.function.Executable what) {
    String message = assertThrows(ConfigException.class, what).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
