package io.github.lora4j.train.runs;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** The file {@code .lock} of a run's directory: locked while a run uses it, and there afterwards, as the mark of a run. */
final class RunLock implements AutoCloseable {

  private static final String NAME = ".lock";

  private final Path directory;
  private @Nullable FileChannel held;

  RunLock(Path directory) {
    this.directory = directory;
  }

  /** Whether a run has used the directory. */
  static boolean isIn(Path directory) {
    return Files.exists(directory.resolve(NAME));
  }

  /**
   * Takes the lock, unless this has it already.
   *
   * @throws ConfigException if another run has it
   */
  void take() throws IOException {
    if (held != null) {
      return;
    }
    FileChannel channel = FileChannel.open(directory.resolve(NAME), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      held = channel.tryLock() == null ? null : channel;
    } catch (OverlappingFileLockException e) {
      // Held by this very JVM: the same answer as held by another.
    } finally {
      if (held == null) {
        channel.close();
      }
    }
    if (held == null) {
      throw new ConfigException("%s is in use by another run; give this one a directory of its own".formatted(directory));
    }
  }

  @Override
  public void close() {
    if (held != null) {
      try {
        held.close();
      } catch (IOException e) {
        throw new ResourceException("%s: the lock could not be released: %s".formatted(directory, e.getMessage()), e);
      }
    }
  }
}
