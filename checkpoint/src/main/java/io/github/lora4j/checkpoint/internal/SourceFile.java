package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** An open file, read by position; turns I/O errors into ours. */
public final class SourceFile implements AutoCloseable {

  private static final long MAX_READ = 1L << 30;
  private static final long HEAP_CHUNK = 1L << 20;

  private final Path path;
  private final FileChannel channel;
  private final long size;

  /** Opens a regular file. */
  public SourceFile(Path path) {
    this.path = path;
    if (!Files.isRegularFile(path)) {
      throw new FormatException(path + (Files.exists(path) ? ": not a regular file" : ": no such file"));
    }
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
      size = channel.size();
    } catch (IOException e) {
      throw new ResourceException(path + ": cannot be opened: " + e, e);
    }
  }

  /** What was opened. */
  public Path path() {
    return path;
  }

  /** Bytes when it was opened. */
  public long size() {
    return size;
  }

  /** Fills the target from the given position. */
  public void read(long position, MemorySegment target) {
    if (target.isNative()) {
      readNative(position, target);
      return;
    }
    // A channel reads into native memory only, and only a byte[] has a ByteBuffer.
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.min(HEAP_CHUNK, Math.max(1, target.byteSize())));
      for (long done = 0; done < target.byteSize(); done += HEAP_CHUNK) {
        MemorySegment part = chunk.asSlice(0, Math.min(HEAP_CHUNK, target.byteSize() - done));
        readNative(position + done, part);
        target.asSlice(done, part.byteSize()).copyFrom(part);
      }
    }
  }

  private void readNative(long position, MemorySegment target) {
    long done = 0;
    while (done < target.byteSize()) {
      ByteBuffer buffer = target.asSlice(done, Math.min(MAX_READ, target.byteSize() - done)).asByteBuffer();
      int n;
      try {
        n = channel.read(buffer, position + done);
      } catch (IOException e) {
        throw new ResourceException(path + ": cannot be read: " + e, e);
      }
      if (n < 0) {
        throw new FormatException(path + ": ends at byte " + (position + done) + ", it was " + size + " bytes long when opened");
      }
      done += n;
    }
  }

  /** A stream from the file's start; one at a time, as it moves the channel's position. */
  InputStream stream() {
    return Channels.newInputStream(channel);
  }

  /** An error that names the file. */
  public FormatException broken(String problem) {
    return new FormatException(path + ": " + problem);
  }

  /** An error that names the file, with what caused it. */
  public FormatException broken(String problem, Throwable cause) {
    return new FormatException(path + ": " + problem, cause);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new ResourceException(path + ": cannot be closed: " + e, e);
    }
  }
}
