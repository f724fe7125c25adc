package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/**
 * A checkpoint as a table from name to whatever its format keeps per tensor.
 *
 * @param <T> what the format keeps per tensor
 */
abstract class TensorTable<T> implements Checkpoint {

  private final Path path;
  private final SequencedMap<String, T> tensors;
  private final Map<String, String> metadata;

  TensorTable(Path path, SequencedMap<String, T> tensors, Map<String, String> metadata) {
    this.path = path;
    this.tensors = tensors;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  abstract TensorInfo info(T tensor);

  abstract void read(T tensor, DType as, MemorySegment target);

  @Override
  public final Set<String> names() {
    return Collections.unmodifiableSet(tensors.sequencedKeySet());
  }

  @Override
  public final TensorInfo info(String name) {
    return info(find(name));
  }

  @Override
  public final void read(String name, DType as, MemorySegment target) {
    read(find(name), as, target);
  }

  @Override
  public final Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public final String describe() {
    return path.toString();
  }

  final T find(String name) {
    T tensor = tensors.get(name);
    if (tensor == null) {
      throw new FormatException(
          path + ": has no tensor " + Names.printable(name) + "; " + (tensors.isEmpty() ? "it holds none"
              : "the nearest of its " + tensors.size() + " names: " + Names.list(Names.nearest(name, tensors.keySet(), 3))));
    }
    return tensor;
  }
}
