package io.github.lora4j;

import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.inference.reading.Embedder;
import io.github.lora4j.inference.reading.Judge;
import io.github.lora4j.inference.reading.Kind;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A model's parts, each opened when it is first needed. Who uses a part holds the read lock meanwhile; who closes one, because the model ends or
 * because it lacks an adapter that has come, waits for the write lock.
 */
final class Opened implements AutoCloseable {

  private static final EngineLimits PATIENT = new EngineLimits(100_000, Duration.ofDays(30), Duration.ofDays(30));

  private final Path base;
  private final String name;
  private final ModelOptions options;
  private final Map<String, Path> adapters = new LinkedHashMap<>();
  private final Map<String, Judge> judges = new LinkedHashMap<>();
  private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
  private final ReentrantLock opening = new ReentrantLock();
  private volatile @Nullable ServedModel text;
  private @Nullable Embedder embedder;
  private @Nullable Tokenizer tokenizer;
  private volatile boolean closed;

  Opened(Path base, ModelOptions options) {
    this.base = base;
    this.options = options;
    Path directory = BaseModel.open(base).path();
    name = options.name().isEmpty() ? String.valueOf(directory.toAbsolutePath().normalize().getFileName()) : options.name();
  }

  Path base() {
    return base;
  }

  String name() {
    return name;
  }

  ModelOptions options() {
    return options;
  }

  void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the model '%s' was closed".formatted(name));
    }
  }

  /** Does something with parts, none of which is closed meanwhile. */
  <T> T use(Supplier<T> what) {
    requireOpen();
    use.readLock().lock();
    try {
      requireOpen();
      return what.get();
    } finally {
      use.readLock().unlock();
    }
  }

  /** Does something while nobody uses a part. */
  private void alone(Runnable what) {
    if (use.getReadHoldCount() > 0) {
      throw new IllegalStateException("whoever hears of an answer of '%s' cannot close it or change its adapters meanwhile".formatted(name));
    }
    use.writeLock().lock();
    try {
      what.run();
    } finally {
      use.writeLock().unlock();
    }
  }

  private <T> T opening(Supplier<T> open) {
    opening.lock();
    try {
      T part = open.get();
      requireOpen();
      return part;
    } finally {
      opening.unlock();
    }
  }

  /** What continues texts. */
  ServedModel text() {
    return opening(() -> {
      ServedModel there = text;
      if (there == null) {
        if (Kind.ofModel(base) != Kind.TEXT) {
          throw new ConfigException("%s reads texts and does not continue them; it can be asked for vectors".formatted(base));
        }
        there = new ServedModel(new ServedOptions(base, name, of(kind -> kind == Kind.TEXT), options.room(), options.computing()), PATIENT);
        text = there;
      }
      return there;
    });
  }

  /** What gives vectors. */
  Embedder embedder() {
    return opening(() -> {
      Embedder there = embedder;
      if (there == null) {
        there = new Embedder(name, BaseModel.open(base), of(kind -> kind == Kind.VECTORS), options.computing().backend(),
            options.computing().threads());
        embedder = there;
      }
      return there;
    });
  }

  /** What judges, with an adapter that was trained for it. */
  Judge judge(String adapter) {
    return opening(() -> judges.computeIfAbsent(adapter, key -> new Judge(key, run(path(key)), options.computing().backend(),
        options.computing().threads())));
  }

  Tokenizer tokenizer() {
    return opening(() -> {
      Tokenizer there = tokenizer;
      if (there == null) {
        there = Tokenizer.load(BaseModel.open(base).path());
        tokenizer = there;
      }
      return there;
    });
  }

  private static Path run(Path adapter) {
    Path run = adapter.toAbsolutePath().getParent();
    if (RunDirectory.isRun(adapter)) {
      return adapter;
    }
    if (run != null && RunDirectory.isRun(run) && adapter.endsWith("adapter")) {
      return run;
    }
    throw new ConfigException("%s was trained to judge; give the directory of its run, which knows the columns and classes".formatted(adapter));
  }

  /** What an adapter can be asked for; where it does not say, what the model without it can. */
  Kind kind(String adapter) {
    return opening(() -> kind(path(adapter)));
  }

  private Kind kind(Path adapter) {
    return Kind.ofAdapter(adapter).orElseGet(() -> Kind.ofModel(base));
  }

  private Map<String, Path> of(Predicate<Kind> kinds) {
    Map<String, Path> some = new LinkedHashMap<>(adapters);
    some.values().removeIf(path -> !kinds.test(kind(path)));
    return some;
  }

  private Path path(String adapter) {
    return Objects.requireNonNull(adapters.get(adapter), adapter);
  }

  List<String> adapters() {
    requireOpen();
    return opening(() -> List.copyOf(adapters.keySet()));
  }

  /** Adds an adapter, or takes it in the place of the one of this name. */
  void load(String adapter, Path path) {
    requireOpen();
    if (adapter.isEmpty() || adapter.equals(name)) {
      throw new ConfigException("'%s' is no name for an adapter: %s".formatted(adapter, adapter.isEmpty() ? "it is empty" : "the model has it"));
    }
    if (!Files.isDirectory(path)) {
      throw new ConfigException("adapter '%s': %s is no directory".formatted(adapter, path));
    }
    Kind kind = kind(path);
    ServedModel there = text;
    if (kind == Kind.TEXT && there != null && options.room().seats() > 0 && use(() -> put(there, adapter, path))) {
      return;
    }
    alone(() -> opening(() -> {
      adapters.put(adapter, path);
      forget(kind, adapter);
      return adapter;
    }));
  }

  private boolean put(ServedModel into, String adapter, Path path) {
    return opening(() -> {
      if (into != text) {
        return false;
      }
      try {
        into.load(adapter, RunDirectory.isRun(path) ? TrainedModel.adapter(path) : path);
      } catch (InterruptedException e) {
        throw Interrupted.now("loading the adapter '%s'".formatted(adapter));
      }
      adapters.put(adapter, path);
      return true;
    });
  }

  /** Removes an adapter; false if there is none of this name. */
  boolean unload(String adapter) {
    requireOpen();
    boolean[] was = {false};
    alone(() -> opening(() -> {
      Path path = adapters.get(adapter);
      was[0] = path != null;
      if (path != null) {
        forget(kind(path), adapter);
        adapters.remove(adapter);
      }
      return adapter;
    }));
    return was[0];
  }

  /** Closes what has, or lacks, an adapter that has changed. */
  private void forget(Kind kind, String adapter) {
    List<@Nullable AutoCloseable> parts = new ArrayList<>();
    if (kind == Kind.TEXT) {
      parts.add(text);
      text = null;
    } else if (kind == Kind.VECTORS) {
      parts.add(embedder);
      embedder = null;
    }
    parts.add(judges.remove(adapter));
    close(parts);
  }

  private static void close(List<@Nullable AutoCloseable> parts) {
    for (AutoCloseable part : parts) {
      if (part != null) {
        try {
          part.close();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  /** Ends what is being answered, and releases all memory. */
  @Override
  public void close() {
    if (use.getReadHoldCount() == 0) {
      closed = true;
      ServedModel there = text;
      if (there != null) {
        there.engine().close();
      }
    }
    alone(() -> {
      List<@Nullable AutoCloseable> parts = new ArrayList<>(judges.values());
      parts.add(text);
      parts.add(embedder);
      judges.clear();
      text = null;
      embedder = null;
      close(parts);
    });
  }
}
