package io.github.lora4j.checkpoint.internal;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Names;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads one TensorProto, noting where its data lies instead of reading it. */
final class OnnxTensorParser {

  private static final Map<Integer, DType> DTYPES = Map.of(
      1, DType.F32, 2, DType.U8, 3, DType.I8, 5, DType.I16, 6, DType.I32, 7, DType.I64, 9, DType.BOOL, 10, DType.F16, 11, DType.F64,
      16, DType.BF16);

  private static final int MAX_DIMENSIONS = 64;

  private final SourceFile file;
  private final OnnxParser parser;
  private final OnnxParser.Message message;
  private final Map<String, String> external = new LinkedHashMap<>();
  private final List<Long> shape = new ArrayList<>();
  private String name = "";
  private int dtype;
  private boolean elsewhere;
  private int dataField;
  private long tag;
  private long position;
  private long length;
  private long varints;

  OnnxTensorParser(SourceFile file, OnnxParser parser, OnnxParser.Message message) {
    this.file = file;
    this.parser = parser;
    this.message = message;
  }

  OnnxTensor parse(CodedInputStream in) throws IOException {
    while (!in.isAtEnd()) {
      long at = in.getTotalBytesRead();
      int field = in.readTag();
      int type = WireFormat.getTagWireType(field);
      int number = WireFormat.getTagFieldNumber(field);
      boolean varint = type == WireFormat.WIRETYPE_VARINT;
      switch (number) {
        case 1 -> dims(in, type);
        case 2 -> dtype = varint ? in.readInt32() : wrongType(number);
        case 4, 5, 7, 9, 10 -> data(in, number, type, at);
        case 6, 11 -> throw file.broken("tensor " + name + ": holds strings or unsigned 64-bit integers, which are not read");
        case 8 -> name = type == WireFormat.WIRETYPE_LENGTH_DELIMITED ? parser.string(in) : "" + wrongType(number);
        case 13 -> external(in, type);
        case 14 -> elsewhere = (varint ? in.readInt32() : wrongType(number)) != 0;
        default -> parser.skip(in, field, type);
      }
    }
    return checked();
  }

  private void dims(CodedInputStream in, int type) throws IOException {
    if (type == WireFormat.WIRETYPE_VARINT) {
      shape.add(in.readInt64());
    } else if (type == WireFormat.WIRETYPE_LENGTH_DELIMITED) {
      int limit = in.pushLimit(parser.length(in));
      while (!in.isAtEnd() && shape.size() <= MAX_DIMENSIONS) {
        shape.add(in.readInt64());
      }
      in.skipRawBytes(Math.max(0, in.getBytesUntilLimit()));
      in.popLimit(limit);
    } else {
      wrongType(1);
    }
    if (shape.size() > MAX_DIMENSIONS) {
      throw file.broken("tensor " + name + ": more than " + MAX_DIMENSIONS + " dimensions");
    }
  }

  private void external(CodedInputStream in, int type) throws IOException {
    int limit = in.pushLimit(type == WireFormat.WIRETYPE_LENGTH_DELIMITED ? parser.length(in) : wrongType(13));
    parser.entry(in, external);
    in.popLimit(limit);
  }

  private void data(CodedInputStream in, int field, int type, long at) throws IOException {
    if (type != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
      wrongType(field);
    }
    if (dataField != 0) {
      throw file.broken("tensor " + name + ": has data twice, in fields " + dataField + " and " + field);
    }
    dataField = field;
    tag = at;
    length = parser.length(in);
    position = in.getTotalBytesRead();
    if (field == 5 || field == 7) {
      int limit = in.pushLimit((int) length);
      while (!in.isAtEnd()) {
        in.readRawVarint64();
        varints++;
      }
      in.popLimit(limit);
    } else {
      in.skipRawBytes((int) length);
    }
  }

  private OnnxTensor checked() {
    DType type = DTYPES.get(dtype);
    if (name.isEmpty() || type == null) {
      throw file.broken("tensor " + name + ": ONNX data type " + dtype + " is not read, expected one of " + DTYPES);
    }
    TensorInfo info = Formats.info(file, name, type, shape);
    if (elsewhere) {
      return new OnnxTensor(info, message, elsewhere(info));
    }
    boolean asVarints = dataField == 5 || dataField == 7;
    boolean fits = switch (dataField) {
      case 4 -> type == DType.F32;
      case 5 -> type != DType.F32 && type != DType.F64 && type != DType.I64;
      case 7 -> type == DType.I64;
      case 10 -> type == DType.F64;
      default -> true;
    };
    long got = asVarints ? varints : length;
    long expected = asVarints ? info.elements() : info.bytes();
    if (!fits || got != expected) {
      throw file.broken(
          "tensor " + name + ": " + type + " " + shape + " needs " + expected + (asVarints ? " elements" : " bytes")
              + ", got " + got + " in field " + dataField);
    }
    return new OnnxTensor(info, message, new OnnxTensor.Data("", tag, position, length, asVarints));
  }

  private int wrongType(int field) {
    throw file.broken("tensor " + name + ": field " + field + " of TensorProto has the wrong wire type (data must be packed)");
  }

  /** Data in another file, whose name must be a plain one: a path could lead out of the model's directory. */
  private OnnxTensor.Data elsewhere(TensorInfo info) {
    String location = external.getOrDefault("location", "");
    if (dataField != 0 || location.isEmpty() || location.contains("/") || location.contains("\\") || location.contains("\0") || location.equals("..")) {
      throw file.broken("tensor %s: its data is in the file \"%s\", expected the plain name of a file beside this one, and no data here".formatted(
          name, Names.printable(location)));
    }
    long from = number("offset", 0);
    long bytes = number("length", info.bytes());
    if (bytes != info.bytes()) {
      throw file.broken("tensor %s: %s %s needs %d bytes, got %d in %s".formatted(name, info.dtype(), shape, info.bytes(), bytes, location));
    }
    return new OnnxTensor.Data(location, 0, from, bytes, false);
  }

  private long number(String key, long otherwise) {
    String text = external.getOrDefault(key, String.valueOf(otherwise));
    try {
      long number = Long.parseLong(text);
      if (number >= 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw file.broken("tensor %s: %s of its data is \"%s\"".formatted(name, key, Names.printable(text)), e);
    }
    throw file.broken("tensor %s: %s of its data is %s".formatted(name, key, text));
  }
}
