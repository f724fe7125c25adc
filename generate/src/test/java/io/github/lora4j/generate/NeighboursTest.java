package io.github.lora4j.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens to one sequence is nothing to the others. */
class NeighboursTest {

  private static final GenerationConfig MANY = GenerationSettings.of(Map.of("max_new_tokens", 30));
  private static final TokenListener NOBODY = (sequence, token) -> { };

  @TempDir
  private static Path directory;
  private static TinyLlama llama;

  @BeforeAll
  static void write() throws IOException {
    llama = TinyLlama.write(directory);
  }

  private static Backend cpu() {
    return new CpuBackend(KernelProvider.select("auto"), new Workers(1));
  }

  private static Request request(String adapter) {
    return Request.of(new int[] {1, 9, 8, 7}, MANY).with(adapter);
  }

  @Test
  void oneThatCannotGoOnEndsAlone() {
    try (Backend backend = cpu(); Checkpoint files = Checkpoint.open(directory);
        Generator generator = Generator.open(llama.model(), files, new GeneratorOptions(3, 64, 240, 80, WeightFormat.F32), backend)) {
      Sequence first = generator.add(request(""));
      Sequence impossible = generator.add(new Request(List.of(1, 2), MANY, "", IntStream.range(0, TinyLlama.VOCABULARY).boxed().toList()));
      Sequence last = generator.add(request(""));
      assertThrows(ConfigException.class, () -> generator.step(NOBODY));
      assertEquals(FinishReason.FAILED, impossible.finished().orElseThrow());
      assertTrue(impossible.failure().orElseThrow().getMessage().contains("forbid every token"));
      while (generator.step(NOBODY)) {
        assertTrue(first.generatedCount() > 0);
      }
      assertEquals(first.generatedCount(), last.generatedCount());
      assertArrayEquals(first.generated(), last.generated());
      assertTrue(first.failure().isEmpty() && first.generatedCount() > 1);
    }
  }

  @Test
  void cachesStayWhenOtherAdaptersChange() {
    try (Backend backend = cpu(); Checkpoint files = Checkpoint.open(directory); AdapterSet set = llama.adapters("one", "two")) {
      set.reserve(3, 3, TargetModules.UNSET).reserveMixes(1);
      try (Generator generator = Generator.open(llama.model(), files, set, new GeneratorOptions(4, 4, 320, 80, WeightFormat.F32), backend)) {
        Sequence base = generator.add(request(AdapterSet.BASE));
        Sequence one = generator.add(request("one"));
        Sequence two = generator.add(request("two"));
        Sequence active = generator.add(request(""));
        // Four tokens at a time: whoever has lost a cache comes last, with what the others leave.
        while (List.of(base, one, two, active).stream().anyMatch(sequence -> sequence.generatedCount() < 1)) {
          generator.step(NOBODY);
        }
        List<Integer> before = List.of(base.cached, one.cached, two.cached);
        set.mix("half", Map.of("two", 0.5));
        llama.add(set, "three", false);
        generator.step(NOBODY);
        assertEquals(before.stream().map(cached -> cached + 1).toList(), List.of(base.cached, one.cached, two.cached), "nothing of theirs has changed");
        assertEquals(1, active.cached, "which adapters are active may have");
        llama.add(set, "one", true);
        generator.step(NOBODY);
        assertEquals(List.of(before.getFirst() + 2, before.getLast() + 2), List.of(base.cached, two.cached));
        assertEquals(2, one.cached, "computed anew with the one in its place");
        generator.remove(active);
        Sequence mixed = generator.add(request("half"));
        assertThrows(ConfigException.class, () -> set.delete("two"), "a mix has it");
        while (mixed.generatedCount() == 0) {
          assertTrue(generator.step(NOBODY));
        }
      }
    }
  }
}
