package io.github.lora4j.checkpoint.internal;

import java.lang.foreign.MemorySegment;

/** Elements that lie in a file as in memory. */
final class RawElements implements TensorReader.Elements {

  private final SourceFile file;
  private long position;

  RawElements(SourceFile file, long position) {
    this.file = file;
    this.position = position;
  }

  @Override
  public void next(MemorySegment target) {
    file.read(position, target);
    position += target.byteSize();
  }
}
