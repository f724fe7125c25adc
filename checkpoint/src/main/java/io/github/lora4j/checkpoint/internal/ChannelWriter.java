package io.github.lora4j.checkpoint.internal;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;

/** Writes memory of any size, native or not, to a file. */
public final class ChannelWriter {

  private static final long MAX_WRITE = 1L << 30;
  private static final long HEAP_CHUNK = 1L << 20;

  private ChannelWriter() {}

  /** Appends the segment's bytes. */
  public static void write(FileChannel channel, MemorySegment data) throws IOException {
    if (data.isNative()) {
      writeNative(channel, data);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.min(HEAP_CHUNK, Math.max(1, data.byteSize())));
      for (long done = 0; done < data.byteSize(); done += HEAP_CHUNK) {
        MemorySegment part = data.asSlice(done, Math.min(HEAP_CHUNK, data.byteSize() - done));
        writeNative(channel, chunk.asSlice(0, part.byteSize()).copyFrom(part));
      }
    }
  }

  private static void writeNative(FileChannel channel, MemorySegment data) throws IOException {
    for (long done = 0; done < data.byteSize(); ) {
      done += channel.write(data.asSlice(done, Math.min(MAX_WRITE, data.byteSize() - done)).asByteBuffer());
    }
  }
}
