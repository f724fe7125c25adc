package io.github.lora4j.checkpoint.internal;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * The checked header of a safetensors file: 8 bytes little-endian header length, that many bytes of JSON, then the data, every byte of
 * which belongs to exactly one tensor (https://github.com/huggingface/safetensors#format).
 */
record SafetensorsHeader(SequencedMap<String, Tensor> tensors, Map<String, String> metadata) {

  /** A tensor and the file position of its first byte. */
  record Tensor(TensorInfo info, long position) {}

  private record Entry(TensorInfo info, long begin, long end) {}

  /** As in the reference implementation. */
  static final long MAX_HEADER_BYTES = 100_000_000;

  private static final int MAX_DIMENSIONS = 64;

  static SafetensorsHeader read(SourceFile file) {
    if (file.size() < 8) {
      throw file.broken("is " + file.size() + " bytes long, too short for a safetensors file; it is cut off or of another kind");
    }
    byte[] prefix = new byte[8];
    file.read(0, MemorySegment.ofArray(prefix));
    long length = MemorySegment.ofArray(prefix)
        .get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    if (length < 2 || length > MAX_HEADER_BYTES) {
      throw file.broken(
          "header length is " + Long.toUnsignedString(length) + ", expected 2 to " + MAX_HEADER_BYTES + "; this is not a safetensors file");
    }
    if (length > file.size() - 8) {
      throw file.broken("is cut off: header of " + length + " bytes announced, file has " + file.size() + " bytes");
    }
    byte[] json = new byte[(int) length];
    file.read(8, MemorySegment.ofArray(json));
    if (json[0] != '{') {
      throw file.broken("header does not start with '{'; this is not a safetensors file");
    }
    List<Entry> entries = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    try (JsonParser in = StrictJson.parser(json)) {
      StrictJson.expect(in, in.nextToken(), JsonToken.START_OBJECT, "the header");
      while (in.nextToken() != JsonToken.END_OBJECT) {
        String name = in.currentName();
        if (name.equals("__metadata__")) {
          metadata.putAll(StrictJson.strings(in, "__metadata__"));
        } else {
          entries.add(entry(file, name, in));
        }
      }
      StrictJson.end(in);
    } catch (IOException e) {
      throw file.broken("header: " + StrictJson.reason(e), e);
    }
    return new SafetensorsHeader(place(file, entries, 8 + length), metadata);
  }

  private static Entry entry(SourceFile file, String name, JsonParser in) throws IOException {
    String where = "tensor " + name;
    StrictJson.expect(in, in.nextToken(), JsonToken.START_OBJECT, where);
    String dtype = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String key = in.currentName();
      switch (key) {
        case "dtype" -> {
          StrictJson.expect(in, in.nextToken(), JsonToken.VALUE_STRING, where + ": dtype");
          dtype = in.getText();
        }
        case "shape" -> shape = StrictJson.longs(in, MAX_DIMENSIONS, where + ": shape");
        case "data_offsets" -> offsets = StrictJson.longs(in, 2, where + ": data_offsets");
        default -> throw file.broken(where + ": unknown key " + key + ", expected dtype, shape, data_offsets");
      }
    }
    if (dtype == null || shape == null || offsets == null || offsets.size() != 2) {
      throw file.broken(where + ": dtype, shape and two data_offsets expected, got " + dtype + ", " + shape + ", " + offsets);
    }
    return checked(file, Formats.info(file, name, dtype(file, where, dtype), shape), offsets);
  }

  private static Entry checked(SourceFile file, TensorInfo info, List<Long> offsets) {
    long begin = offsets.get(0);
    long end = offsets.get(1);
    if (begin < 0 || end < begin) {
      throw file.broken("tensor " + info.name() + ": data_offsets " + offsets + " are not a range");
    }
    if (end - begin != info.bytes()) {
      throw file.broken(
          "tensor " + info.name() + ": " + info.dtype() + " " + info.shape() + " is " + info.bytes() + " bytes, but data_offsets "
              + offsets + " span " + (end - begin));
    }
    return new Entry(info, begin, end);
  }

  private static DType dtype(SourceFile file, String where, String text) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equals(text)) {
        return dtype;
      }
    }
    throw file.broken(where + ": dtype " + text + " is unknown, expected one of " + List.of(DType.values()));
  }

  /** Checks that the tensors tile the data section, and gives them their positions, in the header's order. */
  private static SequencedMap<String, Tensor> place(SourceFile file, List<Entry> entries, long start) {
    List<Entry> byOffset = new ArrayList<>(entries);
    byOffset.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long end = 0;
    String previous = "the header";
    for (Entry entry : byOffset) {
      String name = entry.info().name();
      if (entry.begin() != end) {
        String problem = entry.begin() < end ? " overlaps " : " leaves a gap after ";
        throw file.broken("tensor " + name + problem + previous + ": begins at " + entry.begin() + ", expected " + end);
      }
      end = entry.end();
      previous = name;
    }
    long got = file.size() - start;
    if (got != end) {
      FormatException problem = file.broken(
          (got < end ? "is cut off: " : "has bytes that belong to no tensor: ") + "tensors end at byte " + end + " of the data, got " + got
              + " bytes" + (got < end ? " (tensor " + previous + "); fetch the file again" : ""));
      throw problem;
    }
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    for (Entry entry : entries) {
      tensors.put(entry.info().name(), new Tensor(entry.info(), start + entry.begin()));
    }
    return tensors;
  }
}
