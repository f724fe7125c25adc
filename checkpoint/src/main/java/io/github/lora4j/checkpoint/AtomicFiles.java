package io.github.lora4j.checkpoint;

import io.github.lora4j.checkpoint.internal.FileOperations;
import io.github.lora4j.checkpoint.internal.Workplace;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Writes files and directories that are there whole or not at all, whatever happens: an error, a full disk, a kill, a power loss.
 *
 * <p>Each is made in a hidden place beside its target, every file and directory of it is forced to the disk, it is moved in one step,
 * and the directory that holds it is forced. When a method returns, what it wrote is on the disk. What writers that died have left
 * ({@code .lora4j-*.tmp}) is cleared up by the next one that writes into the same directory.
 *
 * <p>All methods throw {@link ResourceException}, naming the target and the reason; what was there before is untouched then.
 */
public final class AtomicFiles {

  /** Writes the content of a file. */
  @FunctionalInterface
  public interface FileContent {
    /** Writes. */
    void write(FileChannel to) throws IOException;
  }

  /** Writes the content of a directory. */
  @FunctionalInterface
  public interface DirectoryContent {
    /** Writes into a directory that is empty and lies elsewhere until it is complete. */
    void write(Path directory) throws IOException;
  }

  /** What can fail for reasons of the file system. */
  private interface Work {
    void run(Path target) throws IOException;
  }

  private AtomicFiles() {}

  /** Writes a file, replacing one that is there. */
  public static void file(Path place, FileContent content) {
    attempt(place, "cannot be written", target -> {
      if (Files.isDirectory(target)) {
        throw new IOException("it is a directory");
      }
      try (Workplace work = Workplace.in(parent(target))) {
        // Not Files.createTempFile: its files are readable by their owner only, and the move would keep that.
        try (FileChannel channel = FileChannel.open(work.fresh(), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
          content.write(channel);
        }
        work.publish(target.getFileName().toString());
      }
    });
  }

  /**
   * Writes a file that can be read again before it appears at its place, replacing one that is there.
   *
   * @param content makes a file of the place's name in a directory that lies elsewhere; an exception leaves nothing behind
   */
  public static void checkedFile(Path place, DirectoryContent content) {
    attempt(place, "cannot be written", target -> {
      if (Files.isDirectory(target)) {
        throw new IOException("it is a directory");
      }
      Workplace.makeDirectories(parent(target));
      try (Workplace work = Workplace.in(parent(target))) {
        Path inside = work.fresh().resolveSibling("made");
        Files.createDirectory(inside);
        fill(inside, content, parent(target));
        Files.move(inside.resolve(target.getFileName()), work.fresh());
        work.publish(target.getFileName().toString());
      }
    });
  }

  /** Writes a file of text in UTF-8, replacing one that is there. */
  public static void text(Path place, CharSequence text) {
    file(place, channel -> {
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(java.nio.CharBuffer.wrap(text));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    });
  }

  /**
   * Writes a directory, replacing one that is there with all its content; whoever must not replace something checks that first. A crash
   * in the instant between the two moves of a replacement leaves the old one hidden; {@link #clear} and every later write beside it put
   * it back.
   */
  public static void directory(Path place, DirectoryContent content) {
    attempt(place, "cannot be written", target -> {
      if (Files.exists(target) && !Files.isDirectory(target)) {
        throw new IOException("it is a file");
      }
      Workplace.makeDirectories(parent(target));
      try (Workplace work = Workplace.in(parent(target))) {
        Files.createDirectory(work.fresh());
        fill(work.fresh(), content, place);
        work.publish(target.getFileName().toString());
      }
    });
  }

  /** Errors of what is written inside name the place where it was going to lie. */
  private static void fill(Path fresh, DirectoryContent content, Path place) throws IOException {
    try {
      content.write(fresh);
    } catch (ResourceException e) {
      throw new ResourceException(e.getMessage().replace(fresh.toString(), place.toString()), e);
    }
  }

  /** Returns once the bytes of a file that was written in other ways are on the disk; does nothing where there is none. */
  public static void force(Path file) {
    attempt(file, "cannot be written", target -> {
      if (Files.exists(target)) {
        FileOperations.current().force(target);
        FileOperations.current().force(parent(target));
      }
    });
  }

  /** Makes a directory with its parents, if it is not there, and forces them to the disk. */
  public static void createDirectories(Path directory) {
    attempt(directory, "cannot be made", Workplace::makeDirectories);
  }

  /** Deletes a file or a directory with its content, if it is there: it is gone from its place in one step. */
  public static void delete(Path place) {
    attempt(place, "cannot be deleted", target -> {
      if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        try (Workplace work = Workplace.in(parent(target))) {
          work.discard(target.getFileName().toString());
        }
      }
    });
  }

  /** Clears up what writers that died have left in a directory, and puts back what one of them was about to replace. */
  public static void clear(Path directory) {
    attempt(directory, "cannot be cleared up", Workplace::clear);
  }

  private static Path parent(Path target) throws IOException {
    Path parent = target.getParent();
    if (parent == null) {
      throw new IOException("it is the root of the file system");
    }
    return parent;
  }

  private static void attempt(Path place, String failure, Work work) {
    try {
      work.run(place.toAbsolutePath().normalize());
    } catch (NoSuchFileException e) {
      throw new ResourceException("%s: %s: %s does not exist".formatted(place, failure, e.getFile()), e);
    } catch (IOException e) {
      throw new ResourceException("%s: %s: %s".formatted(place, failure, e.getMessage()), e);
    }
  }
}
