package io.github.lora4j.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.TrainingException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a sequence gets does not depend on how, with whom and on how many threads it goes through the model; and what goes wrong is said. */
final class GeneratorTest {

  private static final int[] PROMPT = IntStream.range(0, 23).map(i -> (7 * i + 3) % TinyLlama.VOCABULARY).toArray();
  private static final GenerationConfig TWENTY = config(Map.of("max_new_tokens", 20));
  @TempDir
  private static Path directory;
  private static TinyLlama llama;

  private static GenerationConfig config(Map<String, ?> settings) {
    return GenerationSettings.of(settings);
  }

  @BeforeAll
  static void write() throws IOException {
    llama = TinyLlama.write(directory);
  }

  private static Backend cpu(int threads) {
    return new CpuBackend(KernelProvider.select("auto"), new Workers(threads));
  }

  private static Generator open(Backend backend, int sequences, int batchTokens, WeightFormat weights) {
    try (Checkpoint files = Checkpoint.open(directory)) {
      return Generator.open(llama.model(), files, new GeneratorOptions(sequences, batchTokens, sequences * TinyLlama.CONTEXT, TinyLlama.CONTEXT,
          weights), backend);
    }
  }

  /** Tokens and logits of every step, by sequence. */
  private static Map<Integer, List<float[]>> run(Generator generator, List<Request> requests, List<Sequence> done) {
    Map<Integer, List<float[]>> logits = new HashMap<>();
    done.addAll(generator.run(requests, (sequence, token) -> logits.computeIfAbsent(sequence.ordinal(), s ->
        new ArrayList<>()).add(generator.logits())));
    return logits;
  }

  private static void same(List<float[]> want, List<float[]> got, float tolerance, String what) {
    assertEquals(want.size(), got.size(), what);
    for (int i = 0; i < want.size(); i++) {
      assertArrayEquals(want.get(i), got.get(i), tolerance, what + ", step " + i);
    }
  }

  private static Request alone(int length) {
    return Request.of(Arrays.copyOf(PROMPT, length), TWENTY);
  }

  @Test
  void theSameBitsAtOnceInPiecesWithOthersAndOnAnyNumberOfThreads() {
    List<Sequence> first = new ArrayList<>();
    List<float[]> want;
    try (Backend backend = cpu(1); Generator generator = open(backend, 1, 64, WeightFormat.F32)) {
      want = run(generator, List.of(alone(23)), first).get(0);
    }
    for (int threads = 1; threads <= 3; threads++) {
      for (int piece : new int[] {5, 6, 40}) {
        List<Sequence> done = new ArrayList<>();
        try (Backend backend = cpu(threads); Generator generator = open(backend, 5, piece, WeightFormat.F32)) {
          Map<Integer, List<float[]>> got = run(generator, List.of(alone(1), alone(9), alone(23), alone(2), alone(17), alone(23)), done);
          same(want, got.get(2), 0, "pieces of " + piece + " on " + threads);
          same(want, got.get(5), 0, "joined later");
        }
        assertArrayEquals(first.getFirst().generated(), done.get(2).generated());
      }
    }
  }

  /** Two that end early leave room on both sides of one that goes on: enough together for the fourth, which waits for it side by side. */
  @Test
  void whatLeavesFreesPiecesThatAreWaitedForToBecomeWhole() {
    try (Backend backend = cpu(1); Checkpoint files = Checkpoint.open(directory); Generator generator = Generator.open(llama.model(), files,
        new GeneratorOptions(4, 64, 30, 24, WeightFormat.F32), backend)) {
      Request early = Request.of(Arrays.copyOf(PROMPT, 8), config(Map.of("max_new_tokens", 2)));
      Request late = Request.of(Arrays.copyOf(PROMPT, 2), config(Map.of("max_new_tokens", 8)));
      Request large = Request.of(Arrays.copyOf(PROMPT, 2), config(Map.of("max_new_tokens", 13)));
      List<Integer> counts = generator.run(List.of(early, late, early, large), TokenListener.NONE).stream().map(Sequence::generatedCount).toList();
      assertEquals(List.of(2, 8, 2, 13), counts);
    }
  }

