package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** The order of tensors and the header of a safetensors file as the reference implementation writes them. */
public final class SafetensorsLayout {

  /** The reference's dtype order, last one first in the file. */
  private static final List<DType> DTYPES = List.of(
      DType.BOOL, DType.U8, DType.I8, DType.I16, DType.F16, DType.BF16, DType.I32, DType.F32, DType.F64, DType.I64);

  /** Descending dtype, then name by UTF-8 bytes. */
  public static final Comparator<TensorInfo> ORDER = Comparator
      .comparing((TensorInfo info) -> -DTYPES.indexOf(info.dtype()))
      .thenComparing(info -> info.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned);

  private SafetensorsLayout() {}

  /** Length prefix and padded JSON for tensors that follow in the given order. */
  public static byte[] header(List<TensorInfo> tensors, Map<String, String> metadata) {
    StringBuilder json = new StringBuilder("{");
    if (!metadata.isEmpty()) {
      json.append("\"__metadata__\":{");
      metadata.forEach((key, value) -> {
        quote(json, key).append(':');
        quote(json, value).append(',');
      });
      json.setCharAt(json.length() - 1, '}');
      json.append(',');
    }
    long offset = 0;
    for (TensorInfo info : tensors) {
      quote(json, info.name()).append(":{\"dtype\":\"").append(info.dtype()).append("\",\"shape\":[");
      for (int i = 0; i < info.shape().size(); i++) {
        json.append(i == 0 ? "" : ",").append(info.shape().get(i));
      }
      json.append("],\"data_offsets\":[").append(offset).append(',').append(offset + info.bytes()).append("]},");
      offset += info.bytes();
    }
    if (json.length() > 1) {
      json.setLength(json.length() - 1);
    }
    byte[] utf8 = json.append('}').toString().getBytes(StandardCharsets.UTF_8);
    int padded = (utf8.length + 7) / 8 * 8;
    if (padded > SafetensorsHeader.MAX_HEADER_BYTES) {
      throw new ConfigException("safetensors header would have " + padded + " bytes, at most " + SafetensorsHeader.MAX_HEADER_BYTES);
    }
    byte[] result = new byte[8 + padded];
    ByteBuffer.wrap(result).order(ByteOrder.LITTLE_ENDIAN).putLong(padded);
    System.arraycopy(utf8, 0, result, 8, utf8.length);
    Arrays.fill(result, 8 + utf8.length, result.length, (byte) ' ');
    return result;
  }

  /** The JSON of an index: where tensors are, by their names in order, and how many bytes they have. */
  public static String index(Map<String, String> places, long bytes) {
    StringBuilder json = new StringBuilder("{\n  \"metadata\": {\n    \"total_size\": ").append(bytes).append("\n  },\n  \"weight_map\": {");
    String separator = "\n";
    for (Map.Entry<String, String> place : places.entrySet()) {
      json.append(separator).append("    ");
      quote(json, place.getKey()).append(": ");
      quote(json, place.getValue());
      separator = ",\n";
    }
    return json.append("\n  }\n}\n").toString();
  }

  private static StringBuilder quote(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> out.append(c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
      }
    }
    return out.append('"');
  }
}
