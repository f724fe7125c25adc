package io.github.lora4j.checkpoint;

import io.github.lora4j.checkpoint.internal.OnnxCopy;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * An ONNX model whose initialisers can be written with other values: graph, inputs, outputs and everything else stay byte for byte. Its weights are
 * read by {@link #weights}, under the names of Hugging Face's modules where {@link Checkpoint} knows them.
 */
public final class OnnxModel implements AutoCloseable {

  private final OnnxCopy copy;

  private OnnxModel(OnnxCopy copy) {
    this.copy = copy;
  }

  /** Opens an {@code .onnx} file, and the files that hold its data where it has such. */
  public static OnnxModel open(Path file) {
    return new OnnxModel(OnnxCopy.open(file));
  }

  /** Its tensors; good while this is open. */
  public Checkpoint weights() {
    return copy.weights();
  }

  /** The names under which {@link #weights} shows the initialiser that a name of it stands for; it itself is among them. */
  public Set<String> shared(String name) {
    return copy.shared(name);
  }

  /** The nodes that read the initialiser of a name, as "MatMul /encoder/layer.0/output/dense/MatMul". */
  public List<String> readers(String name) {
    return copy.readers(name);
  }

  /** A node that computes with quantised numbers, if there is one. */
  public Optional<String> quantised() {
    return copy.quantised();
  }

  /**
   * Writes the model with other values into a directory: the file under its own name, and those that hold its data under theirs.
   *
   * @param values fills memory with a tensor of {@link #weights} in its shape and type, by one of its names; called once each, while writing
   * @throws io.github.lora4j.vector.ResourceException when the disk is full or the place cannot be written
   */
  public void write(Path directory, Map<String, Consumer<MemorySegment>> values) {
    copy.write(directory, values);
  }

  @Override
  public void close() {
    copy.weights().close();
  }
}
