package io.github.lora4j.checkpoint.internal;

import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** The operations whose order decides what a power loss leaves. A test may bind others, to record the order or to fail. */
public interface FileOperations {

  /** What this thread's writers use; the file system's unless something else is bound. */
  ScopedValue<FileOperations> BOUND = ScopedValue.newInstance();

  /** The file system's. */
  FileOperations SYSTEM = new FileOperations() {};

  /** Those in force. */
  static FileOperations current() {
    return BOUND.orElse(SYSTEM);
  }

  /** Makes a directory whose parent exists. */
  default void createDirectory(Path directory) throws IOException {
    Files.createDirectory(directory);
  }

  /** Returns once a file's bytes, or a directory's entries, are on the disk. */
  default void force(Path path) throws IOException {
    boolean windows = File.separatorChar != '/';
    if (windows && Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      return; // Windows opens no directory; its moves are in the journal when they return.
    }
    // Windows forces what is open for writing only; elsewhere a file that may only be read can be forced too.
    try (FileChannel channel = FileChannel.open(path, windows ? StandardOpenOption.WRITE : StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Moves within one file system, replacing a file that is there; never in two steps. */
  default void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Deletes a file or an empty directory, if it is there. */
  default void delete(Path path) throws IOException {
    Files.deleteIfExists(path);
  }
}
