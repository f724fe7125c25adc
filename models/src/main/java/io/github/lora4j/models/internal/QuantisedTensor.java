package io.github.lora4j.models.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;

/** A weight that several tensors of a file make. */
sealed interface QuantisedTensor permits FourBitTensor, Int8Tensor {

  /** Its name, the type that it had before, its shape. */
  TensorInfo info();

  /** The format in which it is kept. */
  WeightFormat format();

  /** The names of the tensors that are a part of it, beside its own. */
  Set<String> parts();

  /** Writes its rows. */
  void assemble(MemorySegment blocks);

  /** Reads a part whole, as it is stored. */
  static MemorySegment part(Checkpoint files, String name, Arena arena) {
    TensorInfo info = files.info(name);
    MemorySegment data = arena.allocate(Math.max(1, info.bytes()), 64).asSlice(0, info.bytes());
    files.read(name, info.dtype(), data);
    return data;
  }

  /** A part that must be there, of one type and so many elements. */
  static void require(Checkpoint files, String weight, String part, DType type, long elements) {
    if (!files.names().contains(part)) {
      throw new FormatException("%s: %s is quantised, but its part %s is missing; fetch the model again, or save it again with bitsandbytes"
          .formatted(files.describe(), weight, part));
    }
    TensorInfo info = files.info(part);
    if (info.dtype() != type || info.elements() != elements) {
      throw new FormatException("%s: %s should have %d elements of type %s, has %s of type %s".formatted(files.describe(), part, elements, type,
          info.shape(), info.dtype()));
    }
  }

  /** A matrix of two positive dimensions that rows can be numbered in. */
  static List<Long> matrix(Checkpoint files, String weight, List<Long> shape) {
    if (shape.size() != 2 || shape.stream().anyMatch(d -> d < 1 || d > Integer.MAX_VALUE)) {
      throw new FormatException("%s: %s is quantised, but of shape %s; matrices are".formatted(files.describe(), weight, shape));
    }
    return shape;
  }
}
