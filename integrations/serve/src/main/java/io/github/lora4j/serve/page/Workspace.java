package io.github.lora4j.serve.page;

import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The directory that the page works in: data files and directories of runs, side by side. Clients name what lies in it by its name alone.
 *
 * @param root as it really is
 */
public record Workspace(Path root) {

  private static final int MOST = 500;
  private static final String NAME = "[\\w][\\w.-]{0,99}";

  /** Finds out what it really is. */
  public static Workspace of(Path directory) {
    try {
      return new Workspace(directory.toRealPath());
    } catch (IOException e) {
      throw new ConfigException("--workspace %s is no directory that can be read: %s".formatted(directory, e.getMessage()), e);
    }
  }

  /** A name that is a file's or is to be a run's. */
  Path child(String key, String name) {
    if (!name.matches(NAME)) {
      throw Refusal.invalid(key, "'%s' must be a name of letters, digits, dots and hyphens, without a directory".formatted(key));
    }
    Path child = root.resolve(name);
    if (Files.isSymbolicLink(child)) {
      throw Refusal.invalid(key, "'%s' is a symbolic link".formatted(name));
    }
    return child;
  }

  Path run(String name) {
    Path run = child("run", name);
    if (!RunDirectory.isRun(run)) {
      throw Refusal.of(404, "no_run", "there is no run '%s'".formatted(name));
    }
    return run;
  }

  Path file(String key, String name) {
    Path file = child(key, name);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      throw Refusal.invalid(key, "there is no file '%s'".formatted(name));
    }
    return file;
  }

  /** Names of runs, the newest first. */
  List<String> runs() {
    return names(RunDirectory::isRun);
  }

  /** Names of files that hold rows. */
  List<String> files() {
    return names(path -> path.getFileName().toString().matches(".*\\.(jsonl|json|tsv|csv|txt)")
        && Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS));
  }

  private List<String> names(java.util.function.Predicate<Path> which) {
    try (Stream<Path> all = Files.list(root)) {
      return all.filter(path -> path.getFileName().toString().matches(NAME) && !Files.isSymbolicLink(path)).filter(which)
          .sorted(java.util.Comparator.comparingLong(Workspace::modified).reversed()).limit(MOST).map(path -> path.getFileName().toString()).toList();
    } catch (IOException e) {
      throw Refusal.failed("the workspace cannot be read");
    }
  }

  private static long modified(Path path) {
    try {
      return Files.getLastModifiedTime(path).toMillis();
    } catch (IOException e) {
      return 0; // It has just gone.
    }
  }
}
