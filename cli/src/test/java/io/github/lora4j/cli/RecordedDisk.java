package io.github.lora4j.cli;

import io.github.lora4j.checkpoint.internal.FileOperations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Records what a disk would hold after each operation if the power went: of a file, the bytes that were forced last, none if it never
 * was; of a directory, the entries that were forced, or any number of the operations on names that came after, in their order, as a
 * journal keeps them. It is what ext4 with delayed allocation does.
 */
final class RecordedDisk implements FileOperations {

  /** What a file system is after a crash: paths to contents, {@code null} for directories. */
  record Image(String after, Map<Path, byte[]> entries) {
    /** Makes it real. */
    void writeTo(Path from, Path to) throws IOException {
      for (Map.Entry<Path, byte[]> entry : entries.entrySet()) {
        Path place = to.resolve(from.relativize(entry.getKey()));
        if (entry.getValue() == null) {
          Files.createDirectories(place);
        } else {
          Files.createDirectories(place.getParent());
          Files.write(place, entry.getValue());
        }
      }
    }
  }

  private final Path root;
  /** Bytes of files that were forced, by the file's identity. */
  private final Map<Object, byte[]> forced = new HashMap<>();
  private final List<Image> images = new ArrayList<>();
  /** Images since the last force of a directory: the journal may end at each of them. */
  private final List<Map<Path, Object>> journal = new ArrayList<>();

  RecordedDisk(Path root) {
    this.root = root;
  }

  /** What may be found when the power goes, one for each moment and each end of the journal. */
  List<Image> images() {
    return images;
  }

  private synchronized void after(String operation, boolean force) throws IOException {
    if (force) {
      journal.clear();
    }
    Map<Path, Object> names = new TreeMap<>();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.sorted(Comparator.naturalOrder()).toList()) {
        names.put(path, Files.isDirectory(path) ? root : Files.readAttributes(path, java.nio.file.attribute.BasicFileAttributes.class).fileKey());
      }
    }
    journal.add(names);
    for (Map<Path, Object> end : journal) {
      Map<Path, byte[]> entries = new TreeMap<>();
      end.forEach((path, key) -> entries.put(path, key == root ? null : forced.getOrDefault(key, new byte[0])));
      images.add(new Image(operation, entries));
    }
  }

  @Override
  public void createDirectory(Path directory) throws IOException {
    FileOperations.super.createDirectory(directory);
    after("make " + root.relativize(directory), false);
  }

  @Override
  public void force(Path path) throws IOException {
    FileOperations.super.force(path);
    if (!path.startsWith(root)) {
      return;
    }
    if (!Files.isDirectory(path)) {
      Object key = Files.readAttributes(path, java.nio.file.attribute.BasicFileAttributes.class).fileKey();
      synchronized (this) {
        forced.put(key, Files.readAllBytes(path));
      }
    }
    after("force " + root.relativize(path), Files.isDirectory(path));
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    FileOperations.super.move(from, to);
    after("move to " + root.relativize(to), false);
  }

  @Override
  public void delete(Path path) throws IOException {
    FileOperations.super.delete(path);
    after("delete " + root.relativize(path), false);
  }
}
