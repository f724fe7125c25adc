package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.util.List;

/** Checks that every format needs. */
final class Formats {

  private Formats() {}

  /** A TensorInfo from a file's claims. */
  static TensorInfo info(SourceFile file, String name, DType dtype, List<Long> shape) {
    try {
      return new TensorInfo(name, dtype, shape);
    } catch (ConfigException e) {
      throw file.broken(e.getMessage(), e);
    }
  }
}
