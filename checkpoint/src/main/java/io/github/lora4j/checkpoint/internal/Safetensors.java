package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** One safetensors file. */
final class Safetensors extends TensorTable<SafetensorsHeader.Tensor> {

  private final SourceFile file;

  private Safetensors(SourceFile file, SafetensorsHeader header) {
    super(file.path(), header.tensors(), header.metadata());
    this.file = file;
  }

  static Safetensors open(Path path) {
    SourceFile file = new SourceFile(path);
    try {
      return new Safetensors(file, SafetensorsHeader.read(file));
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  @Override
  TensorInfo info(SafetensorsHeader.Tensor tensor) {
    return tensor.info();
  }

  @Override
  void read(SafetensorsHeader.Tensor tensor, DType as, MemorySegment target) {
    TensorReader.read(describe(), tensor.info(), new RawElements(file, tensor.position()), as, target);
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    if (as instanceof Elements) {
      super.read(name, as, target);
      return;
    }
    SafetensorsHeader.Tensor tensor = find(name);
    TensorReader.encode(describe(), tensor.info(), new RawElements(file, tensor.position()), as, target);
  }

  @Override
  public void close() {
    file.close();
  }
}
