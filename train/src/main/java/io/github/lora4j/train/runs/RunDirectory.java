package io.github.lora4j.train.runs;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The directory of a run: {@code recipe.yaml}, {@code metrics.jsonl}, {@code checkpoint-N/}, {@code adapter/}. Locked while the run
 * lasts. All in it is whole or not there, and a checkpoint goes only after a newer one is on the disk.
 */
public final class RunDirectory implements AutoCloseable {

  private static final String RECIPE = "recipe.yaml";
  private static final String METRICS = "metrics.jsonl";
  private static final String ADAPTER = "adapter";

  private final Path path;
  private final RunLock lock;

  private RunDirectory(Path path, RunLock lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Checks that a run may use the directory, and locks one that holds a run. Nothing is made or written before {@link #claim}.
   *
   * @param model directory of the base model, which a run must not write into
   * @throws ConfigException if another run holds the directory; if it holds a run and is not to be resumed, or none and is; if it holds
   *     files that are no run's
   */
  public static RunDirectory open(Path path, Path model, Resume resume) {
    try {
      if (Files.exists(path) && !Files.isDirectory(path)) {
        throw new ResourceException("%s is a file; choose another output directory".formatted(path));
      }
      if (Files.exists(path) && Files.exists(model) && Files.isSameFile(path, model)) {
        throw new ConfigException("%s is the directory of the base model; choose another output directory".formatted(path));
      }
      boolean ours = RunLock.isIn(path);
      if (resume != Resume.NO && !ours && (!Files.exists(path) || !names(path).isEmpty())) {
        throw new ConfigException("%s is not the directory of a run, so there is nothing to resume; without --resume a run starts there"
            .formatted(path.toAbsolutePath()));
      }
      if (!ours) {
        refuseForeign(path);
      }
      RunDirectory run = new RunDirectory(path, new RunLock(path));
      if (ours) {
        try {
          run.lock.take();
          AtomicFiles.clear(path);
          run.refuseOccupied(resume);
        } catch (RuntimeException e) {
          run.close();
          throw e;
        }
      }
      return run;
    } catch (IOException e) {
      throw new ResourceException("%s cannot be used as the output directory: %s".formatted(path, e.getMessage()), e);
    }
  }

  /** A directory that no run has used may hold anything but what a run would overwrite. */
  private static void refuseForeign(Path path) throws IOException {
    List<String> taken = names(path).stream().filter(name -> List.of(RECIPE, METRICS, ADAPTER, "report.html").contains(name)
        || isCheckpoint(name)).sorted().toList();
    if (!taken.isEmpty()) {
      throw new ConfigException("%s holds %s, which is no run's and would be overwritten; choose another output directory"
          .formatted(path, String.join(", ", taken)));
    }
  }

  private void refuseOccupied(Resume resume) {
    boolean used = Files.exists(adapter()) || !checkpoints().isEmpty();
    if (used && resume == Resume.NO) {
      throw new ConfigException("%s holds a run already; continue it with --resume, or choose another output directory".formatted(path));
    }
  }

  private static List<String> names(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).toList();
    }
  }

  private static boolean isCheckpoint(String name) {
    return name.matches("checkpoint-\\d{1,9}");
  }

  /** Makes the directory, if it is not there, and locks it, if it is not yet. */
  public void claim() {
    AtomicFiles.createDirectories(path);
    try {
      lock.take();
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
    return path.resolve(ADAPTER);
  }

  /** Writes {@code recipe.yaml}: every setting that was in force, with absolute paths and the names of the labels. */
  public void write(Recipe recipe) {
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
  List<Integer> checkpoints() {
    try {
      return names(path).stream().filter(RunDirectory::isCheckpoint).map(name -> Integer.parseInt(name.substring(11))).sorted().toList();
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(path, e.getMessage()), e);
    }
  }

  private Path checkpoint(int step) {
    return path.resolve("checkpoint-" + step);
  }

  /**
   * Writes a checkpoint and, when it is on the disk, removes old ones; see {@link #prune}.
   *
   * @param slots of the program that belong to it beside the arenas
   * @param keep how many stay beside the best
   * @return where it is
   */
  public Path save(Executable executable, List<Value> slots, RunIdentity run, Progress progress, int keep) {
    Path target = checkpoint(progress.step());
    // What was told of the steps before it must not be lost when the checkpoint is not.
    AtomicFiles.force(path.resolve(METRICS));
    try {
      new RunCheckpoint(target).write(executable, slots, run, progress);
    } catch (ResourceException e) {
      throw new ResourceException("%s; earlier checkpoints are untouched".formatted(e.getMessage()), e);
    }
    prune(progress.step(), keep, progress.best());
    return target;
  }

  /** Removes the oldest checkpoints but the best one, and those of steps later than the newest that is known to be whole: a resume found them damaged. */
  public void prune(int newest, int keep, Optional<Best> best) {
    List<Integer> whole = new ArrayList<>();
    for (int step : checkpoints()) {
      if (step > newest) {
        AtomicFiles.delete(checkpoint(step));
      } else {
        whole.add(step);
      }
    }
    whole.subList(0, Math.max(0, whole.size() - keep)).stream().filter(step -> best.isEmpty() || best.get().step() != step)
        .forEach(step -> AtomicFiles.delete(checkpoint(step)));
  }

  /**
   * Loads the checkpoint of a step.
   *
   * @throws FormatException if it is missing or damaged
   */
  public Progress load(int step, Executable executable, List<Value> slots, RunIdentity run) {
    RunCheckpoint checkpoint = new RunCheckpoint(checkpoint(step));
    checkpoint.requireWhole();
    return checkpoint.read(executable, slots, run, Resume.ON_OTHER_KERNELS);
  }

  /**
   * Loads the newest checkpoint that is whole.
   *
   * @param notes told of checkpoints that are damaged
   * @return how far it is; {@link Progress#NONE} where there is no checkpoint
   * @throws ConfigException if it is the checkpoint of another run, naming what differs
   * @throws FormatException if there are checkpoints and all are damaged
   */
  public Progress resume(Executable executable, List<Value> slots, RunIdentity run, Resume how, Consumer<String> notes) {
    List<String> damaged = new ArrayList<>();
    for (int step : checkpoints().reversed()) {
      RunCheckpoint checkpoint = new RunCheckpoint(checkpoint(step));
      try {
        checkpoint.requireWhole();
      } catch (FormatException e) {
        damaged.add(e.getMessage());
        continue;
      }
      damaged.forEach(problem -> notes.accept("%s; going back to checkpoint-%d".formatted(problem, step)));
      return checkpoint.read(executable, slots, run, how);
    }
    if (!damaged.isEmpty()) {
      throw new FormatException("%s: no checkpoint is whole:%n  - %s%nwithout the checkpoint directories the run starts anew"
          .formatted(path, String.join("\n  - ", damaged)));
    }
    notes.accept("%s has no checkpoint yet: the run starts at its first step".formatted(path));
    return Progress.NONE;
  }

  @Override
  public void close() {
    lock.close();
  }
}
