package io.github.lora4j.checkpoint;

import io.github.lora4j.checkpoint.internal.CheckpointOpener;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * The tensors of one model, by name: a safetensors file, a sharded safetensors directory, the initialisers of an ONNX model (its data may lie in files beside it),
 * or a state dict of {@code torch.save}, whose pickle is read as data and never executed.
 *
 * <p>Opening reads and checks the headers only; tensor data is streamed from the file into the caller's memory when asked for.
 * Nothing is memory-mapped, so the files may be replaced while open. Several threads may read at once. Data is
 * little-endian in the files and is written so.
 *
 * <p>Broken content is a {@link io.github.lora4j.vector.FormatException} that names file and tensor; a file that cannot be
 * read (permissions, a failing disk) is a {@link io.github.lora4j.vector.ResourceException}.
 */
public interface Checkpoint extends AutoCloseable {

  /**
   * Opens a model.
   *
   * @param fileOrDirectory a {@code .safetensors} file, a {@code .safetensors.index.json}, an {@code .onnx} file, a {@code .bin},
   *     {@code .pt} or {@code .pth} file of PyTorch, or a directory that holds {@code model.safetensors}, {@code
   *     model.safetensors.index.json} with its shards, one {@code .onnx} file, or {@code pytorch_model.bin} (looked for in this order)
   */
  static Checkpoint open(Path fileOrDirectory) {
    return CheckpointOpener.open(fileOrDirectory);
  }

  /** The names of all tensors, in the file's order. */
  Set<String> names();

  /** Dtype and shape of one tensor; a name that is not there is a FormatException that lists the nearest ones. */
  TensorInfo info(String name);

  /**
   * Reads one tensor, row-major, converting while reading. F32, F64, F16 and BF16 convert among each other (round to nearest
   * even; F64 goes to F16 and BF16 by way of F32, as in PyTorch; too large becomes infinite), I32 and I64 among each other (a value
   * that does not fit is a FormatException); every other dtype is read as itself only.
   *
   * @param as the element type wanted
   * @param target exactly {@code elements * as.bytes()} bytes; another size is a {@link io.github.lora4j.vector.ConfigException}
   */
  void read(String name, DType as, MemorySegment target);

  /**
   * Reads one matrix as weights of a format, row by row; a vector is one row. What the file holds in this format comes as it is, bit by bit, and by
   * no detour.
   *
   * @param target exactly the rows' bytes, see {@link WeightFormats#rowBytes}
   */
  default void read(String name, WeightFormat as, MemorySegment target) {
    if (as instanceof Elements elements) {
      read(name, elements.type(), target);
      return;
    }
    TensorInfo info = info(name);
    long cols = info.shape().isEmpty() ? 1 : info.shape().getLast();
    long rows = cols == 0 ? 0 : info.elements() / cols;
    long bytes = rows * WeightFormats.rowBytes(as, Math.toIntExact(cols));
    if (target.byteSize() != bytes) {
      throw new ConfigException("%s: tensor %s %s as %s needs a target of %d bytes, got %d".formatted(describe(), name, info.shape(), as.name(),
          bytes, target.byteSize()));
    }
    try (Memory memory = new Memory("reading " + name)) {
      MemorySegment floats = memory.allocate(info.elements() * Float.BYTES, "floats");
      read(name, DType.F32, floats);
      WeightFormats.encode(as, Math.toIntExact(rows), Math.toIntExact(cols), new Elements(DType.F32), floats, target);
    }
  }

  /**
   * The format in which the file has a matrix: {@link #read(String, WeightFormat, MemorySegment)} in it hands the bytes through.
   *
   * @throws io.github.lora4j.vector.FormatException when the values are no floating-point numbers, or of a format that is not there
   */
  default WeightFormat stored(String name) {
    DType type = info(name).dtype();
    if (!type.isFloat()) {
      throw new FormatException("%s: tensor %s has element type %s; weights must be F32, F64, F16 or BF16".formatted(describe(), name, type));
    }
    return new Elements(type);
  }

  /**
   * Whether the file has the transpose of what {@link #info} says and {@link #read(String, DType, MemorySegment)} gives; then {@link #read(String,
   * WeightFormat, MemorySegment)} gives the rows that the file has.
   */
  default boolean turned(String name) {
    return false;
  }

  /** Key-value pairs that the file carries beside its tensors; empty if none. */
  Map<String, String> metadata();

  /** The path this was opened from, for messages. */
  String describe();

  /** Closes the files; reading afterwards is an error. */
  @Override
  void close();
}
