package io.github.lora4j.vector;

import com.sun.management.OperatingSystemMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;

/**
 * The one place that allocates and releases native memory. Each owner (a model, a run, a compiled program) has its own
 * instance; closing it releases everything at once. Segments are zeroed and aligned to {@value #ALIGNMENT} bytes.
 */
public final class Memory implements AutoCloseable {

  /** A cache line, which is also the widest vector register. */
  public static final long ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private final String owner;
  private final long limit;
  private long used;

  /**
   * Creates an owner of memory.
   *
   * @param owner what the memory is for, named in errors
   * @param limit the most bytes it may hold
   */
  public Memory(String owner, long limit) {
    this.owner = owner;
    this.limit = limit;
  }

  /** An owner limited only by the machine, or by the container it runs in. */
  public Memory(String owner) {
    this(owner, machineBytes());
  }

  /**
   * Allocates zeroed memory; it lives until this owner is closed.
   *
   * @throws ResourceException when the limit would be passed or the system has no more
   */
  public synchronized MemorySegment allocate(long bytes, String purpose) {
    long size = align(bytes);
    if (size < 0 || size > limit - used) {
      throw new ResourceException("%s: %s needs %,d bytes but only %,d of %,d are left; lower the batch size or the tokens per batch"
          .formatted(owner, purpose, bytes, limit - used, limit));
    }
    try {
      MemorySegment segment = arena.allocate(Math.max(size, ALIGNMENT), ALIGNMENT).asSlice(0, bytes);
      used += size;
      return segment;
    } catch (OutOfMemoryError e) {
      throw new ResourceException("%s: the system refused %,d bytes for %s (%,d held already); lower the batch size or the tokens per batch"
          .formatted(owner, bytes, purpose, used), e);
    }
  }

  /** Bytes held now, padding to {@link #ALIGNMENT} included. */
  public synchronized long used() {
    return used;
  }

  /** Bytes a request occupies: rounded up to {@link #ALIGNMENT}. */
  public static long align(long bytes) {
    return bytes + ALIGNMENT - 1 & -ALIGNMENT;
  }

  /** Memory of the machine or, where it is smaller, the limit of the container. */
  public static long machineBytes() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
  }

  @Override
  public void close() {
    arena.close();
  }
}
