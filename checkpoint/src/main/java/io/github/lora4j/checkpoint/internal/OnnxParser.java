package io.github.lora4j.checkpoint.internal;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads from ONNX's ModelProto (onnx.proto, IR version 3 and later) what a checkpoint needs and skips the rest, tensor data included.
 * Depth is bounded by the messages known here, strings by {@link #MAX_STRING}, everything else by the file's size.
 */
final class OnnxParser {

  /** A node and what it reads. */
  record Node(String name, String type, List<String> inputs) {}

  /** Where a message lies in the file: its field's tag, its first byte, the byte behind it. */
  record Message(long tag, long body, long end) {}

  static final int MAX_STRING = 1 << 16;

  private final SourceFile file;
  private final List<OnnxTensor> tensors = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final List<Message> graphs = new ArrayList<>();
  private long tag;

  OnnxParser(SourceFile file) {
    this.file = file;
  }

  List<OnnxTensor> tensors() {
    return tensors;
  }

  List<Node> nodes() {
    return nodes;
  }

  /** Where the graph lies. */
  Message graph() {
    return graphs.getFirst();
  }

  Map<String, String> metadata() {
    return metadata;
  }

  /** One field of a message: reads its value, or says no and leaves it to be skipped. */
  @FunctionalInterface
  private interface Fields {
    boolean read(int number, int wireType) throws IOException;
  }

  void parse(CodedInputStream in) throws IOException {
    fields(in, (number, type) -> switch (number) {
      case 2 -> type == WireFormat.WIRETYPE_LENGTH_DELIMITED && keep("producer_name", string(in));
      case 3 -> type == WireFormat.WIRETYPE_LENGTH_DELIMITED && keep("producer_version", string(in));
      case 7 -> {
        if (!graphs.isEmpty()) {
          throw file.broken("holds two graphs");
        }
        yield message(in, type, place -> {
          graphs.add(place);
          graph(in);
        });
      }
      case 14 -> message(in, type, _ -> entry(in, metadata));
      default -> false;
    });
    if (graphs.isEmpty()) {
      throw file.broken("holds no graph; this is not an ONNX model");
    }
  }

  private boolean keep(String key, String value) {
    metadata.put(key, value);
    return true;
  }

  /** A pair of texts. */
  void entry(CodedInputStream in, Map<String, String> to) throws IOException {
    String[] pair = {"", ""};
    fields(in, (number, type) -> {
      if (type != WireFormat.WIRETYPE_LENGTH_DELIMITED || number < 1 || number > 2) {
        return false;
      }
      pair[number - 1] = string(in);
      return true;
    });
    to.put(pair[0], pair[1]);
  }

  private void graph(CodedInputStream in) throws IOException {
    fields(in, (number, type) -> switch (number) {
      case 1 -> message(in, type, _ -> node(in));
      case 5 -> message(in, type, place -> tensors.add(new OnnxTensorParser(file, this, place).parse(in)));
      case 15 -> throw file.broken("holds sparse initialisers, which are not read; export the model with dense ones");
      default -> false;
    });
  }

  private void node(CodedInputStream in) throws IOException {
    List<String> inputs = new ArrayList<>();
    Map<Integer, String> texts = new HashMap<>();
    fields(in, (number, type) -> {
      if (type != WireFormat.WIRETYPE_LENGTH_DELIMITED || number != 1 && number != 3 && number != 4) {
        return false;
      }
      String text = string(in);
      if (number == 1) {
        inputs.add(text);
      } else {
        texts.put(number, text);
      }
      return true;
    });
    nodes.add(new Node(texts.getOrDefault(3, ""), texts.getOrDefault(4, ""), List.copyOf(inputs)));
  }

  /** A message nested in the current one. */
  @FunctionalInterface
  private interface Body {
    void read(Message place) throws IOException;
  }

  private boolean message(CodedInputStream in, int wireType, Body body) throws IOException {
    if (wireType != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
      return false;
    }
    long at = tag;
    int length = length(in);
    int limit = in.pushLimit(length);
    body.read(new Message(at, in.getTotalBytesRead(), in.getTotalBytesRead() + (long) length));
    in.popLimit(limit);
    return true;
  }

  private void fields(CodedInputStream in, Fields fields) throws IOException {
    while (!in.isAtEnd()) {
      tag = in.getTotalBytesRead();
      int field = in.readTag();
      int type = WireFormat.getTagWireType(field);
      if (!fields.read(WireFormat.getTagFieldNumber(field), type)) {
        skip(in, field, type);
      }
    }
  }

  void skip(CodedInputStream in, int tag, int type) throws IOException {
    switch (type) {
      case WireFormat.WIRETYPE_START_GROUP, WireFormat.WIRETYPE_END_GROUP ->
          throw file.broken("byte " + in.getTotalBytesRead() + ": protobuf group, which ONNX does not use");
      case WireFormat.WIRETYPE_LENGTH_DELIMITED -> in.skipRawBytes(length(in));
      default -> in.skipField(tag);
    }
  }

  /** A length that fits what is left of the file. */
  int length(CodedInputStream in) throws IOException {
    int length = in.readRawVarint32();
    long left = file.size() - in.getTotalBytesRead();
    if (length < 0 || length > left) {
      throw file.broken(
          "is cut off or broken: byte " + in.getTotalBytesRead() + " announces " + Integer.toUnsignedString(length) + " bytes, " + left
              + " are left");
    }
    return length;
  }

  String string(CodedInputStream in) throws IOException {
    int length = length(in);
    if (length > MAX_STRING) {
      throw file.broken("byte " + in.getTotalBytesRead() + ": a name of " + length + " bytes, at most " + MAX_STRING + " are expected");
    }
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(in.readRawBytes(length))).toString();
  }
}
