package io.github.lora4j.checkpoint.internal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/**
 * A hidden directory beside a target, {@code .lora4j-<random>.tmp}, in which a file or directory is made before it is moved to its
 * place: {@code new} what is made, {@code old/NAME} what it replaces, {@code lock} held while the writer lives. Whoever finds one whose
 * lock is free clears up behind a dead writer; process numbers would not tell, since containers start with the same ones.
 */
public final class Workplace implements AutoCloseable {

  private static final String LOCK = "lock";
  private static final String OLD = "old";

  /** Those of this process: it must not even open their locks, since closing any channel of a file frees its locks. */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  private final FileOperations files = FileOperations.current();
  private final Path parent;
  private final Path place;
  private final FileChannel lock;

  private Workplace(Path parent, Path place, FileChannel lock) {
    this.parent = parent;
    this.place = place;
    this.lock = lock;
  }

  /** Opens one in a directory that exists, and clears up what dead writers left there. */
  public static Workplace in(Path parent) throws IOException {
    clear(parent);
    FileOperations files = FileOperations.current();
    while (true) {
      Path place = parent.resolve(".lora4j-%016x.tmp".formatted(ThreadLocalRandom.current().nextLong()));
      OWN.add(place);
      FileChannel lock = null;
      boolean opened = false;
      try {
        files.createDirectory(place);
        lock = FileChannel.open(place.resolve(LOCK), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        opened = locked(lock) && Files.exists(place.resolve(LOCK));
        if (opened) {
          return new Workplace(parent, place, lock);
        }
      } catch (FileAlreadyExistsException | NoSuchFileException e) {
        // Cleared up between two of these lines, by someone who found it without its lock: another one.
      } finally {
        if (!opened) {
          OWN.remove(place);
          if (lock != null) {
            lock.close();
          }
          files.delete(place.resolve(LOCK));
          files.delete(place);
        }
      }
    }
  }

  /** Takes a lock; a file system without locks counts as locked, so that nobody clears up there. */
  private static boolean locked(FileChannel channel) {
    try {
      return channel.tryLock() instanceof FileLock;
    } catch (OverlappingFileLockException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  /** Where to make what is to be published. */
  public Path fresh() {
    return place.resolve("new");
  }

  /** Forces everything that was made and moves it to its place in the parent, instead of what may be there. */
  public void publish(String name) throws IOException {
    forceAll(fresh());
    Path target = parent.resolve(name);
    boolean replaces = Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS);
    if (replaces) {
      // No system call that Java offers exchanges two directories; after a crash between the two moves, clear() puts the old one back.
      files.createDirectory(place.resolve(OLD));
      files.force(place);
      files.move(target, place.resolve(OLD).resolve(name));
    }
    try {
      files.move(fresh(), target);
    } catch (IOException e) {
      if (replaces) {
        files.move(place.resolve(OLD).resolve(name), target);
      }
      throw e;
    }
    files.force(parent);
  }

  /** Moves something of the parent here, to be deleted: whatever happens then, it is not found half deleted at its place. */
  public void discard(String name) throws IOException {
    files.move(parent.resolve(name), fresh());
    files.force(parent);
  }

  /** Removes this place with all that is left in it. */
  @Override
  public void close() throws IOException {
    try (lock) {
      deleteTree(place, LOCK);
    }
    files.delete(place.resolve(LOCK));
    files.delete(place);
    OWN.remove(place);
  }

  /** Removes what writers that died have left in a directory, and puts back what one of them was about to replace. */
  public static void clear(Path parent) throws IOException {
    List<Path> places;
    try (Stream<Path> entries = Files.list(parent)) {
      places = entries.filter(entry -> entry.getFileName().toString().matches("\\.lora4j-[0-9a-f]{16}\\.tmp") && !OWN.contains(entry)).toList();
    }
    for (Path place : places) {
      try (FileChannel lock = FileChannel.open(place.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        if (lock.tryLock() == null) {
          continue;
        }
        restore(place.resolve(OLD), parent);
        deleteTree(place, LOCK);
      } catch (IOException | OverlappingFileLockException e) {
        continue; // Another user's, gone meanwhile, or on a file system without locks: not ours to clear up.
      }
      FileOperations.current().delete(place.resolve(LOCK));
      FileOperations.current().delete(place);
    }
  }

  private static void restore(Path old, Path parent) throws IOException {
    if (!Files.isDirectory(old)) {
      return;
    }
    for (Path entry : list(old)) {
      Path target = parent.resolve(entry.getFileName());
      if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        FileOperations.current().move(entry, target);
        FileOperations.current().force(parent);
      }
    }
  }

  /** Makes a directory with its parents and forces them. */
  public static void makeDirectories(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      return;
    }
    Path parent = directory.getParent();
    if (parent != null) {
      makeDirectories(parent);
    }
    try {
      FileOperations.current().createDirectory(directory);
      if (parent != null) {
        FileOperations.current().force(parent);
      }
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(directory)) {
        throw e;
      }
    }
  }

  private void forceAll(Path path) throws IOException {
    if (Files.isSymbolicLink(path)) {
      return;
    }
    if (Files.isDirectory(path)) {
      for (Path entry : list(path)) {
        forceAll(entry);
      }
    }
    files.force(path);
  }

  /** Deletes a directory, all but the entry of the given name and then the directory itself. */
  private static void deleteTree(Path path, String keep) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      for (Path entry : list(path)) {
        if (!entry.getFileName().toString().equals(keep)) {
          deleteTree(entry, "");
          FileOperations.current().delete(entry);
        }
      }
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.toList();
    }
  }
}
