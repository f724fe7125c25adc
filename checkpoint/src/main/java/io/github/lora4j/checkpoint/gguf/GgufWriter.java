package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.internal.ChannelWriter;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a GGUF file of version 3: keys and tensors in the order of the calls, data at multiples of the alignment, padded to it at the end too, as
 * ggml and {@code gguf} write it. The file appears at its place complete or not at all; see {@link AtomicFiles}.
 */
public final class GgufWriter {

  /** What ggml's readers take: a name and the zero behind it in 64 bytes. */
  public static final int MAX_NAME_BYTES = 63;

  /** Gives the bytes of a tensor piece by piece, so that a file larger than memory can be written. */
  @FunctionalInterface
  public interface Source {
    /** Writes all of the tensor's bytes, in order. */
    void write(Sink to) throws IOException;
  }

  /** Takes bytes. */
  @FunctionalInterface
  public interface Sink {
    /** Appends the segment's bytes. */
    void write(MemorySegment bytes) throws IOException;
  }

  private record Entry(GgufTensor tensor, Source source) {}

  private final int alignment;
  private final Map<String, GgufValue> keys = new LinkedHashMap<>();
  private final List<Entry> entries = new ArrayList<>();
  private final Set<String> names = new HashSet<>();

  /** Writes with the alignment that readers take without being told, 32. */
  public GgufWriter() {
    this(32);
  }

  /**
   * Writes with another alignment, which the key {@code general.alignment} then says.
   *
   * @param alignment a power of two, at least 8
   */
  public GgufWriter(int alignment) {
    if (alignment < 8 || Integer.bitCount(alignment) != 1) {
      throw new ConfigException("GGUF's alignment must be a power of two of at least 8, got %d".formatted(alignment));
    }
    this.alignment = alignment;
    if (alignment != 32) {
      keys.put("general.alignment", GgufValue.u32(alignment));
    }
  }

  /** Adds a key; one that was added before is an error. */
  public GgufWriter key(String key, GgufValue value) {
    if (key.isEmpty() || key.getBytes(StandardCharsets.UTF_8).length > 65_535 || keys.putIfAbsent(key, value) != null) {
      throw new ConfigException("key %s: it is empty, too long, or was added before".formatted(key));
    }
    return this;
  }

  /**
   * Adds a tensor.
   *
   * @param data exactly {@code tensor.bytes()} bytes; must live until {@link #write} returns
   */
  public GgufWriter add(GgufTensor tensor, MemorySegment data) {
    if (data.byteSize() != tensor.bytes()) {
      throw new ConfigException("tensor %s: %s %s is %d bytes, got %d".formatted(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes(),
          data.byteSize()));
    }
    return add(tensor, to -> to.write(data));
  }

  /** Adds a tensor whose bytes are made while the file is written; another number of them than {@code tensor.bytes()} leaves no file behind. */
  public GgufWriter add(GgufTensor tensor, Source source) {
    int length = tensor.name().getBytes(StandardCharsets.UTF_8).length;
    if (length == 0 || length > MAX_NAME_BYTES) {
      throw new ConfigException("tensor %s: its name has %d bytes, ggml's readers take 1 to %d".formatted(tensor.name(), length, MAX_NAME_BYTES));
    }
    if (!names.add(tensor.name())) {
      throw new ConfigException("tensor %s was added before".formatted(tensor.name()));
    }
    entries.add(new Entry(tensor, source));
    return this;
  }

  /**
   * Writes the file, replacing one that is there.
   *
   * @throws io.github.lora4j.vector.ResourceException when the disk is full or the place cannot be written; nothing is left behind then
   */
  public void write(Path file) {
    byte[] header = GgufLayout.header(keys, entries.stream().map(Entry::tensor).toList(), alignment);
    AtomicFiles.file(file, channel -> {
      ChannelWriter.write(channel, MemorySegment.ofArray(header));
      for (Entry entry : entries) {
        GgufTensor tensor = entry.tensor();
        long start = channel.position();
        entry.source().write(bytes -> ChannelWriter.write(channel, bytes));
        long written = channel.position() - start;
        if (written != tensor.bytes()) {
          throw new ConfigException("tensor %s: %s %s is %d bytes, its source gave %d".formatted(tensor.name(), tensor.type(), tensor.shape(),
              tensor.bytes(), written));
        }
        long padding = (written + alignment - 1 & -(long) alignment) - written;
        try (Arena zeros = Arena.ofConfined()) {
          ChannelWriter.write(channel, zeros.allocate(padding));
        }
      }
    });
  }
}
