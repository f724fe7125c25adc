package io.github.lora4j.serve.adapters;

import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The one directory that clients may have adapters loaded from. A path leads below it by names alone: no {@code ..}, no symbolic link on the way or
 * among the adapter's files.
 *
 * @param root as it really is
 */
public record AllowedDirectory(Path root) {

  private static final int MOST_FILES = 1000;

  /** Finds out what it really is. */
  public static AllowedDirectory of(Path directory) {
    try {
      return new AllowedDirectory(directory.toRealPath());
    } catch (IOException e) {
      throw new ConfigException("--adapters %s is no directory that can be read: %s".formatted(directory, e.getMessage()), e);
    }
  }

  /**
   * The adapter's directory that a client means.
   *
   * @param bytes its files may have together
   * @throws Refusal when it is not below this, is none, or is too large
   */
  public Path adapter(String given, long bytes) {
    Path path;
    try {
      path = Path.of(given);
    } catch (InvalidPathException e) {
      throw outside("the path cannot be used");
    }
    Path full = path.isAbsolute() ? path : root.resolve(path);
    for (Path part : path) {
      if (part.toString().equals("..")) {
        throw outside("the path has ..");
      }
    }
    full = full.normalize();
    if (!full.startsWith(root) || full.equals(root)) {
      throw outside("the path is not below it");
    }
    Path at = root;
    for (Path part : root.relativize(full)) {
      at = at.resolve(part);
      if (Files.isSymbolicLink(at)) {
        throw outside("the path has a symbolic link");
      }
    }
    if (!Files.isDirectory(full, LinkOption.NOFOLLOW_LINKS)) {
      throw Refusal.of(404, "no_adapter", "there is no such adapter in the server's directory of adapters");
    }
    check(full, bytes);
    return full;
  }

  private static void check(Path adapter, long bytes) {
    try (Stream<Path> files = Files.list(adapter)) {
      List<Path> all = files.limit(MOST_FILES).toList();
      long sum = 0;
      for (Path file : all) {
        if (Files.isSymbolicLink(file)) {
          throw outside("a file of the adapter is a symbolic link");
        }
        sum += Files.size(file);
      }
      if (sum > bytes) {
        throw Refusal.of(400, "adapter_too_large", "the adapter's files have %,d bytes; this server takes up to %,d".formatted(sum, bytes));
      }
    } catch (IOException e) {
      throw Refusal.of(404, "no_adapter", "the adapter cannot be read");
    }
  }

  private static Refusal outside(String why) {
    return Refusal.of(403, "path_not_allowed", "adapters are loaded from the server's directory of adapters alone (--adapters): " + why);
  }
}