  /** A second implementation: the whole text anew for each token, in double. */
  @Test
  void theCacheChangesNothing() {
    List<Sequence> done = new ArrayList<>();
    try (Backend backend = cpu(2); Generator generator = open(backend, 1, 64, WeightFormat.F32);
        Backend exact = new CpuBackend(new ReferenceKernels(DType.F64), new Workers(1)); Generator whole = open(exact, 1, 64, WeightFormat.F64)) {
      List<float[]> got = run(generator, List.of(alone(9)), done).get(0);
      int[] text = Arrays.copyOf(PROMPT, 9);
      for (int i = 0; i < 20; i++) {
        List<Sequence> one = new ArrayList<>();
        List<float[]> step = run(whole, List.of(Request.of(text, config(Map.of("max_new_tokens", 1)))), one).values().iterator().next();
        assertArrayEquals(step.getFirst(), got.get(i), 1e-5f, "step " + i);
        text = Arrays.copyOf(text, text.length + 1);
        text[text.length - 1] = one.getFirst().generated()[0];
      }
      assertArrayEquals(Arrays.copyOfRange(text, 9, 29), done.getFirst().generated());
    }
  }

  @Test
  void halfFloatsAreTheirValues(@TempDir Path rounded) throws IOException {
    TinyLlama bf16 = TinyLlama.write(rounded, w -> Float.intBitsToFloat(Float.floatToRawIntBits((float) w) & 0xFFFF0000));
    try (Backend backend = cpu(2); Checkpoint files = Checkpoint.open(rounded);
        Generator wide = Generator.open(bf16.model(), files, GeneratorOptions.of(bf16.model().architecture()), backend);
        Generator narrow = Generator.open(bf16.model(), files, GeneratorOptions.of(bf16.model().architecture()).weights(WeightFormat.BF16), backend);
        Generator half = open(backend, 1, 64, WeightFormat.F16)) {
      List<Sequence> done = new ArrayList<>();
      same(run(wide, List.of(alone(9)), done).get(0), run(narrow, List.of(alone(9)), done).get(0), 1e-5f, "bf16");
      assertArrayEquals(done.get(0).generated(), done.get(1).generated());
      run(half, List.of(alone(9)), done);
      assertEquals(20, done.get(2).generatedCount());
    }
  }

  @Test
  void everySequenceHasItsAdapterAndACacheKnowsOne() {
    try (Backend backend = cpu(2); AdapterSet set = llama.adapters("one", "two"); Checkpoint files = Checkpoint.open(directory);
        Generator mixed = Generator.open(llama.model(), files, set, new GeneratorOptions(4, 16, 4 * TinyLlama.CONTEXT, TinyLlama.CONTEXT,
            WeightFormat.F32), backend);
        Generator base = open(backend, 1, 64, WeightFormat.F32)) {
      List<String> names = List.of("one", AdapterSet.BASE, "two", "one");
      List<Sequence> done = new ArrayList<>();
      Map<Integer, List<float[]>> together = run(mixed, names.stream().map(alone(9)::with).toList(), done);
      same(together.get(0), together.get(3), 0, "one adapter, twice");
      assertFalse(Arrays.equals(together.get(0).getFirst(), together.get(2).getFirst()));
      same(run(base, List.of(alone(9)), done).get(0), together.get(1), 1e-5f, "base");
      Sequence resumed = mixed.add(alone(9).with("one"));
      while (mixed.step(TokenListener.NONE)) {
        assertTrue(resumed.generatedCount() <= 20);
      }
      assertArrayEquals(done.getFirst().generated(), resumed.generated());
      mixed.resume(resumed, alone(9).with("two"));
      while (mixed.step(TokenListener.NONE)) {
        assertTrue(resumed.generatedCount() <= 20);
      }
      assertArrayEquals(done.get(2).generated(), resumed.generated(), "another adapter begins anew");
    }
  }

