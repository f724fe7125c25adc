package io.github.lora4j.checkpoint.internal;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.util.ArrayList;
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
  private final List<Long> shape = new ArrayList<>();
  private String name = "";
  private int dtype;
  private int dataField;
  private long position;
  private long length;
  private long varints;

  OnnxTensorParser(SourceFile file, OnnxParser parser) {
    this.file = file;
    this.parser = parser;
  }

  OnnxTensor parse(CodedInputStream in) throws IOException {
    while (!in.isAtEnd()) {
      int tag = in.readTag();
      int type = WireFormat.getTagWireType(tag);
      int number = WireFormat.getTagFieldNumber(tag);
      boolean varint = type == WireFormat.WIRETYPE_VARINT;
      switch (number) {
        case 1 -> dims(in, type);
        case 2 -> dtype = varint ? in.readInt32() : wrongType(number);
        case 4, 5, 7, 9, 10 -> data(in, number, type);
        case 6, 11 -> throw file.broken("tensor " + name + ": holds strings or unsigned 64-bit integers, which are not read");
        case 8 -> name = type == WireFormat.WIRETYPE_LENGTH_DELIMITED ? parser.string(in) : "" + wrongType(number);
        case 13 -> throw external();
        case 14 -> {
          if ((varint ? in.readInt32() : wrongType(number)) != 0) {
            throw external();
          }
        }
        default -> parser.skip(in, tag, type);
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

  private void data(CodedInputStream in, int field, int type) throws IOException {
    if (type != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
      wrongType(field);
    }
    if (dataField != 0) {
      throw file.broken("tensor " + name + ": has data twice, in fields " + dataField + " and " + field);
    }
    dataField = field;
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
    return new OnnxTensor(info, position, length, asVarints);
  }

  private int wrongType(int field) {
    throw file.broken("tensor " + name + ": field " + field + " of TensorProto has the wrong wire type (data must be packed)");
  }

  private RuntimeException external() {
    return file.broken(
        "tensor " + name + ": its data is in another file (ONNX external data), which is not read; "
            + "save the model as one file or use its safetensors");
  }
}
