package io.github.lora4j.checkpoint;

import static io.github.lora4j.checkpoint.RoundTripTest.assertMessage;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.google.protobuf.CodedOutputStream;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxTest {

  static final int FLOAT = 1;
  private static final int INT32 = 6;
  private static final int INT64 = 7;
  static final int FLOAT16 = 10;

  @TempDir Path directory;

  /** A model with a bias, a linear layer, a layer used twice, and integers, in every way of storing data. */
  static byte[] model() {
    byte[] packedFloats = floats(1, 2);
    Proto graph = new Proto()
        .message(1, node("MatMul", "/encoder/layer.0/query/MatMul", "x", "onnx::MatMul_7"))
        .message(1, node("MatMul", "/encoder/layer.0/attention/MatMul", "x", "y"))
        .message(1, node("Add", "/encoder/layer.0/query/Add", "x", "encoder.layer.0.query.bias"))
        .message(1, node("MatMul", "/a/MatMul", "x", "onnx::MatMul_8"))
        .message(1, node("MatMul", "/b/MatMul_1", "x", "onnx::MatMul_8"))
        .message(1, node("MatMul", "", "x", "onnx::MatMul_9"))
        .text(2, "torch_jit")
        .message(5, tensor("encoder.layer.0.query.bias", FLOAT, 2).bytes(4, packedFloats))
        .message(5, tensor("onnx::MatMul_7", FLOAT, 3, 2).bytes(9, floats(1, 2, 3, 4, 5, 6)))
        .message(5, tensor("onnx::MatMul_8", FLOAT, 1, 2).bytes(9, floats(7, 8)))
        .message(5, tensor("onnx::MatMul_9", FLOAT, 1, 1).bytes(9, floats(9)))
        .message(5, tensor("ids", INT64, 3).bytes(7, varints(5, -1, 1L << 40)))
        .message(5, tensor("small", INT32, 2).bytes(5, varints(5, -1)))
        .message(5, tensor("half", FLOAT16, 1).bytes(5, varints(0x3C00)))
        .message(5, tensor("packed_dims", FLOAT).bytes(1, varints(1, 2)).bytes(9, floats(3, 4)))
        .message(5, tensor("empty", FLOAT, 0));
    return model(graph).toBytes();
  }

  static Proto model(Proto graph) {
    return new Proto().number(1, 6).text(2, "pytorch").message(7, graph)
        .message(8, new Proto().number(2, 11)).message(14, new Proto().text(1, "key").text(2, "value"));
  }

  static Proto node(String type, String name, String... inputs) {
    Proto node = new Proto();
    for (String input : inputs) {
      node.text(1, input);
    }
    return node.text(2, "out").text(3, name).text(4, type);
  }

  static Proto tensor(String name, int type, long... dims) {
    Proto tensor = new Proto();
    for (long dim : dims) {
      tensor.number(1, dim);
    }
    return tensor.number(2, type).text(8, name);
  }

  /** A vector whose elements are in another file. */
  static Proto elsewhere(String name, String file, long elements) {
    return tensor(name, FLOAT, elements).number(14, 1).message(13, new Proto().text(1, "location").text(2, file));
  }

  static byte[] floats(float... values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(values);
    return buffer.array();
  }

  static byte[] varints(long... values) {
    Proto proto = new Proto();
    for (long value : values) {
      proto.write((CodedOutputStream out) -> out.writeUInt64NoTag(value));
    }
    return proto.toBytes();
  }

  @Test
  void weightsHaveTheirModulesNameAndOrientation() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(Files.write(directory.resolve("m.onnx"), model()))) {
      assertEquals(
          List.of("encoder.layer.0.query.bias", "encoder.layer.0.query.weight", "a.weight", "b.weight", "onnx::MatMul_9", "ids",
              "small", "half", "packed_dims", "empty"),
          List.copyOf(checkpoint.names()));
      assertEquals(Map.of("producer_name", "pytorch", "key", "value"), checkpoint.metadata());
      assertEquals(List.of(2L, 3L), checkpoint.info("encoder.layer.0.query.weight").shape());
      assertArrayEquals(new float[] {1, 3, 5, 2, 4, 6}, floats(checkpoint, "encoder.layer.0.query.weight"));
      assertArrayEquals(new float[] {1, 2}, floats(checkpoint, "encoder.layer.0.query.bias"));
      assertArrayEquals(new float[] {7, 8}, floats(checkpoint, "a.weight"));
      assertArrayEquals(new float[] {7, 8}, floats(checkpoint, "b.weight"));
      assertEquals(List.of(1L, 2L), checkpoint.info("packed_dims").shape());
      assertArrayEquals(new float[] {1}, floats(checkpoint, "half"));
      assertArrayEquals(new float[0], floats(checkpoint, "empty"));
      long[] ids = new long[3];
      checkpoint.read("ids", DType.I64, MemorySegment.ofArray(ids));
      assertArrayEquals(new long[] {5, -1, 1L << 40}, ids);
      long[] small = new long[2];
      checkpoint.read("small", DType.I64, MemorySegment.ofArray(small));
      assertArrayEquals(new long[] {5, -1}, small);
    }
  }

  @Test
  void largeWeightsTransposeOverSeveralChunks() throws IOException {
    int in = 613;
    int out = 431;
    float[] stored = new float[in * out];
    for (int i = 0; i < stored.length; i++) {
      stored[i] = i;
    }
    Proto graph = new Proto()
        .message(1, node("MatMul", "/dense/MatMul", "x", "onnx::MatMul_1"))
        .message(5, tensor("onnx::MatMul_1", FLOAT, in, out).bytes(9, floats(stored)));
    try (Checkpoint checkpoint = Checkpoint.open(Files.write(directory.resolve("m.onnx"), model(graph).toBytes()))) {
      float[] weight = floats(checkpoint, "dense.weight");
      double[] wide = new double[in * out];
      checkpoint.read("dense.weight", DType.F64, MemorySegment.ofArray(wide));
      for (int o = 0; o < out; o++) {
        for (int i = 0; i < in; i++) {
          assertEquals(stored[i * out + o], weight[o * in + i]);
          assertEquals(stored[i * out + o], wide[o * in + i]);
        }
      }
    }
  }

  /** Time that grew with the square of the names took 38 s for 40,000. */
  @Test
  void aWeightMayHaveManyNames() throws IOException {
    Proto graph = new Proto();
    for (int i = 0; i < 100_000; i++) {
      graph.message(1, node("MatMul", "/layer." + i + "/MatMul", "x", "onnx::MatMul_1"));
    }
    graph.message(5, tensor("onnx::MatMul_1", FLOAT, 1, 2).bytes(9, floats(1, 2)));
    Path file = Files.write(directory.resolve("m.onnx"), model(graph).toBytes());
    assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        assertEquals(100_000, checkpoint.names().size());
        assertArrayEquals(new float[] {1, 2}, floats(checkpoint, "layer.99999.weight"));
      }
    });
  }

  @Test
  void brokenModelsAreRefused() throws IOException {
    refused(new byte[0], "empty");
    refused(new Proto().number(1, 6).toBytes(), "no graph");
    refused("not an ONNX model at all".getBytes(), "m.onnx");
    refused(initialiser(tensor("w", FLOAT, 3).bytes(9, floats(1, 2))), "tensor w", "12 bytes", "got 8");
    refused(initialiser(tensor("w", FLOAT, 3)), "tensor w", "12 bytes", "got 0");
    refused(initialiser(tensor("w", FLOAT, -3).bytes(9, floats(1))), "tensor w", "[-3]");
    refused(initialiser(tensor("w", FLOAT, 1L << 40, 1L << 40).bytes(9, floats(1))), "tensor w", "too large");
    refused(initialiser(tensor("w", INT64, 3).bytes(7, varints(1, 2))), "tensor w", "3 elements", "got 2");
    refused(initialiser(tensor("w", INT64, 1).bytes(4, floats(1))), "tensor w", "field 4");
    refused(initialiser(tensor("w", 8, 1)), "tensor w", "data type 8");
    refused(initialiser(tensor("w", FLOAT, 1).bytes(9, floats(1)).bytes(4, floats(1))), "tensor w", "twice");
    refused(initialiser(tensor("w", FLOAT, 1).number(14, 1)), "tensor w", "the file \"\"");
    refused(initialiser(tensor("w", FLOAT, 1).message(13, new Proto().text(1, "location").text(2, "m.data"))), "tensor w", "4 bytes", "got 0");
    for (String path : List.of("../m.data", "/etc/passwd", "..", "a\\b", "a\0b", "")) {
      refused(initialiser(elsewhere("w", path, 1)), "tensor w", "plain name");
    }
    refused(initialiser(elsewhere("w", "gone.data", 1)), "gone.data", "no such file");
    Files.write(directory.resolve("m.data"), floats(1));
    refused(initialiser(elsewhere("w", "m.data", 2)), "tensor w", "m.data", "has 4");
    refused(initialiser(elsewhere("w", "m.data", 1).message(13, new Proto().text(1, "offset").text(2, "1"))), "tensor w", "bytes 1 to 5");
    refused(initialiser(elsewhere("w", "m.data", 1).message(13, new Proto().text(1, "offset").text(2, "9223372036854775807"))), "tensor w");
    refused(initialiser(elsewhere("w", "m.data", 1).message(13, new Proto().text(1, "offset").text(2, "-1"))), "tensor w", "offset");
    refused(initialiser(elsewhere("w", "m.data", 1).message(13, new Proto().text(1, "length").text(2, "x"))), "tensor w", "length");
    refused(initialiser(elsewhere("w", "m.data", 1).bytes(9, floats(1))), "tensor w", "no data here");
    refused(model(new Proto().message(15, new Proto())).toBytes(), "sparse");
    Proto twice = tensor("w", FLOAT, 1).bytes(9, floats(1));
    refused(model(new Proto().message(5, twice).message(5, twice)).toBytes(), "two tensors", "w");
    refused(new Proto().write(out -> out.writeTag(99, 3)).toBytes(), "group");
    refused(new Proto().text(2, "x".repeat(1 << 17)).toBytes(), "65536");
    refused(new Proto().bytes(2, new byte[] {(byte) 0xFF}).toBytes(), "m.onnx");
    byte[] model = model();
    refused(Arrays.copyOf(model, model.length / 2), "cut off");
  }

  private static byte[] initialiser(Proto tensor) {
    return model(new Proto().message(5, tensor)).toBytes();
  }

  static float[] floats(Checkpoint checkpoint, String name) {
    float[] result = new float[(int) checkpoint.info(name).elements()];
    checkpoint.read(name, DType.F32, MemorySegment.ofArray(result));
    return result;
  }

  private void refused(byte[] content, String... expected) throws IOException {
    Path file = Files.write(directory.resolve("m.onnx"), content);
    assertMessage(assertThrows(FormatException.class, () -> Checkpoint.open(file).close()), expected);
  }
}