  @Test
  void anAdapterThatIsSwappedWhileItServesIsSeenAtOnce() {
    try (Backend backend = cpu(2); AdapterSet set = llama.adapters("one"); AdapterSet other = llama.adapters("one");
        Checkpoint files = Checkpoint.open(directory)) {
      llama.add(other, "one", true);
      GeneratorOptions room = GeneratorOptions.of(llama.model().architecture());
      try (Generator generator = Generator.open(llama.model(), files, set, room, backend);
          Generator fresh = Generator.open(llama.model(), files, other, room, backend)) {
        Sequence sequence = generator.add(alone(9).with("one"));
        for (int i = 0; i < 5; i++) {
          generator.step(TokenListener.NONE);
        }
        llama.add(set, "one", true);
        int[] text = IntStream.concat(Arrays.stream(PROMPT, 0, 9), Arrays.stream(sequence.generated())).toArray();
        while (generator.step(TokenListener.NONE)) {
          assertTrue(sequence.generatedCount() <= 20);
        }
        Sequence whole = fresh.run(List.of(Request.of(text, config(Map.of("max_new_tokens", 15))).with("one")), TokenListener.NONE).getFirst();
        assertArrayEquals(whole.generated(), Arrays.copyOfRange(sequence.generated(), 5, 20));
      }
    }
  }

  @Test
  void aConversationThatGoesOnIsAsOneThatWasThereAtOnce() {
    try (Backend backend = cpu(2); Generator generator = open(backend, 1, 64, WeightFormat.F32);
        Generator fresh = open(backend, 1, 64, WeightFormat.F32)) {
      Sequence sequence = generator.add(alone(9));
      for (int length : new int[] {9, 15, 12, 12, 1}) {
        generator.resume(sequence, alone(length));
        int steps = 0;
        while (generator.step(TokenListener.NONE)) {
          steps++;
        }
        assertEquals(20, steps, "no piece twice");
        assertArrayEquals(fresh.run(List.of(alone(length)), TokenListener.NONE).getFirst().generated(), sequence.generated());
      }
    }
  }

  /** Another prompt that begins with so many tokens of {@link #PROMPT}. */
  private static Request beginsWith(int same, int length) {
    int[] prompt = Arrays.copyOf(PROMPT, length);
    for (int i = same; i < length; i++) {
      prompt[i] = (prompt[i] + 1) % TinyLlama.VOCABULARY;
    }
    return Request.of(prompt, TWENTY);
  }

  @Test
  void whatASequenceLeavesInTheCacheServesPromptsThatBeginAlike() {
    try (Backend backend = cpu(2); Generator generator = open(backend, 2, 64, WeightFormat.F32)) {
      assertEquals(0, generator.run(List.of(alone(20)), TokenListener.NONE).getFirst().reusedTokens());
      for (int[] lengths : new int[][] {{15, 20, 15}, {15, 18, 17}, {8, 12, 8}, {7, 12, 0}, {9, 9, 8}}) {
        Request request = beginsWith(lengths[0], lengths[1]);
        try (Generator fresh = open(backend, 1, 64, WeightFormat.F32)) {
          List<Sequence> want = new ArrayList<>();
          List<Sequence> got = new ArrayList<>();
          same(run(fresh, List.of(request), want).get(0), run(generator, List.of(request), got).values().iterator().next(), 0, Arrays.toString(lengths));
          assertArrayEquals(want.getFirst().generated(), got.getFirst().generated());
          assertEquals(lengths[2], got.getFirst().reusedTokens(), Arrays.toString(lengths));
        }
      }
    }
  }

