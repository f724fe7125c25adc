package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model as its users see it. */
class LocalModelTest {

  private static final Map<String, Object> GREEDY = Map.of("do_sample", false, "max_new_tokens", 12.0);

  @TempDir
  static Path directory;
  static Path tiny;
  static LocalModel model;

  @BeforeAll
  static void train() throws Exception {
    tiny = TinyModel.write(directory.resolve("tiny"));
    model = Lora4j.model(tiny.toString(), Map.of("threads", 1));
    for (char letter : new char[] {'a', 'b'}) {
      model.load(String.valueOf(letter), model.train(TinyModel.recipe(directory.resolve("run-" + letter), letter, 30)).adapter());
    }
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void everyCallHasItsAdapter() {
    assertEquals("aaaaaaaaaaaa", model.with("a").generate("aa", GREEDY).text());
    assertEquals("bbbbbbbbbbbb", model.with("b").generate("bb", GREEDY).text());
    Generated base = model.generate("aa", GREEDY);
    assertNotEquals("aaaaaaaaaaaa", base.text());
    assertEquals(FinishReason.LENGTH, base.reason());
    assertEquals(List.of(2, 12), List.of(base.promptTokens(), base.tokens()));
    assertEquals(base, model.base().generate("aa", GREEDY));
    assertEquals(base, model.with("tiny").generate("aa", GREEDY));
    assertEquals(List.of("a", "b"), model.adapters());
    assertEquals(List.of("tiny", "a"), List.of(model.name(), model.with("a").name()));
  }

  @Test
  void piecesAreTheText() {
    List<String> pieces = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    Generated answer = model.with("a").generate("xyz", Map.of("seed", 3, "max_new_tokens", 40), piece -> {
      pieces.add(piece);
      threads.add(Thread.currentThread());
    });
    assertEquals(answer.text(), String.join("", pieces));
    assertTrue(pieces.size() > 3, pieces.toString());
    assertEquals(List.of(Thread.currentThread()), threads.stream().distinct().toList());
    assertEquals(answer, model.with("a").generate("xyz", Map.of("seed", 3, "max_new_tokens", 40)));
    String stop = answer.text().substring(5, 7);
    Generated stopped = model.with("a").generate("xyz", Map.of("seed", 3, "max_new_tokens", 40, "stop_strings", List.of(stop)));
    assertEquals(answer.text().substring(0, answer.text().indexOf(stop)), stopped.text());
    assertEquals(FinishReason.STOP_STRING, stopped.reason());
  }

  @Test
  void aChatIsItsTemplate() {
    List<Map<String, String>> messages = List.of(Map.of("role", "system", "content", "s"), Map.of("role", "user", "content", "u"));
    Generated answer = model.chat(messages, GREEDY);
    assertEquals(model.generate("<system>s<user>u<assistant>", GREEDY).promptTokens(), answer.promptTokens());
    assertEquals("<system>s<user>u<assistant>".length(), model.countChatTokens(messages));
    assertEquals(3, model.countTokens("abc"));
    assertEquals(List.of(), answer.toolCalls());
    Map<String, Object> withTools = Map.of("do_sample", false, "max_new_tokens", 5, "tools", List.of(Map.of("type", "function", "function",
        Map.of("name", "now"))));
    assertTrue(model.chat(messages, withTools).promptTokens() > answer.promptTokens(), "the template is given the tools");
  }

  @Test
  void whatIsWrongIsSaid() {
    assertTrue(assertThrows(ConfigException.class, () -> model.with("c")).getMessage().contains("there is no adapter 'c'; there are: a, b"));
    assertTrue(assertThrows(ConfigException.class, () -> model.generate("a", Map.of("max_tokens", 3))).getMessage().contains("max_tokens"));
    assertTrue(assertThrows(ConfigException.class, () -> model.generate("a", Map.of("num_beams", 3))).getMessage().contains("num_beams"));
    assertTrue(assertThrows(ConfigException.class, () -> model.classify("a")).getMessage().contains("no adapter that was trained for classes"));
    assertTrue(assertThrows(ConfigException.class, () -> model.with("a").embed("a")).getMessage().contains("'a' continues texts"));
    assertTrue(assertThrows(ConfigException.class, () -> model.load("c", directory.resolve("none"))).getMessage().contains("is no directory"));
    assertTrue(assertThrows(ConfigException.class, () -> model.load("tiny", directory)).getMessage().contains("the model has it"));
    assertTrue(assertThrows(ConfigException.class, () -> Lora4j.model(tiny.toString(), Map.of("thread", 1))).getMessage().contains("threads"));
    assertTrue(assertThrows(ConfigException.class, () -> Lora4j.model(tiny.toString(), Map.of("sequences", 0))).getMessage().contains("sequences"));
    assertTrue(assertThrows(ConfigException.class, () -> model.train(Map.of("output", "x", "taks", "chat"))).getMessage().contains("task"));
    assertTrue(assertThrows(ConfigException.class, () -> model.train(Map.of("model", "x"))).getMessage().contains("leave 'model' out"));
    assertTrue(assertThrows(ConfigException.class, () -> model.generate("a".repeat(5000))).getMessage().contains("5,000 tokens"));
    assertTrue(assertThrows(ConfigException.class, () -> model.generate("a", Map.of("seed", new Object()))).getMessage().contains("seed"));
  }

  @Test
  void virtualThreadsShareIt() throws Exception {
    Map<String, String> alone = Map.of("a", model.with("a").generate("q", GREEDY).text(), "b", model.with("b").generate("q", GREEDY).text(),
        "tiny", model.generate("q", GREEDY).text());
    List<Future<String>> answers = new ArrayList<>();
    List<String> names = List.of("a", "b", "tiny");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 30; i++) {
        String name = names.get(i % 3);
        answers.add(threads.submit(() -> model.with(name).generate("q", GREEDY).text()));
      }
    }
    for (int i = 0; i < 30; i++) {
      assertEquals(alone.get(names.get(i % 3)), answers.get(i).get());
    }
  }

  @Test
  void anAdapterComesAndGoesWithASeatOrWithout() {
    for (int seats : new int[] {0, 2}) {
      try (LocalModel own = Lora4j.model(tiny.toString(), Map.of("threads", 1, "seats", seats, "rank", 4))) {
        String base = own.generate("aa", GREEDY).text();
        own.load("x", directory.resolve("run-a"));
        LanguageModel x = own.with("x");
        assertEquals("aaaaaaaaaaaa", x.generate("aa", GREEDY).text());
        assertEquals(base, own.generate("aa", GREEDY).text());
        own.load("x", directory.resolve("run-b").resolve("adapter"));
        assertEquals("bbbbbbbbbbbb", x.generate("bb", GREEDY).text());
        assertTrue(own.unload("x"));
        assertFalse(own.unload("x"));
        assertTrue(assertThrows(ConfigException.class, () -> x.generate("bb", GREEDY)).getMessage().contains("any more"));
      }
    }
  }

  @Test
  void aRunIsAModelWithItsAdapter() {
    try (LocalModel run = Lora4j.model(directory.resolve("run-a"))) {
      assertEquals("aaaaaaaaaaaa", run.generate("aa", GREEDY).text());
      assertEquals(model.generate("aa", GREEDY).text(), run.base().generate("aa", GREEDY).text());
      assertEquals(List.of("run-a"), run.adapters());
    }
  }

  @Test
  void anInterruptedTrainingGoesOnFromItsCheckpoint() throws Exception {
    List<Thread> threads = new ArrayList<>();
    Path whole = model.train(TinyModel.recipe(directory.resolve("whole"), 'c', 6), event -> threads.add(Thread.currentThread())).adapter();
    assertEquals(List.of(Thread.currentThread()), threads.stream().distinct().toList());
    Map<String, Object> recipe = TinyModel.recipe(directory.resolve("halves"), 'c', 6);
    List<Integer> steps = new ArrayList<>();
    assertThrows(CancellationException.class, () -> model.train(recipe, event -> {
      if (event instanceof TrainEvent.Step step) {
        steps.add(step.step());
        if (step.step() == 3) {
          Thread.currentThread().interrupt();
        }
      }
    }));
    assertTrue(Thread.interrupted(), "the thread stays interrupted");
    assertTrue(steps.contains(3) && steps.size() < 6, steps.toString());
    steps.clear();
    Path finished = model.resume(recipe, event -> {
      if (event instanceof TrainEvent.Step step) {
        steps.add(step.step());
      }
    }).adapter();
    assertTrue(steps.getFirst() > 3 && steps.getLast() == 6, steps.toString());
    assertEquals(-1, Files.mismatch(whole.resolve("adapter_model.safetensors"), finished.resolve("adapter_model.safetensors")));
  }

  @Test
  void aListenerMayEndWhatItHears() throws Exception {
    IllegalArgumentException enough = new IllegalArgumentException("enough");
    assertEquals(enough, assertThrows(IllegalArgumentException.class, () -> model.generate("a", Map.of("max_new_tokens", 4000), piece -> {
      throw enough;
    })));
    Map<String, Object> recipe = TinyModel.recipe(directory.resolve("ended"), 'c', 6);
    assertEquals(enough, assertThrows(IllegalArgumentException.class, () -> model.train(recipe, event -> {
      if (event instanceof TrainEvent.Step) {
        throw enough;
      }
    })));
    assertEquals(12, model.generate("aa", GREEDY).tokens(), "and the model goes on");
    assertThrows(IllegalStateException.class, () -> model.generate("a", GREEDY, piece -> model.close()));
    assertThrows(IllegalStateException.class, () -> model.generate("a", GREEDY, piece -> model.unload("a")));
    assertThrows(IllegalStateException.class, () -> model.train(recipe, event -> model.close()));
  }

  @Test
  void anInterruptEndsAnAnswer() throws Exception {
    Thread here = Thread.currentThread();
    assertThrows(CancellationException.class, () -> model.generate("a", Map.of("max_new_tokens", 4000, "eos_token_id", List.of()), piece ->
        here.interrupt()));
    assertTrue(Thread.interrupted());
    assertEquals(12, model.generate("aa", GREEDY).tokens());
  }

  @Test
  void closingEndsWhatRuns() throws Exception {
    LocalModel own = Lora4j.model(tiny.toString(), Map.of("threads", 1));
    Map<String, Object> recipe = TinyModel.recipe(directory.resolve("closed"), 'c', 100_000);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      CountDownLatch speaks = new CountDownLatch(1);
      CountDownLatch learns = new CountDownLatch(1);
      Map<String, Object> endless = Map.of("max_new_tokens", 4000, "eos_token_id", List.of());
      Future<?> answer = threads.submit(() -> own.generate("a", endless, piece -> speaks.countDown()));
      Future<?> training = threads.submit(() -> own.train(recipe, event -> {
        if (event instanceof TrainEvent.Step) {
          learns.countDown();
        }
      }));
      speaks.await();
      learns.await();
      own.close();
      for (Future<?> ended : List.of(answer, training)) {
        assertEquals(CancellationException.class, assertThrows(ExecutionException.class, ended::get).getCause().getClass());
      }
    }
    try (Stream<Path> files = Files.walk(directory.resolve("closed"))) {
      assertTrue(files.anyMatch(file -> file.toString().contains("checkpoint")), "a checkpoint is left");
    }
    own.close();
    for (Runnable call : List.<Runnable>of(() -> own.generate("a"), () -> own.countTokens("a"), () -> own.train(recipe), own::adapters, own::base,
        () -> own.load("a", tiny), () -> own.unload("a"), () -> own.embed("a"))) {
      assertTrue(assertThrows(IllegalStateException.class, call::run).getMessage().contains("was closed"));
    }
  }
}
