package io.github.lora4j.graal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.cli.TinyBert;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Workers;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Value;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same in every language: numbers, lists and maps go both ways, errors are errors, and callbacks are called where the language allows it. */
class GuestTest {

  @TempDir
  Path directory;

  private Map<String, Object> variables() throws Exception {
    return new HashMap<>(Map.of("tiny", Guests.tiny(directory.resolve("tiny")), "data", Guests.letters(directory.resolve("letters.jsonl")), "output",
        directory.resolve("run").toString(), "host", new Guests.Host()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"js", "python"})
  void trainsAndGenerates(String language) throws Exception {
    assumeTrue(Guests.there(language));
    trains(language);
  }

  private void trains(String language) throws Exception {
    Map<String, Object> variables = variables();
    try (Context context = Guests.context(language)) {
      Value result = Guests.run(context, language, "train", variables);
      assertEquals(30, Guests.of(result, "steps").asInt());
      List<Double> losses = new ArrayList<>();
      for (int i = 0; i < Guests.of(result, "losses").getArraySize(); i++) {
        losses.add(Guests.of(result, "losses").getArrayElement(i).asDouble());
      }
      assertEquals(30, losses.size());
      assertTrue(losses.getLast() < losses.getFirst() / 2, losses.toString());
      assertEquals("aaaaaaaaaaaa", Guests.of(result, "text").asString());
      assertEquals("aaaaaaaaaaaa", Guests.of(result, "pieces").asString());
      assertEquals(12, Guests.of(result, "tokens").asInt());
      assertNotEquals("aaaaaaaaaaaa", Guests.of(result, "base").asString());
      List<Thread> threads = ((Guests.Host) variables.get("host")).threads;
      assertEquals(List.of(Thread.currentThread()), threads.stream().distinct().toList(), "a language is called on the thread that it called on");
      assertTrue(threads.size() > 42, () -> threads.size() + " calls");
      context.getBindings(language).getMember("model").invokeMember("close");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"js", "python"})
  void trainsOnAVirtualThread(String language) throws Throwable {
    assumeTrue(Guests.there(language));
    FutureTask<Boolean> task = new FutureTask<>(() -> {
      trains(language);
      return Thread.currentThread().isVirtual();
    });
    Thread.ofVirtual().start(task);
    try {
      assertTrue(task.get());
    } catch (ExecutionException e) {
      throw e.getCause();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"js", "python"})
  void numbersListsAndMapsAreTheLanguagesOwn(String language) throws Exception {
    assumeTrue(Guests.there(language));
    Map<String, Object> variables = Map.of("bert", TinyBert.model(directory.resolve("bert"), true).toString(), "output",
        directory.resolve("moods").toString(), "data", TinyBert.tsv(directory.resolve("moods.tsv"), 32, 1).toString());
    try (Context context = Guests.context(language)) {
      Value result = Guests.run(context, language, "values", variables);
      assertTrue(Guests.of(result, "number").asBoolean());
      assertEquals(16, Guests.of(result, "length").asInt());
      assertEquals(1, Guests.of(result, "norm").asDouble(), 1e-5);
      assertEquals(2, Guests.of(result, "rows").asInt());
      assertEquals(16, Guests.of(result, "columns").asInt());
      assertEquals(1, Guests.of(result, "score").asDouble(), 1e-5);
      assertEquals(Guests.of(result, "label").asString(), Guests.of(result, "classified").asString());
      assertTrue(Guests.of(result, "keys").asInt() > 1);
      assertEquals(1, Guests.of(result, "sum").asDouble(), 1e-5);
      context.getBindings(language).getMember("model").invokeMember("close");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"js", "python"})
  void whatIsWrongIsSaid(String language) throws Exception {
    assumeTrue(Guests.there(language));
    try (Context context = Guests.context(language)) {
      Value result = Guests.run(context, language, "wrong", variables());
      // GraalPy says no more of an argument of the wrong type.
      boolean terse = language.equals("python");
      Map<String, String> expected = Map.ofEntries(Map.entry("number_as_text", terse ? "foreign object" : "String"), Map.entry("text_as_map", terse
          ? "foreign object" : "Map"),
          Map.entry("text_as_number", "threads"), Map.entry("fraction", "batch_size"), Map.entry("not_a_number", "batch_size"),
          Map.entry("list_as_number", "batch_size"), Map.entry("function_as_map", "adapter"), Map.entry("unknown_key", "batchsize"),
          Map.entry("unknown_setting", "max_tokens"), Map.entry("listener", terse ? "foreign object" : "TrainListener"),
          Map.entry("no_text", "to Java type 'java.lang.String'"),
          Map.entry("stopped", "that is enough"));
      Map<String, String> wrong = new HashMap<>();
      expected.forEach((what, part) -> {
        String message = Guests.of(result, what).asString();
        if (!message.contains(part) || message.startsWith("nothing wrong")) {
          wrong.put(what, message);
        }
      });
      assertEquals(Map.of(), wrong);
      assertEquals(List.of(1), Guests.of(result, "steps").as(List.class).stream().map(step -> ((Number) step).intValue()).toList());
      assertFalse(Files.exists(directory.resolve("run").resolve("adapter")), "a run that was stopped has no adapter");
      assertEquals(12, Guests.of(result, "after").asInt(), "and the model goes on");
      context.getBindings(language).getMember("model").invokeMember("close");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"js", "python"})
  void anInterruptEndsTheTraining(String language) throws Exception {
    assumeTrue(Guests.there(language));
    try (Context context = Guests.context(language)) {
      Value result = Guests.run(context, language, "interrupt", variables());
      assertTrue(Guests.of(result, "interrupted").asBoolean(), "the thread stays interrupted");
      assertTrue(Guests.of(result, "message").asString().contains("stopped after step 3 of 1000"), Guests.of(result, "message").asString());
      assertTrue(Guests.of(result, "steps").getArraySize() < 10, Guests.of(result, "steps").toString());
      context.getBindings(language).getMember("model").invokeMember("close");
    }
  }

  /** Languages have doubles: a float parameter would refuse or drop them. */
  @Test
  void theFacadeTakesNoFloats() {
    List<String> narrow = new ArrayList<>();
    for (Class<?> type : List.of(io.github.lora4j.Lora4j.class, io.github.lora4j.LocalModel.class, io.github.lora4j.LanguageModel.class)) {
      for (Method method : type.getMethods()) {
        if (!method.getDeclaringClass().equals(Object.class)
            && Stream.of(method.getParameterTypes()).anyMatch(parameter -> parameter.isArray() || parameter.isPrimitive())) {
          narrow.add(method.toString());
        }
      }
    }
    assertEquals(List.of(), narrow);
  }

  /** Truffle's runtime brings a compiler's parts along; who makes the machine code is asked of the JVM. */
  @Test
  void truffleBesideItChangesNoKernel() {
    try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(1))) {
      assertFalse(backend.describe().contains("Graal"), backend.describe());
    }
  }
}
