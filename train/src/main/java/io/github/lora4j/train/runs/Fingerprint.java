package io.github.lora4j.train.runs;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * A checkpoint that takes a checksum of each tensor as it is read, so that a run knows the weights it was built on without reading
 * them twice: names, types, shapes and values of all that was read. Closing it closes nothing.
 */
public final class Fingerprint implements Checkpoint {

  private static final long CHUNK = 1L << 30;

  private final Checkpoint from;
  private final Map<String, String> read = new TreeMap<>();

  /** Reads through a checkpoint, which it does not close. */
  public Fingerprint(Checkpoint from) {
    this.from = from;
  }

  /** The checksum of everything read so far, whatever the order. */
  public String value() {
    CRC32C all = new CRC32C();
    read.forEach((name, line) -> all.update("%s %s%n".formatted(name, line).getBytes(StandardCharsets.UTF_8)));
    return "%08x of %s tensors".formatted(all.getValue(), read.size());
  }

  @Override
  public Set<String> names() {
    return from.names();
  }

  @Override
  public TensorInfo info(String name) {
    return from.info(name);
  }

  @Override
  public void read(String name, DType as, MemorySegment target) {
    from.read(name, as, target);
    if (!read.containsKey(name)) {
      read.put(name, "%s %s %08x".formatted(info(name).dtype(), info(name).shape(), checksum(target)));
    }
  }

  private static long checksum(MemorySegment data) {
    CRC32C checksum = new CRC32C();
    for (long at = 0; at < data.byteSize(); at += CHUNK) {
      checksum.update(data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
    }
    return checksum.getValue();
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    from.read(name, as, target);
    if (!read.containsKey(name)) {
      read.put(name, "%s %s %08x".formatted(info(name).dtype(), info(name).shape(), checksum(target)));
    }
  }

  @Override
  public WeightFormat stored(String name) {
    return from.stored(name);
  }

  @Override
  public boolean turned(String name) {
    return from.turned(name);
  }

  @Override
  public Map<String, String> metadata() {
    return from.metadata();
  }

  @Override
  public String describe() {
    return from.describe();
  }

  @Override
  public void close() {
    // The one it reads from is its opener's to close.
  }
}
