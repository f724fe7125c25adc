package io.github.lora4j.models.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.blocks.FourBit;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A weight in NF4 or FP4: two values a byte, {@code absmax} for each block of values, {@code quant_map} of the sixteen levels, and a JSON text as bytes that
 * says the rest. With double quantisation {@code absmax} are bytes, for which {@code nested_quant_map}, {@code nested_absmax} and an offset stand.
 */
record FourBitTensor(Checkpoint files, TensorInfo info, FourBit four, int blockSize, Set<String> parts) implements QuantisedTensor {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String STATE = ".quant_state.bitsandbytes__";
  private static final int MAX_STATE = 4096;

  /** The weight of a name, if it is one. */
  static Optional<QuantisedTensor> find(Checkpoint files, String name) {
    for (String type : List.of("nf4", "fp4")) {
      if (files.names().contains(name + STATE + type)) {
        return Optional.of(read(files, name, type));
      }
    }
    return Optional.empty();
  }

  private static FourBitTensor read(Checkpoint files, String name, String type) {
    ModelConfig state = state(files, name + STATE + type);
    state.only("quant_type", type);
    int blockSize = state.size("blocksize");
    List<Long> shape = QuantisedTensor.matrix(files, name, shape(state));
    int cols = Math.toIntExact(shape.getLast());
    long elements = shape.getFirst() * cols;
    DType dtype = switch (state.text("dtype")) {
      case "float32" -> DType.F32;
      case "bfloat16" -> DType.BF16;
      case "float16" -> DType.F16;
      default -> throw state.error("dtype \"%s\" is not supported; float32, bfloat16 and float16 are".formatted(state.text("dtype")));
    };
    TensorInfo packed = files.info(name);
    // The type of storage says nothing: its bytes are the packed values, filled up to whole elements.
    long unit = packed.dtype().bytes();
    if (packed.bytes() != ((elements + 1) / 2 + unit - 1) / unit * unit) {
      throw new FormatException("%s: %s should be %d packed values in %d bytes, is %s %s".formatted(files.describe(), name, elements,
          (elements + 1) / 2, packed.dtype(), packed.shape()));
    }
    long blocks = (elements + blockSize - 1) / blockSize;
    boolean nested = state.has("nested_blocksize");
    Set<String> parts = new HashSet<>(Set.of(name + ".absmax", name + ".quant_map", name + STATE + type));
    QuantisedTensor.require(files, name, name + ".absmax", nested ? DType.U8 : DType.F32, blocks);
    QuantisedTensor.require(files, name, name + ".quant_map", DType.F32, 16);
    float[] map = floats(files, name + ".quant_map");
    FourBit format;
    if (nested) {
      int size = state.size("nested_blocksize");
      state.only("nested_dtype", "float32");
      QuantisedTensor.require(files, name, name + ".nested_absmax", DType.F32, (blocks + size - 1) / size);
      QuantisedTensor.require(files, name, name + ".nested_quant_map", DType.F32, 256);
      parts.addAll(Set.of(name + ".nested_absmax", name + ".nested_quant_map"));
      JsonNode offset = state.json().path("nested_offset");
      if (!offset.isNumber() || !Double.isFinite(offset.doubleValue())) {
        throw state.error("nested_offset should be a number, is %s".formatted(offset));
      }
      format = FourBit.nested(type, map, blockSize, cols, dtype, new FourBit.Nested(size, floats(files, name + ".nested_quant_map"),
          (float) offset.doubleValue()));
    } else {
      format = FourBit.single(type, map, blockSize, cols, dtype);
    }
    return new FourBitTensor(files, new TensorInfo(name, dtype, shape), format, blockSize, Set.copyOf(parts));
  }

  private static ModelConfig state(Checkpoint files, String name) {
    TensorInfo info = files.info(name);
    String where = files.describe() + ": " + name;
    if (info.dtype() != DType.U8 || info.bytes() > MAX_STATE) {
      throw new FormatException("%s should be a text of at most %d bytes as U8, is %s %s".formatted(where, MAX_STATE, info.dtype(), info.shape()));
    }
    byte[] bytes = new byte[(int) info.bytes()];
    files.read(name, DType.U8, MemorySegment.ofArray(bytes));
    try {
      JsonNode json = JSON.readTree(bytes);
      if (!json.isObject()) {
        throw new FormatException(where + " should be a JSON object");
      }
      return new ModelConfig(json, where);
    } catch (IOException e) {
      throw new FormatException("%s is not valid JSON: %s".formatted(where, e.getMessage()), e);
    }
  }

  private static List<Long> shape(ModelConfig state) {
    JsonNode shape = state.json().path("shape");
    if (!shape.isArray() || shape.size() != 2 || !shape.get(0).isIntegralNumber() || !shape.get(1).isIntegralNumber()) {
      throw state.error("shape should be two whole numbers, is %s".formatted(shape));
    }
    return List.of(shape.get(0).longValue(), shape.get(1).longValue());
  }

  private static float[] floats(Checkpoint files, String name) {
    try (Arena arena = Arena.ofConfined()) {
      float[] values = QuantisedTensor.part(files, name, arena).toArray(ValueLayout.JAVA_FLOAT);
      for (float value : values) {
        if (!Float.isFinite(value)) {
          throw new FormatException("%s: %s holds %s".formatted(files.describe(), name, value));
        }
      }
      return values;
    }
  }

  @Override
  public WeightFormat format() {
    return four;
  }

  @Override
  public void assemble(MemorySegment blocks) {
    String name = info.name();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment nested = four.nested() ? QuantisedTensor.part(files, name + ".nested_absmax", arena) : MemorySegment.NULL;
      four.assemble(Math.toIntExact(info.shape().getFirst()), Math.toIntExact(info.shape().getLast()), QuantisedTensor.part(files, name, arena),
          QuantisedTensor.part(files, name + ".absmax", arena), nested, blockSize, blocks);
    }
  }
}
