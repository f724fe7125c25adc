package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.checkpoint.internal.SourceFile;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * The checked beginning of a GGUF file: magic, version, numbers of tensors and keys, the keys, the tensors' names, shapes, types and offsets. As
 * in ggml the data of the tensors lies in the order of the table, each at the next multiple of the alignment.
 *
 * @param version 2 or 3
 * @param alignment a power of two
 * @param metadata the keys
 * @param tensors by name, in the file's order
 */
record GgufHeader(int version, long alignment, GgufMetadata metadata, SequencedMap<String, Place> tensors) {

  /** A tensor and the position of its data in the file. */
  public record Place(GgufTensor tensor, long position) {}

  private record Entry(GgufTensor tensor, long offset) {}

  private static final long MAGIC = 0x4655_4747L;
  private static final long DEFAULT_ALIGNMENT = 32;
  private static final String ALIGNMENT = "general.alignment";
  private static final int MAX_KEYS = 1 << 16;
  private static final int MAX_TENSORS = 1 << 20;
  private static final int MAX_KEY_BYTES = 65_535;
  private static final int MAX_NAME_BYTES = 64;

  /** Bytes that a key takes at least (length, one letter, type, one byte), and a tensor (length, dimensions, type, offset). */
  private static final int LEAST_KEY = 14;
  private static final int LEAST_TENSOR = 24;

  /** Reads and checks. */
  public static GgufHeader read(SourceFile file) {
    if (file.size() < 24) {
      throw file.broken("is %d bytes long, too short for a GGUF file; it is cut off or of another kind".formatted(file.size()));
    }
    GgufBytes in = new GgufBytes(file);
    long magic = in.u32("the magic");
    if (magic != MAGIC) {
      throw file.broken("does not begin with \"GGUF\"; this is no GGUF file");
    }
    int version = version(file, in.u32("the version"));
    long tensorCount = in.count("tensors", MAX_TENSORS, LEAST_TENSOR);
    long keyCount = in.count("keys", MAX_KEYS, LEAST_KEY);
    GgufMetadata metadata = new GgufMetadata(keys(file, in, keyCount), file.path().toString());
    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < tensorCount; i++) {
      entries.add(tensor(file, in, i));
    }
    long alignment = alignment(file, metadata);
    return new GgufHeader(version, alignment, metadata, place(file, entries, in.position(), alignment));
  }

  private static int version(SourceFile file, long version) {
    if (version == 2 || version == 3) {
      return (int) version;
    }
    if (version == 1) {
      throw file.broken("is GGUF of version 1, which llama.cpp gave up as well; convert the model anew with a current llama.cpp");
    }
    long swapped = Integer.reverseBytes((int) version) & 0xFFFF_FFFFL;
    throw file.broken(swapped >= 1 && swapped <= 0xFFFF && version > 0xFFFF
        ? "is big-endian (its version reads as %d); convert it with gguf's gguf_convert_endian.py FILE little".formatted(version)
        : "is GGUF of version %d; versions 2 and 3 are read".formatted(version));
  }

  private static SequencedMap<String, GgufValue> keys(SourceFile file, GgufBytes in, long count) {
    SequencedMap<String, GgufValue> keys = new LinkedHashMap<>();
    for (long i = 0; i < count; i++) {
      String key = in.text("the name of key " + i, MAX_KEY_BYTES);
      if (key.isEmpty()) {
        throw file.broken("key %d has no name".formatted(i));
      }
      if (keys.putIfAbsent(key, in.value("key " + Names.printable(key))) != null) {
        throw file.broken("key %s is there twice".formatted(Names.printable(key)));
      }
    }
    return keys;
  }

  private static Entry tensor(SourceFile file, GgufBytes in, long index) {
    String name = in.text("the name of tensor " + index, MAX_NAME_BYTES);
    String where = "tensor " + Names.printable(name);
    if (name.isEmpty()) {
      throw file.broken("tensor %d has no name".formatted(index));
    }
    long dimensions = in.u32(where + ": the number of dimensions");
    if (dimensions > GgufTensor.MAX_DIMENSIONS) {
      throw file.broken("%s has %d dimensions, at most %d are possible".formatted(where, dimensions, GgufTensor.MAX_DIMENSIONS));
    }
    List<Long> shape = new ArrayList<>();
    for (long d = 0; d < dimensions; d++) {
      shape.addFirst(in.u64(where + ": a dimension"));
    }
    long id = in.u32(where + ": the type");
    GgmlType type = GgmlType.of(id).orElseThrow(() -> file.broken(
        "%s has type %d, which ggml has removed or which is newer than this program".formatted(where, id)));
    long offset = in.u64(where + ": the offset");
    try {
      return new Entry(new GgufTensor(name, type, shape), offset);
    } catch (ConfigException e) {
      throw file.broken(Names.printable(e.getMessage()), e);
    }
  }

  private static long alignment(SourceFile file, GgufMetadata metadata) {
    if (!metadata.has(ALIGNMENT)) {
      return DEFAULT_ALIGNMENT;
    }
    GgufValue value = metadata.value(ALIGNMENT);
    if (value.kind() != GgufValue.Kind.U32 || Long.bitCount((Long) value.value()) != 1) {
      throw file.broken("%s must be a power of two of type U32, got %s of type %s".formatted(ALIGNMENT, value, value.kind()));
    }
    return (Long) value.value();
  }

  /** Checks that each tensor lies behind the one before, padded, and within the file. */
  private static SequencedMap<String, Place> place(SourceFile file, List<Entry> entries, long headerEnd, long alignment) {
    SequencedMap<String, Place> tensors = new LinkedHashMap<>();
    long start = headerEnd + alignment - 1 & -alignment;
    long expected = 0;
    for (Entry entry : entries) {
      GgufTensor tensor = entry.tensor();
      String where = "tensor " + Names.printable(tensor.name());
      if (entry.offset() != expected) {
        String problem = entry.offset() < 0 ? "is absurd" : entry.offset() % alignment != 0
            ? "is no multiple of the alignment %d".formatted(alignment)
            : entry.offset() < expected ? "overlaps the tensors before it" : "leaves a gap behind the tensors before it";
        throw file.broken("%s: its offset %s %s; expected %d".formatted(where, Long.toUnsignedString(entry.offset()), problem, expected));
      }
      if (start > file.size() || expected > file.size() - start || tensor.bytes() > file.size() - start - expected) {
        throw file.broken("is cut off: %s (%s %s, %d bytes from byte %d on) ends behind the file's %d bytes; fetch the file again"
            .formatted(where, tensor.type(), tensor.shape(), tensor.bytes(), start + expected, file.size()));
      }
      if (tensors.putIfAbsent(tensor.name(), new Place(tensor, start + expected)) != null) {
        throw file.broken("%s is there twice".formatted(where));
      }
      expected = expected + tensor.bytes() + alignment - 1 & -alignment;
    }
    return tensors;
  }
}