  @Test
  void whatIsKeptMakesRoomForWhoNeedsIt() {
    try (Backend backend = cpu(1); Checkpoint files = Checkpoint.open(directory); Generator generator = Generator.open(llama.model(), files,
        new GeneratorOptions(4, 64, 40, 24, WeightFormat.F32), backend)) {
      Request small = Request.of(Arrays.copyOf(PROMPT, 9), config(Map.of("max_new_tokens", 2)));
      Request other = Request.of(Arrays.copyOfRange(PROMPT, 1, 10), config(Map.of("max_new_tokens", 2)));
      generator.run(List.of(small, other), TokenListener.NONE);
      // 11 and 11 of 40 rows are kept: a prompt that goes on needs those behind its own, too, and one of another kind all.
      Request longer = Request.of(Arrays.copyOf(PROMPT, 12), config(Map.of("max_new_tokens", 12)));
      assertEquals(9, generator.run(List.of(longer), TokenListener.NONE).getFirst().reusedTokens());
      Request large = Request.of(Arrays.copyOfRange(PROMPT, 2, 6), config(Map.of("max_new_tokens", 20)));
      Sequence first = generator.add(large);
      assertTrue(generator.fits(small));
      assertEquals(0, generator.add(small).reusedTokens(), "its rows went to another");
      assertFalse(generator.fits(large));
      assertEquals(0, first.reusedTokens());
    }
  }

  @Test
  void whatIsKeptBelongsToItsAdapterAndItsVersion() {
    try (Backend backend = cpu(2); AdapterSet set = llama.adapters("one", "two"); Checkpoint files = Checkpoint.open(directory);
        Generator generator = Generator.open(llama.model(), files, set, new GeneratorOptions(4, 64, 4 * TinyLlama.CONTEXT, TinyLlama.CONTEXT,
            WeightFormat.F32), backend)) {
      List<Integer> reused = new ArrayList<>();
      for (String name : List.of("one", AdapterSet.BASE, "two", "one", "two", AdapterSet.BASE)) {
        reused.add(generator.run(List.of(alone(20).with(name)), TokenListener.NONE).getFirst().reusedTokens());
      }
      assertEquals(List.of(0, 0, 0, 19, 19, 19), reused);
      llama.add(set, "one", true);
      assertEquals(0, generator.run(List.of(alone(20).with("one")), TokenListener.NONE).getFirst().reusedTokens(), "another version");
      assertEquals(19, generator.run(List.of(alone(20).with("two")), TokenListener.NONE).getFirst().reusedTokens());
    }
  }

  @Test
  void drawsBelongToTheSequence() {
    GenerationConfig drawing = config(Map.of("max_new_tokens", 20, "temperature", 1.5, "seed", 11));
    Request request = Request.of(Arrays.copyOf(PROMPT, 9), drawing);
    try (Backend backend = cpu(2); Generator one = open(backend, 1, 64, WeightFormat.F32); Generator many = open(backend, 3, 16, WeightFormat.F32)) {
      int[] want = one.run(List.of(request), TokenListener.NONE).getFirst().generated();
      assertArrayEquals(want, many.run(List.of(alone(5), request, alone(17)), TokenListener.NONE).get(1).generated());
      int[] other = one.run(List.of(Request.of(Arrays.copyOf(PROMPT, 9), config(Map.of("max_new_tokens", 20, "temperature", 1.5, "seed", 12)))),
          TokenListener.NONE).getFirst().generated();
      assertFalse(Arrays.equals(want, other));
    }
  }

