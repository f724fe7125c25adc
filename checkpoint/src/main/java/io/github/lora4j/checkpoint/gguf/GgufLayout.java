package io.github.lora4j.checkpoint.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The bytes of a GGUF file before its data. */
final class GgufLayout {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private GgufLayout() {}

  /** Header, keys and table, padded to the alignment. */
  public static byte[] header(Map<String, GgufValue> keys, List<GgufTensor> tensors, int alignment) {
    GgufLayout layout = new GgufLayout();
    layout.out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    layout.number(3, 4);
    layout.number(tensors.size(), 8);
    layout.number(keys.size(), 8);
    keys.forEach((key, value) -> {
      layout.text(key);
      layout.number(value.kind().ordinal(), 4);
      layout.value(value.kind(), value.value());
    });
    long offset = 0;
    for (GgufTensor tensor : tensors) {
      layout.text(tensor.name());
      layout.number(tensor.shape().size(), 4);
      tensor.shape().reversed().forEach(dimension -> layout.number(dimension, 8));
      layout.number(tensor.type().id(), 4);
      layout.number(offset, 8);
      offset = offset + tensor.bytes() + alignment - 1 & -(long) alignment;
    }
    while (layout.out.size() % alignment != 0) {
      layout.out.write(0);
    }
    return layout.out.toByteArray();
  }

  private void value(GgufValue.Kind kind, Object value) {
    switch (kind) {
      case U8, I8, U16, I16, U32, I32, U64, I64 -> number((Long) value, kind.bytes());
      case F32 -> number(Float.floatToRawIntBits((Float) value), 4);
      case F64 -> number(Double.doubleToRawLongBits((Double) value), 8);
      case BOOL -> number((Boolean) value ? 1 : 0, 1);
      case STRING -> text((String) value);
      case ARRAY -> {
        GgufValue.Items items = (GgufValue.Items) value;
        number(items.kind().ordinal(), 4);
        number(items.values().size(), 8);
        items.values().forEach(item -> value(items.kind(), item));
      }
    }
  }

  private void text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    number(bytes.length, 8);
    out.writeBytes(bytes);
  }

  private void number(long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      out.write((int) (value >>> 8 * i));
    }
  }
}
