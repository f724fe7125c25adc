package io.github.lora4j.train.internal.parquet;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of which parts are read. */
record SourceFile(Path path, FileChannel channel, long size) implements AutoCloseable {

  static SourceFile open(Path path) throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    return new SourceFile(path, channel, channel.size());
  }

  /** Bytes from a place on. */
  Input part(long at, int length, String where) {
    if (at < 0 || length < 0 || length > size - at) {
      throw new FormatException("%s: is broken: %d bytes from %d on, of a file of %d".formatted(where, length, at, size));
    }
    ByteBuffer buffer = ByteBuffer.allocate(length);
    try {
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, at + buffer.position()) < 0) {
          throw new FormatException("%s: the file became shorter while it was read".formatted(where));
        }
      }
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(path, e.getMessage()), e);
    }
    return Input.of(where, buffer.array());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
