package io.github.lora4j.checkpoint;

import io.github.lora4j.checkpoint.internal.ChannelWriter;
import io.github.lora4j.checkpoint.internal.SafetensorsLayout;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Writes a safetensors file, byte for byte as the Python library lays it out: tensors by descending dtype (wide ones first, so that
 * all are aligned), then by name; the header padded with spaces to a multiple of 8.
 *
 * <p>The data stays the caller's and must live until {@link #write} returns. The file appears at its place complete or not at all: it is
 * written beside it under another name, forced to the disk and moved.
 */
public final class SafetensorsWriter {

  /** A tensor and what its bytes are, or make them. */
  private record Entry(TensorInfo info, Source source) {}

  /** Gives the bytes of a tensor; the scratch memory may be used for them. */
  private interface Source {
    MemorySegment bytes(Arena scratch);
  }

  private final List<Entry> entries = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  /** Adds a key-value pair to the header, in the order of the calls; PEFT and transformers write {@code format=pt}. */
  public SafetensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Adds a tensor.
   *
   * @param data its elements, row-major, little-endian; exactly {@code info.bytes()} bytes
   */
  public SafetensorsWriter add(TensorInfo info, MemorySegment data) {
    if (data.byteSize() != info.bytes()) {
      throw new ConfigException(
          "tensor " + info.name() + ": " + info.dtype() + " " + info.shape() + " is " + info.bytes() + " bytes, got " + data.byteSize());
    }
    return add(info, (Source) _ -> data);
  }

  /**
   * Adds a tensor whose data is made while the file is written, so that a file larger than memory can be.
   *
   * @param fill fills memory of exactly {@code info.bytes()} bytes; called once, in the file's order; an exception leaves no file behind
   */
  public SafetensorsWriter add(TensorInfo info, Consumer<MemorySegment> fill) {
    return add(info, (Source) scratch -> {
      MemorySegment data = scratch.allocate(Math.max(1, info.bytes()), 64).asSlice(0, info.bytes());
      fill.accept(data);
      return data;
    });
  }

  private SafetensorsWriter add(TensorInfo info, Source source) {
    if (info.name().equals("__metadata__") || !names.add(info.name())) {
      throw new ConfigException("tensor " + info.name() + ": the name is reserved or was added before");
    }
    entries.add(new Entry(info, source));
    return this;
  }

  /**
   * Writes the file, replacing one that is there.
   *
   * @throws ResourceException when the disk is full or the place cannot be written; nothing is left behind then
   */
  public void write(Path file) {
    write(file, entries);
  }

  /**
   * Writes a directory's weights as Hugging Face does: {@code model.safetensors}, or, where that would be larger than a shard,
   * {@code model-00001-of-0000N.safetensors} and so on with {@code model.safetensors.index.json}. Tensors go to shards in the order in which they
   * were added; one that is larger than a shard has one of its own.
   *
   * @param directory one that is there
   * @param shardBytes the most bytes of tensors in a file
   * @throws ResourceException when the disk is full or the place cannot be written
   */
  public void writeShards(Path directory, long shardBytes) {
    List<List<Entry>> shards = shards(shardBytes);
    if (shards.size() == 1) {
      write(directory.resolve("model.safetensors"), shards.getFirst());
      return;
    }
    Map<String, String> places = new TreeMap<>();
    for (int i = 0; i < shards.size(); i++) {
      String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      shards.get(i).forEach(entry -> places.put(entry.info().name(), name));
      write(directory.resolve(name), shards.get(i));
    }
    AtomicFiles.text(directory.resolve("model.safetensors.index.json"), SafetensorsLayout.index(places,
        entries.stream().mapToLong(entry -> entry.info().bytes()).sum()));
  }

  private List<List<Entry>> shards(long shardBytes) {
    List<List<Entry>> shards = new ArrayList<>(List.of(new ArrayList<>()));
    long bytes = 0;
    for (Entry entry : entries) {
      if (!shards.getLast().isEmpty() && bytes + entry.info().bytes() > shardBytes) {
        shards.add(new ArrayList<>());
        bytes = 0;
      }
      shards.getLast().add(entry);
      bytes += entry.info().bytes();
    }
    return shards;
  }

  private void write(Path file, List<Entry> of) {
    List<Entry> sorted = new ArrayList<>(of);
    sorted.sort((a, b) -> SafetensorsLayout.ORDER.compare(a.info(), b.info()));
    byte[] header = SafetensorsLayout.header(sorted.stream().map(Entry::info).toList(), metadata);
    AtomicFiles.file(file, channel -> {
      ChannelWriter.write(channel, MemorySegment.ofArray(header));
      for (Entry entry : sorted) {
        try (Arena scratch = Arena.ofConfined()) {
          ChannelWriter.write(channel, entry.source().bytes(scratch));
        }
      }
    });
  }
}
