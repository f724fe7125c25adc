package io.github.lora4j.checkpoint.internal;

import com.google.protobuf.CodedOutputStream;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.ConfigException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** See {@link io.github.lora4j.checkpoint.OnnxModel}: a file is copied with some stretches of bytes replaced. */
public final class OnnxCopy {

  /** Operators of ONNX and of ONNX Runtime whose weights are quantised. */
  private static final Set<String> QUANTISED = Set.of("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger",
      "QLinearMatMul", "QLinearConv", "MatMulNBits", "MatMulBnb4", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLSTM",
      "QAttention", "QGemm", "QEmbedLayerNormalization", "QOrderedMatMul", "GatherBlockQuantized", "MatMulFpQ4");

  private static final int GRAPH = 7;
  private static final int INITIALISER = 5;
  private static final int RAW_DATA = 9;
  private static final long CHUNK = 1 << 20;
  private static final long MAX_PROTOBUF = Integer.MAX_VALUE;

  private final Onnx onnx;

  private OnnxCopy(Onnx onnx) {
    this.onnx = onnx;
  }

  /** Opens the file. */
  public static OnnxCopy open(Path file) {
    return new OnnxCopy(Onnx.open(file));
  }

  /** Its tensors. */
  public Checkpoint weights() {
    return onnx;
  }

  /** All names of the initialiser of a name. */
  public Set<String> shared(String name) {
    OnnxTensor stored = weight(name).stored();
    Set<String> names = new LinkedHashSet<>();
    onnx.weights().forEach((other, weight) -> {
      if (weight.stored().equals(stored)) {
        names.add(other);
      }
    });
    return Collections.unmodifiableSet(names);
  }

  /** The nodes that read the initialiser of a name. */
  public List<String> readers(String name) {
    String initialiser = weight(name).stored().info().name();
    return onnx.parser().nodes().stream().filter(node -> node.inputs().contains(initialiser)).map(OnnxCopy::shown).toList();
  }

  /** The first node that computes with quantised numbers. */
  public Optional<String> quantised() {
    return onnx.parser().nodes().stream().filter(node -> QUANTISED.contains(node.type())).map(OnnxCopy::shown).findFirst();
  }

  private static String shown(OnnxParser.Node node) {
    return node.name().isEmpty() ? node.type() : node.type() + " " + node.name();
  }

  private Onnx.Weight weight(String name) {
    onnx.info(name);
    return Objects.requireNonNull(onnx.weights().get(name));
  }

  /** Other bytes for some of a file's. */
  private record Edit(long from, long end, long length, Source source) {}

  /** Gives an edit's bytes; the scratch memory may be used for them. */
  private interface Source {
    MemorySegment bytes(Arena scratch);
  }

  /** Writes the files with other values. */
  public void write(Path directory, Map<String, Consumer<MemorySegment>> values) {
    Map<String, List<Edit>> edits = new LinkedHashMap<>();
    onnx.files().keySet().forEach(location -> edits.put(location, new ArrayList<>()));
    long longer = 0;
    for (Map.Entry<String, Consumer<MemorySegment>> value : values.entrySet()) {
      Onnx.Weight weight = weight(value.getKey());
      longer += edit(weight, value.getValue(), Objects.requireNonNull(edits.get(weight.stored().data().location())));
    }
    if (longer != 0) {
      OnnxParser.Message graph = onnx.parser().graph();
      Objects.requireNonNull(edits.get("")).add(header(GRAPH, graph, longer));
    }
    edits.forEach((location, of) -> {
      SourceFile file = Objects.requireNonNull(onnx.files().get(location));
      of.sort(Comparator.comparingLong(Edit::from));
      long size = file.size() + of.stream().mapToLong(edit -> edit.length - (edit.end - edit.from)).sum();
      if (location.isEmpty() && size > MAX_PROTOBUF) {
        throw new ConfigException("%s: with its weights as bytes it would have %d bytes; a protobuf file ends at 2 GiB".formatted(file.path(), size));
      }
      AtomicFiles.file(directory.resolve(file.path().getFileName()), channel -> copy(file, of, channel));
    });
  }

  /** Adds what replaces a tensor's data; the number of bytes that its message is longer by then, its header included. */
  private long edit(Onnx.Weight weight, Consumer<MemorySegment> values, List<Edit> edits) {
    OnnxTensor stored = weight.stored();
    OnnxTensor.Data data = stored.data();
    onnx.parser().tensors().stream().filter(other -> !other.equals(stored) && overlap(other.data(), data)).findFirst().ifPresent(other -> {
      throw new ConfigException("%s: %s and %s share their bytes in %s, so that one cannot change alone".formatted(onnx.describe(),
          stored.info().name(), other.info().name(), data.location().isEmpty() ? "it" : data.location()));
    });
    Source source = scratch -> stored(weight, values, scratch);
    long bytes = stored.info().bytes();
    if (!data.varints()) {
      edits.add(new Edit(data.position(), data.position() + bytes, bytes, source));
      return 0;
    }
    // Variable-length integers change their length with their values: written as bytes, which mean the same.
    long end = data.position() + data.length();
    byte[] header = header(RAW_DATA, bytes);
    long more = header.length + bytes - (end - data.tag());
    Edit message = header(INITIALISER, stored.message(), more);
    edits.add(message);
    edits.add(new Edit(data.tag(), data.position(), header.length, _ -> MemorySegment.ofArray(header)));
    edits.add(new Edit(data.position(), end, bytes, source));
    return more + message.length - (message.end - message.from);
  }

  private static boolean overlap(OnnxTensor.Data a, OnnxTensor.Data b) {
    return a.location().equals(b.location()) && a.position() < b.position() + b.length() && b.position() < a.position() + a.length();
  }

  /** The tag and length of a message that is so many bytes longer. */
  private static Edit header(int field, OnnxParser.Message message, long more) {
    byte[] header = header(field, message.end() - message.body() + more);
    return new Edit(message.tag(), message.body(), header.length, _ -> MemorySegment.ofArray(header));
  }

  private static byte[] header(int field, long length) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      out.writeTag(field, com.google.protobuf.WireFormat.WIRETYPE_LENGTH_DELIMITED);
      out.writeUInt64NoTag(length);
      out.flush();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return bytes.toByteArray();
  }

  private static MemorySegment stored(Onnx.Weight weight, Consumer<MemorySegment> values, Arena scratch) {
    TensorInfo info = weight.info();
    MemorySegment shown = scratch.allocate(Math.max(1, info.bytes()), 64).asSlice(0, info.bytes());
    values.accept(shown);
    if (!weight.transposed() || info.bytes() == 0) {
      return shown;
    }
    MemorySegment turned = scratch.allocate(info.bytes(), 64);
    Conversion.transpose(info.dtype().bytes(), shown, 0, info.shape().getFirst(), info.shape().getLast(), turned, info.shape().getFirst());
    return turned;
  }

  private static void copy(SourceFile file, List<Edit> edits, FileChannel to) throws IOException {
    long at = 0;
    for (Edit edit : edits) {
      copy(file, at, edit.from, to);
      try (Arena scratch = Arena.ofConfined()) {
        ChannelWriter.write(to, edit.source.bytes(scratch));
      }
      at = edit.end;
    }
    copy(file, at, file.size(), to);
  }

  private static void copy(SourceFile file, long from, long end, FileChannel to) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(CHUNK);
      for (long at = from; at < end; at += CHUNK) {
        MemorySegment part = chunk.asSlice(0, Math.min(CHUNK, end - at));
        file.read(at, part);
        ChannelWriter.write(to, part);
      }
    }
  }
}
