package io.github.lora4j.lora.files;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Where an adapter may be written: where nothing is, and over another adapter. */
public final class AdapterPlace {

  private AdapterPlace() {}

  /**
   * Refuses to replace what is no adapter.
   *
   * @param files names of the files an adapter's directory may hold
   * @throws ConfigException when a file, or a directory that holds something else, is there
   */
  public static void requireReplaceable(Path directory, Set<String> files) {
    if (!Files.exists(directory)) {
      return;
    }
    if (!Files.isDirectory(directory)) {
      throw new ConfigException(directory + ": is a file; choose another place for the adapter directory");
    }
    try (Stream<Path> entries = Files.list(directory)) {
      List<String> others = entries.map(entry -> entry.getFileName().toString()).filter(name -> !files.contains(name)).sorted().toList();
      if (!others.isEmpty()) {
        throw new ConfigException(directory + ": holds something else than an adapter (" + Names.list(others) + "); choose another place");
      }
    } catch (IOException e) {
      throw new ResourceException(directory + ": cannot be read: " + e, e);
    }
  }
}
