package io.github.lora4j.checkpoint.internal;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A file written under another name beside its place and moved there by {@link #commit}; closing without it leaves nothing. */
public final class AtomicFile implements AutoCloseable {

  private static final long MAX_WRITE = 1L << 30;
  private static final long HEAP_CHUNK = 1L << 20;

  private final Path place;
  private final Path temporary;
  private final FileChannel channel;
  private boolean committed;

  /** Starts a file that will lie at the given place. */
  public AtomicFile(Path place) throws IOException {
    this.place = place.toAbsolutePath();
    // Not Files.createTempFile: its files are readable by their owner only, and the move would keep that.
    this.temporary = this.place.resolveSibling(
        "." + this.place.getFileName() + "." + ProcessHandle.current().pid() + "." + Long.toHexString(System.nanoTime()) + ".tmp");
    this.channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  /** Appends the segment's bytes. */
  public void write(MemorySegment data) throws IOException {
    if (data.isNative()) {
      writeNative(data);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.min(HEAP_CHUNK, Math.max(1, data.byteSize())));
      for (long done = 0; done < data.byteSize(); done += HEAP_CHUNK) {
        MemorySegment part = data.asSlice(done, Math.min(HEAP_CHUNK, data.byteSize() - done));
        writeNative(chunk.asSlice(0, part.byteSize()).copyFrom(part));
      }
    }
  }

  private void writeNative(MemorySegment data) throws IOException {
    for (long done = 0; done < data.byteSize(); ) {
      ByteBuffer buffer = data.asSlice(done, Math.min(MAX_WRITE, data.byteSize() - done)).asByteBuffer();
      done += channel.write(buffer);
    }
  }

  /** Forces everything to the disk and moves the file to its place. */
  public void commit() throws IOException {
    channel.force(true);
    channel.close();
    Files.move(temporary, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    committed = true;
    // The move is durable only once the directory is; Windows cannot open one and does not need it.
    if (File.separatorChar == '/') {
      try (FileChannel directory = FileChannel.open(place.getParent(), StandardOpenOption.READ)) {
        directory.force(true);
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
    if (!committed) {
      Files.deleteIfExists(temporary);
    }
  }
}
