package io.github.lora4j.graal;

import io.github.lora4j.generate.TinyLlama;
import io.github.lora4j.generate.text.ByteTokenizer;
import io.github.lora4j.train.TrainListener;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Engine;
import org.graalvm.polyglot.HostAccess;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;

/** Scripts of another language with what they need to train. */
final class Guests {

  /** Languages of the class path, with the endings of their files. */
  static final Map<String, String> ENDINGS = Map.of("js", "js", "python", "py");

  private Guests() {}

  static boolean there(String language) {
    try (Engine engine = Engine.newBuilder().option("engine.WarnInterpreterOnly", "false").build()) {
      return engine.getLanguages().containsKey(language);
    }
  }

  /** What scripts may do with objects of Java: as in docs/graalvm.md. */
  static HostAccess access() {
    return HostAccess.newBuilder().allowPublicAccess(true).allowImplementations(TrainListener.class).allowImplementations(Consumer.class)
        .allowListAccess(true).allowMapAccess(true).allowIterableAccess(true).allowIteratorAccess(true)
        .denyAccess(Class.class).denyAccess(ClassLoader.class).build();
  }

  static Context context(String language) {
    return Context.newBuilder(language).allowHostAccess(access()).allowHostClassLookup(name -> name.startsWith("io.github.lora4j."))
        .option("engine.WarnInterpreterOnly", "false").build();
  }

  /** Runs a script of the resources with these variables; the result is what it calls {@code result}. */
  static Value run(Context context, String language, String script, Map<String, ?> variables) throws IOException {
    variables.forEach(context.getBindings(language)::putMember);
    String name = script + "." + ENDINGS.get(language);
    try (InputStream in = Objects.requireNonNull(Guests.class.getResourceAsStream("/guest/" + name), name)) {
      context.eval(Source.newBuilder(language, new String(in.readAllBytes(), StandardCharsets.UTF_8), name).build());
    }
    return context.getBindings(language).getMember("result");
  }

  /** A member of an object, or an entry of a dictionary. */
  static Value of(Value result, String key) {
    return result.hasHashEntries() ? result.getHashValue(key) : result.getMember(key);
  }

  /** A model of random weights that reads bytes. */
  static String tiny(Path directory) throws IOException {
    Files.createDirectories(directory);
    TinyLlama.write(directory, weight -> weight, ByteTokenizer.SIZE);
    ByteTokenizer.write(directory);
    return directory.toString();
  }

  /** Texts of one letter. */
  static String letters(Path file) throws IOException {
    return Files.writeString(file, "{\"text\": \"%s\"}%n".formatted("a".repeat(24)).repeat(8)).toString();
  }

  /** What scripts tell of themselves. */
  public static final class Host {
    final List<Thread> threads = new ArrayList<>();

    /** Notes the thread. */
    public void called() {
      threads.add(Thread.currentThread());
    }

    /** Interrupts this thread. */
    public void interrupt() {
      Thread.currentThread().interrupt();
    }

    /** Whether this thread was interrupted; not any more then. */
    public boolean interrupted() {
      return Thread.interrupted();
    }
  }
}
