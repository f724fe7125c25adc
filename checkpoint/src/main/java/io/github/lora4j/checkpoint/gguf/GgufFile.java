package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.checkpoint.internal.SourceFile;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.SequencedCollection;

/**
 * An open GGUF file of version 2 or 3, little-endian. Opening reads keys and the table of tensors, and checks every count, length and offset against
 * the file's size before memory is touched; data is read when asked for. Several threads may read at once.
 */
public final class GgufFile implements AutoCloseable {

  private final SourceFile file;
  private final GgufHeader header;

  private GgufFile(SourceFile file, GgufHeader header) {
    this.file = file;
    this.header = header;
  }

  /**
   * Opens a file.
   *
   * @throws FormatException that names the file and what is wrong with it; big-endian files and version 1 are refused
   * @throws io.github.lora4j.vector.ResourceException when the disk fails
   */
  public static GgufFile open(Path path) {
    SourceFile file = new SourceFile(path);
    try {
      return new GgufFile(file, GgufHeader.read(file));
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /** 2 or 3. */
  public int version() {
    return header.version();
  }

  /** What offsets of tensors are multiples of. */
  public long alignment() {
    return header.alignment();
  }

  /** The keys. */
  public GgufMetadata metadata() {
    return header.metadata();
  }

  /** The tensors, in the file's order. */
  public SequencedCollection<GgufTensor> tensors() {
    return header.tensors().sequencedValues().stream().map(GgufHeader.Place::tensor).toList();
  }

  /** Whether there is a tensor of a name. */
  public boolean has(String name) {
    return header.tensors().containsKey(name);
  }

  /** A tensor; a name that is not there is a {@link FormatException} that lists the nearest ones. */
  public GgufTensor tensor(String name) {
    return place(name).tensor();
  }

  /** Reads bytes of a tensor, as the file has them, from an offset in it on. */
  public void read(String name, long from, MemorySegment target) {
    GgufHeader.Place place = place(name);
    if (from < 0 || from > place.tensor().bytes() - target.byteSize()) {
      throw new ConfigException("%s: tensor %s has %d bytes; %d from %d on are not in it"
          .formatted(describe(), name, place.tensor().bytes(), target.byteSize(), from));
    }
    file.read(place.position() + from, target);
  }

  /** The path, for messages. */
  public String describe() {
    return file.path().toString();
  }

  @Override
  public void close() {
    file.close();
  }

  private GgufHeader.Place place(String name) {
    GgufHeader.Place place = header.tensors().get(name);
    if (place == null) {
      throw new FormatException("%s: has no tensor %s; the nearest of its %d names: %s".formatted(describe(), Names.printable(name),
          header.tensors().size(), Names.list(Names.nearest(name, header.tensors().keySet(), 3))));
    }
    return place;
  }
}