  @Test
  void sequencesEndForTheReasonSaid() {
    try (Backend backend = cpu(1); Generator generator = open(backend, 1, 64, WeightFormat.F32)) {
      Sequence free = generator.run(List.of(alone(9)), TokenListener.NONE).getFirst();
      assertEquals(FinishReason.LENGTH, free.finished().orElseThrow());
      int end = free.generated()[7];
      int first = IntStream.range(0, 20).filter(i -> free.generated()[i] == end).findFirst().orElseThrow();
      Sequence ended = generator.run(List.of(Request.of(Arrays.copyOf(PROMPT, 9),
          config(Map.of("eos_token_id", List.of(60, end), "max_new_tokens", 20)))),
          TokenListener.NONE).getFirst();
      assertEquals(FinishReason.EOS, ended.finished().orElseThrow());
      assertArrayEquals(Arrays.copyOf(free.generated(), first + 1), ended.generated());
      Sequence full = generator.run(List.of(Request.of(Arrays.copyOf(PROMPT, 9), config(Map.of()))), TokenListener.NONE).getFirst();
      assertEquals(FinishReason.CONTEXT, full.finished().orElseThrow());
      assertEquals(TinyLlama.CONTEXT, full.length());
      Sequence stopped = generator.add(alone(9));
      generator.step((sequence, token) -> sequence.cancel());
      assertFalse(generator.step(TokenListener.NONE));
      assertEquals(FinishReason.CANCELLED, stopped.finished().orElseThrow());
    }
  }

  @Test
  void whatCannotBeContinuedIsAnErrorBeforeAnyStep() {
    try (Backend backend = cpu(1); Generator generator = open(backend, 1, 64, WeightFormat.F32)) {
      says(ConfigException.class, "the prompt is empty", () -> generator.add(Request.of(new int[0], TWENTY)));
      says(ConfigException.class, "token 1 of the prompt has the id 61, but the model's embedding has the rows 0 to 60",
          () -> generator.add(Request.of(new int[] {3, 61}, TWENTY)));
      says(ConfigException.class, "the prompt has 80 tokens, and a sequence may have 80", () -> generator.add(Request.of(new int[80], TWENTY)));
      says(ConfigException.class, "max_length is 5, but the prompt has 9 tokens", () ->
          generator.add(Request.of(new int[9], config(Map.of("max_length", 5)))));
      says(ConfigException.class, "no set of adapters", () -> generator.add(alone(3).with("mine")));
      assertEquals(0, generator.sequences().size());
      Sequence sequence = generator.add(alone(3));
      says(ResourceException.class, "room for 1 sequences", () -> generator.add(alone(3)));
      generator.remove(sequence);
      generator.add(alone(3));
    }
    try (Backend backend = cpu(1); Checkpoint files = Checkpoint.open(directory)) {
      says(ConfigException.class, "the model has positions for 80",
          () -> Generator.open(llama.model(), files, GeneratorOptions.of(llama.model().architecture()).room(1, 81), backend));
    }
  }

  @Test
  void notANumberIsAnErrorThatSaysWhereItBegan(@TempDir Path broken) throws IOException {
    int[] count = {0};
    TinyLlama damaged = TinyLlama.write(broken, w -> count[0]++ == 9000 ? Double.NaN : w);
    try (Backend backend = cpu(1); Checkpoint files = Checkpoint.open(broken);
        Generator generator = Generator.open(damaged.model(), files, GeneratorOptions.of(damaged.model().architecture()), backend)) {
      generator.add(alone(9));
      String message = assertThrows(TrainingException.class, () -> generator.step(TokenListener.NONE)).getMessage();
      assertTrue(message.startsWith("sequence 0: logits behind token 9 are not finite; the first result that is not is layer."), message);
    }
  }

  @Test
  void settingsThatForbidEverythingAreAnError() {
    GenerationConfig nothing = config(Map.of("suppress_tokens", IntStream.range(0, TinyLlama.VOCABULARY).boxed().toList()));
    try (Backend backend = cpu(1); Generator generator = open(backend, 1, 64, WeightFormat.F32)) {
      generator.add(Request.of(PROMPT, nothing));
      says(ConfigException.class, "forbid every token", () -> generator.step(TokenListener.NONE));
    }
  }

  private static void says(Class<? extends RuntimeException> type, String text, Runnable action) {
    String message = assertThrows(type, action::run).getMessage();
    assertTrue(message.contains(text), message);
    assertNotEquals("", message);
  }
}
