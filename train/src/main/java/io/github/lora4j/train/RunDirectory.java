package io.github.lora4j.train;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The directory of a run: {@code recipe.yaml}, {@code metrics.jsonl}, {@code checkpoint-N/}, {@code adapter/}. Locked while the run
 * lasts. A checkpoint is written beside its place and then moved, so one that is there is whole.
 */
public final class RunDirectory implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String RECIPE = "recipe.yaml";
  private static final String STATE = "trainer_state.json";
  private static final String ARENAS = "state.safetensors";
  private static final int FORMAT = 1;

  private final Path path;
  private final FileChannel lockFile;
  private final FileLock lock;

  private RunDirectory(Path path, FileChannel lockFile, FileLock lock) {
    this.path = path;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /**
   * Opens or makes the directory and locks it.
   *
   * @throws ConfigException if another run holds it, or it holds a run and {@code resume} is false
   */
  public static RunDirectory open(Path path, boolean resume) {
    try {
      Files.createDirectories(path);
      FileChannel channel = FileChannel.open(path.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = null;
      try {
        lock = channel.tryLock();
      } catch (OverlappingFileLockException e) {
        // Held by this very JVM: the same answer as held by another.
      }
      if (lock == null) {
        channel.close();
        throw new ConfigException("%s is in use by another run; give this one a directory of its own".formatted(path));
      }
      RunDirectory run = new RunDirectory(path, channel, lock);
      boolean used = Files.exists(path.resolve("adapter")) || !run.checkpoints().isEmpty();
      if (used && !resume) {
        run.close();
        throw new ConfigException("%s holds a run already; continue it with --resume, or choose another output directory".formatted(path));
      }
      return run;
    } catch (IOException e) {
      throw new ResourceException("%s cannot be used as the output directory: %s".formatted(path, e.getMessage()), e);
    }
  }

  /** The directory. */
  public Path path() {
    return path;
  }

  /** Where the finished adapter goes. */
  public Path adapter() {
    return path.resolve("adapter");
  }

  /** Writes {@code recipe.yaml}: every setting that was in force, with absolute paths and the names of the labels. */
  void write(Recipe recipe) {
    AtomicFiles.text(path.resolve(RECIPE), recipe.toBuilder().toYaml());
  }

  /** The recipe of a run, with the names of its labels. */
  public static Recipe recipe(Path run) {
    if (!isRun(run)) {
      throw new ConfigException("%s is not the directory of a run: it has no %s".formatted(run, RECIPE));
    }
    return settings(run).build();
  }

  /** The settings of a run, to be repeated or resumed with others. */
  public static RecipeBuilder settings(Path run) {
    return new RecipeBuilder().read(run.resolve(RECIPE)).withoutOtherTasks().set("output", run.toString());
  }

  /** Whether a directory is that of a run. */
  public static boolean isRun(Path directory) {
    return Files.isRegularFile(directory.resolve(RECIPE));
  }

  /** Steps of the checkpoints that are there, ascending. */
  List<Integer> checkpoints() throws IOException {
    try (Stream<Path> entries = Files.list(path)) {
      return entries.map(entry -> entry.getFileName().toString()).filter(name -> name.matches("checkpoint-\\d{1,9}"))
          .map(name -> Integer.parseInt(name.substring(11))).sorted().toList();
    }
  }

  private Path checkpoint(int step) {
    return path.resolve("checkpoint-" + step);
  }

  /**
   * Writes a checkpoint and removes the oldest ones.
   *
   * @param essentials what must be equal for the run to go on from here
   * @param hook whose state belongs to the checkpoint
   */
  public Path save(Executable executable, int step, Map<String, String> essentials, int keep, Optional<StepHook> hook) {
    Path target = checkpoint(step);
    Path temporary = path.resolve("checkpoint-" + step + ".tmp");
    try {
      delete(temporary);
      Files.createDirectories(temporary);
      SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "lora4j-run");
      for (Executable.Arena arena : Executable.Arena.KEPT) {
        var memory = executable.arena(arena);
        writer.add(new TensorInfo(arena.name().toLowerCase(java.util.Locale.ROOT), executable.floatType(),
            List.of(memory.byteSize() / executable.floatType().bytes())), memory);
      }
      hook.ifPresent(h -> h.state(executable.program()).forEach(slot -> writer.add(new TensorInfo(slot.name(), executable.floatType(),
          List.of(slot.shape().elements())), data -> executable.read(slot, data))));
      writer.write(temporary.resolve(ARENAS));
      ObjectNode state = JSON.createObjectNode().put("format", FORMAT).put("step", step);
      essentials.forEach(state.putObject("run")::put);
      hook.ifPresent(h -> h.hostState().forEach(state.putObject("method")::put));
      Files.writeString(temporary.resolve(STATE), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(state));
      delete(target);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      List<Integer> all = checkpoints();
      for (int i = 0; i < all.size() - keep; i++) {
        delete(checkpoint(all.get(i)));
      }
      return target;
    } catch (IOException e) {
      throw new ResourceException("checkpoint %s cannot be written: %s; the last complete checkpoint is still there".formatted(target, e.getMessage()), e);
    } finally {
      deleteQuietly(temporary);
    }
  }

  /**
   * Loads the newest checkpoint, if there is one.
   *
   * @return the steps it has done
   * @throws ConfigException if it is the checkpoint of another run, naming what differs
   */
  public Optional<Integer> resume(Executable executable, Map<String, String> essentials, Optional<StepHook> hook) {
    try {
      List<Integer> all = checkpoints();
      if (all.isEmpty()) {
        return Optional.empty();
      }
      Path directory = checkpoint(all.getLast());
      JsonNode state = JSON.readTree(directory.resolve(STATE).toFile());
      if (state.path("format").asInt() != FORMAT || !state.path("step").isInt()) {
        throw new FormatException("%s is not a checkpoint of this version (format %s, expected %d)".formatted(directory.resolve(STATE),
            state.path("format"), FORMAT));
      }
      requireSame(directory, state.path("run"), essentials);
      try (Checkpoint arenas = Checkpoint.open(directory.resolve(ARENAS))) {
        for (Executable.Arena arena : Executable.Arena.KEPT) {
          DType type = executable.floatType();
          String name = arena.name().toLowerCase(java.util.Locale.ROOT);
          long expected = executable.arena(arena).byteSize() / type.bytes();
          if (arenas.info(name).elements() != expected) {
            throw new FormatException("%s: %s has %d elements, expected %d".formatted(directory, name, arenas.info(name).elements(), expected));
          }
          arenas.read(name, type, executable.arena(arena));
          executable.arenaWritten(arena);
        }
        hook.ifPresent(h -> h.state(executable.program()).forEach(slot -> readSlot(arenas, executable, slot)));
      }
      hook.ifPresent(h -> {
        Map<String, String> method = new LinkedHashMap<>();
        state.path("method").properties().forEach(entry -> method.put(entry.getKey(), entry.getValue().asText()));
        h.restore(method);
      });
      return Optional.of(state.path("step").asInt());
    } catch (JacksonException e) {
      throw new FormatException("the newest checkpoint in %s is broken: %s; remove it to continue from the one before".formatted(path,
          e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new ResourceException("the newest checkpoint in %s cannot be read: %s".formatted(path, e.getMessage()), e);
    }
  }

  private static void readSlot(Checkpoint from, Executable to, Value slot) {
    DType type = to.floatType();
    if (from.info(slot.name()).elements() != slot.shape().elements()) {
      throw new FormatException("%s: %s has %d elements, expected %d".formatted(from.describe(), slot.name(), from.info(slot.name()).elements(),
          slot.shape().elements()));
    }
    try (Memory memory = new Memory("checkpoint")) {
      MemorySegment data = memory.allocate(slot.shape().elements() * type.bytes(), slot.name());
      from.read(slot.name(), type, data);
      to.write(slot, data);
    }
  }

  private static void requireSame(Path directory, JsonNode run, Map<String, String> essentials) {
    List<String> differences = new ArrayList<>();
    Map<String, String> now = new LinkedHashMap<>(essentials);
    run.fieldNames().forEachRemaining(key -> now.putIfAbsent(key, "(not set)"));
    now.forEach((key, value) -> {
      String then = run.path(key).asText("(not set)");
      if (!then.equals(value)) {
        differences.add("%s was %s, is now %s".formatted(key, then, value));
      }
    });
    if (!differences.isEmpty()) {
      throw new ConfigException("%s belongs to another run; to continue it, nothing that changes the result may change:%n  - %s"
          .formatted(directory, String.join("\n  - ", differences)));
    }
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> entries = Files.walk(directory)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }

  private static void deleteQuietly(Path directory) {
    try {
      delete(directory);
    } catch (IOException e) {
      // The error that matters is on its way already; a left-over ".tmp" is removed by the next save.
    }
  }

  @Override
  public void close() {
    try {
      lock.release();
      lockFile.close();
    } catch (IOException e) {
      throw new ResourceException("%s: the lock could not be released: %s".formatted(path, e.getMessage()), e);
    }
  }
}
