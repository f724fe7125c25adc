package io.github.lora4j.models.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.blocks.Int8Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A weight of LLM.int8: bytes, and in {@code SCB} the largest magnitude of each row. */
record Int8Tensor(Checkpoint files, TensorInfo info, Int8Rows rows, String scales, Set<String> parts) implements QuantisedTensor {

  private static final String WEIGHT = ".weight";

  /** The weight of a name, if it is one. */
  static Optional<QuantisedTensor> find(Checkpoint files, String name) {
    if (!name.endsWith(WEIGHT) || files.info(name).dtype() != DType.I8) {
      return Optional.empty();
    }
    String module = name.substring(0, name.length() - WEIGHT.length());
    List<Long> shape = QuantisedTensor.matrix(files, name, files.info(name).shape());
    QuantisedTensor.require(files, name, module + ".SCB", DType.F32, shape.getFirst());
    String order = module + ".weight_format";
    if (files.names().contains(order)) {
      QuantisedTensor.require(files, name, order, DType.U8, 1);
      byte[] value = new byte[1];
      files.read(order, DType.U8, MemorySegment.ofArray(value));
      if (value[0] != 0) {
        throw new FormatException(("%s: %s is %d, an order of a GPU's tiles; only 0, row by row, is read. Save the model again with a current "
            + "bitsandbytes").formatted(files.describe(), order, value[0]));
      }
    }
    return Optional.of(new Int8Tensor(files, new TensorInfo(name, DType.F32, shape), Int8Rows.of(Math.toIntExact(shape.getLast())), module + ".SCB",
        Set.of(module + ".SCB", order)));
  }

  @Override
  public WeightFormat format() {
    return rows;
  }

  @Override
  public void assemble(MemorySegment blocks) {
    try (Arena arena = Arena.ofConfined()) {
      rows.assemble(Math.toIntExact(info.shape().getFirst()), Math.toIntExact(info.shape().getLast()), QuantisedTensor.part(files, info.name(), arena),
          QuantisedTensor.part(files, scales, arena), blocks);
    }
  }
}
