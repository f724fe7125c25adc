package io.github.lora4j.cli;

import com.google.protobuf.CodedOutputStream;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@link TinyBert} as PyTorch's exporter would write it: weights of linear modules transposed and without names, the rest by name. */
final class TinyOnnx {

  /** How weights are held. */
  enum Form { BYTES, FLOATS, HALVES, ELSEWHERE }

  private interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  /** A node beside those of the model. */
  private record Extra(String reads, String type, String name) {}

  private TinyOnnx() {}

  static void write(Path model, Path file, Form form) throws IOException {
    write(model, file, form, new Extra("", "", ""));
  }

  /** A model in which one more node reads a weight. */
  static void shared(Path model, Path file, String weight, String node) throws IOException {
    write(model, file, Form.BYTES, new Extra(weight, node.substring(node.lastIndexOf('/') + 1), node));
  }

  /** A model with a quantised product. */
  static void quantised(Path file) throws IOException {
    Files.write(file, bytes(out -> out.writeByteArray(7, bytes(graph -> graph.writeByteArray(1, node("MatMulInteger", "/a/MatMul_quant", "w"))))));
  }

  private static void write(Path model, Path file, Form form, Extra extra) throws IOException {
    List<byte[]> nodes = new ArrayList<>();
    List<byte[]> tensors = new ArrayList<>();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    try (Checkpoint weights = Checkpoint.open(model)) {
      for (String name : weights.names()) {
        TensorInfo info = weights.info(name);
        boolean linear = info.shape().size() == 2 && !name.contains("embeddings");
        String module = name.substring(0, name.lastIndexOf('.')).replace('.', '/');
        String initialiser = linear ? "onnx::MatMul_" + nodes.size() : name;
        nodes.add(node(linear ? "MatMul" : "Add", "/" + module + (linear ? "/MatMul" : "/Add"), initialiser));
        if (name.equals(extra.reads)) {
          nodes.add(node(extra.type, extra.name, initialiser));
        }
        float[] values = new float[(int) info.elements()];
        weights.read(name, DType.F32, MemorySegment.ofArray(values));
        tensors.add(tensor(initialiser, linear ? info.shape().reversed() : info.shape(),
            linear ? turned(values, info.shape().getLast().intValue()) : values, form, data));
      }
    }
    if (form == Form.ELSEWHERE) {
      Files.write(file.resolveSibling("weights.data"), data.toByteArray());
    }
    Files.write(file, bytes(out -> {
      out.writeInt64(1, 6);
      out.writeString(2, "pytorch");
      out.writeByteArray(7, bytes(graph -> {
        for (byte[] node : nodes) {
          graph.writeByteArray(1, node);
        }
        graph.writeString(2, "main_graph");
        for (byte[] tensor : tensors) {
          graph.writeByteArray(5, tensor);
        }
      }));
    }));
  }

  private static float[] turned(float[] values, int columns) {
    float[] turned = new float[values.length];
    int rows = values.length / columns;
    for (int i = 0; i < values.length; i++) {
      turned[i % columns * rows + i / columns] = values[i];
    }
    return turned;
  }

  private static byte[] tensor(String name, List<Long> shape, float[] values, Form form, ByteArrayOutputStream data) throws IOException {
    ByteBuffer raw = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    int offset = data.size();
    return bytes(out -> {
      for (long dimension : shape) {
        out.writeInt64(1, dimension);
      }
      out.writeInt32(2, form == Form.HALVES ? 10 : 1);
      out.writeString(8, name);
      switch (form) {
        case BYTES -> out.writeByteArray(9, raw.array());
        case FLOATS -> out.writeByteArray(4, raw.array());
        case HALVES -> out.writeByteArray(5, bytes(packed -> {
          for (float value : values) {
            packed.writeUInt32NoTag(Short.toUnsignedInt(Float.floatToFloat16(value)));
          }
        }));
        case ELSEWHERE -> {
          data.writeBytes(raw.array());
          entry(out, "location", "weights.data");
          entry(out, "offset", String.valueOf(offset));
          entry(out, "length", String.valueOf(raw.capacity()));
          out.writeInt32(14, 1);
        }
      }
    });
  }

  private static void entry(CodedOutputStream out, String key, String value) throws IOException {
    out.writeByteArray(13, bytes(pair -> {
      pair.writeString(1, key);
      pair.writeString(2, value);
    }));
  }

  private static byte[] node(String type, String name, String reads) throws IOException {
    return bytes(out -> {
      out.writeString(1, "x");
      out.writeString(1, reads);
      out.writeString(2, "y");
      out.writeString(3, name);
      out.writeString(4, type);
    });
  }

  private static byte[] bytes(Fields fields) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    fields.write(out);
    out.flush();
    return bytes.toByteArray();
  }
}
