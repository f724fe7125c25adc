package io.github.lora4j.checkpoint.internal;

import com.google.protobuf.CodedInputStream;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;

/**
 * The initialisers of an ONNX model. PyTorch's exporter keeps the names of biases, norms and embeddings but calls the transposed weight of
 * a linear layer {@code onnx::MatMul_NNN}; such a weight is known here by the layer its MatMul node belongs to
 * ({@code /encoder/layer.0/attention/self/query/MatMul} is {@code encoder.layer.0.attention.self.query.weight}) and reads as Hugging Face's
 * {@code [out, in]}.
 */
final class Onnx extends TensorTable<Onnx.Weight> {

  /** A tensor as shown, where its elements are, and whether they lie there transposed. */
  record Weight(TensorInfo info, OnnxTensor stored, boolean transposed) {}

  private static final String ANONYMOUS = "onnx::MatMul_";

  private final OnnxParser parser;
  private final SequencedMap<String, Weight> weights;
  /** By location; the model's own is the empty one. */
  private final Map<String, SourceFile> files;

  private Onnx(OnnxParser parser, Map<String, SourceFile> files, SequencedMap<String, Weight> weights) {
    super(Objects.requireNonNull(files.get("")).path(), weights, parser.metadata());
    this.parser = parser;
    this.files = files;
    this.weights = weights;
  }

  /** What else the file says. */
  OnnxParser parser() {
    return parser;
  }

  /** The tensors as shown. */
  SequencedMap<String, Weight> weights() {
    return weights;
  }

  /** The files that hold the model, by location. */
  Map<String, SourceFile> files() {
    return files;
  }

  static Onnx open(Path path) {
    SourceFile file = new SourceFile(path);
    Map<String, SourceFile> files = new LinkedHashMap<>(Map.of("", file));
    try {
      if (file.size() > Integer.MAX_VALUE) {
        throw file.broken("is " + file.size() + " bytes long; a protobuf file ends at 2 GiB");
      }
      if (file.size() == 0) {
        throw file.broken("is empty");
      }
      OnnxParser parser = new OnnxParser(file);
      // The stream is not closed: it would close the channel that data is read from later.
      parser.parse(CodedInputStream.newInstance(file.stream(), 1 << 16));
      for (OnnxTensor tensor : parser.tensors()) {
        openData(file, tensor, files);
      }
      return new Onnx(parser, files, named(file, parser));
    } catch (IOException e) {
      files.values().forEach(SourceFile::close);
      throw file.broken("is no ONNX model, or is cut off: " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      files.values().forEach(SourceFile::close);
      throw e;
    }
  }

  /** The file that holds a tensor's data is there and long enough. */
  private static void openData(SourceFile file, OnnxTensor tensor, Map<String, SourceFile> files) {
    OnnxTensor.Data data = tensor.data();
    if (!files.containsKey(data.location())) {
      Path path;
      try {
        path = file.path().resolveSibling(data.location());
      } catch (InvalidPathException e) {
        throw file.broken("tensor %s: its data is in a file that cannot be: %s".formatted(tensor.info().name(), e.getReason()), e);
      }
      files.put(data.location(), new SourceFile(path));
    }
    SourceFile of = Objects.requireNonNull(files.get(data.location()));
    if (data.position() > of.size() - data.length()) {
      throw file.broken("tensor %s: its data is bytes %d to %d of %s, which has %d".formatted(tensor.info().name(), data.position(),
          data.position() + data.length(), of.path(), of.size()));
    }
  }

  private static SequencedMap<String, Weight> named(SourceFile file, OnnxParser parser) {
    Map<String, Set<String>> modules = modules(parser);
    SequencedMap<String, Weight> weights = new LinkedHashMap<>();
    for (OnnxTensor tensor : parser.tensors()) {
      TensorInfo info = tensor.info();
      Set<String> names = modules.get(info.name());
      if (names == null || info.shape().size() != 2) {
        put(file, weights, new Weight(info, tensor, false));
        continue;
      }
      for (String name : names) {
        put(file, weights, new Weight(new TensorInfo(name, info.dtype(), info.shape().reversed()), tensor, true));
      }
    }
    return weights;
  }

  private static void put(SourceFile file, Map<String, Weight> weights, Weight weight) {
    if (weights.putIfAbsent(weight.info().name(), weight) != null) {
      throw file.broken("two tensors have the name " + weight.info().name());
    }
  }

  /** Hugging Face names of anonymous weights, by the names of the MatMul nodes that use them; a tied weight has several. */
  private static Map<String, Set<String>> modules(OnnxParser parser) {
    Map<String, Set<String>> modules = new HashMap<>();
    for (OnnxParser.Node node : parser.nodes()) {
      int end = node.name().lastIndexOf("/MatMul");
      if (node.type().equals("MatMul") && node.inputs().size() == 2 && node.inputs().getLast().startsWith(ANONYMOUS) && node.name().startsWith("/") && end > 0) {
        String name = node.name().substring(1, end).replace('/', '.') + ".weight";
        modules.computeIfAbsent(node.inputs().getLast(), _ -> new LinkedHashSet<>()).add(name);
      }
    }
    return modules;
  }

  @Override
  TensorInfo info(Weight weight) {
    return weight.info();
  }

  @Override
  void read(Weight weight, DType as, MemorySegment target) {
    TensorReader.Elements elements = weight.stored().elements(Objects.requireNonNull(files.get(weight.stored().data().location())));
    if (weight.transposed()) {
      TensorReader.readTransposed(describe(), weight.info(), elements, as, target);
    } else {
      TensorReader.read(describe(), weight.info(), elements, as, target);
    }
  }

  @Override
  public void close() {
    files.values().forEach(SourceFile::close);
  }
}
