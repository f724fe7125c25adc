package io.github.lora4j.lora.internal;

import io.github.lora4j.lora.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** A directory written beside its place and moved there when complete; one that was there is replaced only if it held nothing else. */
public final class AtomicDirectory {

  /** Writes the files into the directory given. */
  public interface Content {
    /** Writes. */
    void write(Path directory) throws IOException;
  }

  private AtomicDirectory() {}

  /**
   * Writes a directory.
   *
   * @param mayHold names of files that an existing directory may hold and that are replaced with it
   * @param keep those of them that are carried over when they exist
   * @throws ConfigException when something else is there
   * @throws ResourceException when it cannot be written; what was there is untouched
   */
  public static void write(Path place, Set<String> mayHold, Set<String> keep, Content content) {
    Path target = place.toAbsolutePath().normalize();
    checkReplaceable(target, mayHold);
    String stamp = "." + ProcessHandle.current().pid() + "." + Long.toHexString(System.nanoTime());
    Path temporary = target.resolveSibling("." + target.getFileName() + stamp + ".tmp");
    Path old = target.resolveSibling("." + target.getFileName() + stamp + ".old");
    try {
      Files.createDirectories(target.getParent());
      Files.createDirectory(temporary);
      content.write(temporary);
      for (String name : keep) {
        if (Files.exists(target.resolve(name))) {
          Files.copy(target.resolve(name), temporary.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
      }
      boolean replaces = Files.exists(target);
      if (replaces) {
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      try {
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        if (replaces) {
          Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
        }
        throw e;
      }
      if (replaces) {
        delete(old);
      }
    } catch (IOException e) {
      throw new ResourceException(target + ": cannot be written: " + e, e);
    } finally {
      try {
        delete(temporary);
      } catch (IOException e) {
        throw new ResourceException(temporary + ": cannot be removed: " + e, e);
      }
    }
  }

  private static void checkReplaceable(Path target, Set<String> mayHold) {
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new ConfigException(target + ": is a file; choose another place for the adapter directory");
    }
    if (!Files.exists(target)) {
      return;
    }
    try (Stream<Path> files = Files.list(target)) {
      List<String> others = files.map(f -> f.getFileName().toString()).filter(name -> !mayHold.contains(name)).sorted().toList();
      if (!others.isEmpty()) {
        throw new ConfigException(target + ": holds something else than an adapter (" + Problems.some(others) + "); choose another place");
      }
    } catch (IOException e) {
      throw new ResourceException(target + ": cannot be read: " + e, e);
    }
  }

  /** Flat directories only: nothing else is ever made or replaced here. */
  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    List<Path> files;
    try (Stream<Path> list = Files.list(directory)) {
      files = list.toList();
    }
    for (Path file : files) {
      Files.delete(file);
    }
    Files.delete(directory);
  }
}
