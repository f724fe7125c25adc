package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A state dict that {@code torch.save} wrote (PyTorch 1.6 and later: a zip archive of a pickle and one entry for each storage). The pickle
 * is read as data, never executed. Views, shared storages and any strides read as the tensors they are.
 */
final class Torch extends TensorTable<TorchTensor> {

  private final TorchArchive archive;

  private Torch(TorchArchive archive, SequencedMap<String, TorchTensor> tensors) {
    super(archive.path(), tensors, Map.of());
    this.archive = archive;
  }

  static Torch open(Path path) {
    TorchArchive archive = TorchArchive.open(path);
    try {
      return new Torch(archive, tensors(archive));
    } catch (RuntimeException | Error e) {
      archive.close();
      throw e;
    }
  }

  private static SequencedMap<String, TorchTensor> tensors(TorchArchive archive) {
    Object root;
    try {
      root = new PickleReader(archive.pickle(), new TorchCalls(archive.path().toString())).read();
    } catch (PickleReader.Malformed e) {
      throw archive.broken("data.pkl " + e.getMessage());
    }
    if (!(root instanceof Map<?, ?> state)) {
      throw archive.broken("holds no state dict but a single value; expected a dictionary from names to tensors");
    }
    SequencedMap<String, TorchTensor> tensors = new LinkedHashMap<>();
    state.forEach((key, value) -> {
      if (!(value instanceof TorchTensor tensor)) {
        throw archive.broken("key %s: expected a tensor, got %s; save the state dict alone: torch.save(model.state_dict(), file)"
            .formatted(key, value instanceof Map ? "a dictionary" : "a value of another kind"));
      }
      archive.requireStorage(key.toString(), tensor.storage());
      tensors.put(key.toString(), tensor.named(key.toString()));
    });
    return tensors;
  }

  @Override
  TensorInfo info(TorchTensor tensor) {
    return tensor.info();
  }

  @Override
  void read(TorchTensor tensor, DType as, MemorySegment target) {
    if (tensor.info().elements() == 0) {
      TensorReader.read(describe(), tensor.info(), _ -> { }, as, target);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      int bytes = tensor.info().dtype().bytes();
      MemorySegment storage = arena.allocate(tensor.storage().elements() * bytes, 64);
      // All of it, even if the tensor is a small part: only so the checksum can be known.
      archive.read(tensor.info().name(), tensor.storage(), storage);
      TensorReader.read(describe(), tensor.info(), new Gather(tensor, storage), as, target);
    }
  }

  /** The elements of a view in row-major order. */
  private static final class Gather implements TensorReader.Elements {
    private final TorchTensor tensor;
    private final MemorySegment storage;
    private final int bytes;
    private final long[] index;
    private long position;

    Gather(TorchTensor tensor, MemorySegment storage) {
      this.tensor = tensor;
      this.storage = storage;
      bytes = tensor.info().dtype().bytes();
      index = new long[tensor.strides().size()];
      position = tensor.offset();
    }

    @Override
    public void next(MemorySegment target) {
      if (tensor.contiguous()) {
        MemorySegment.copy(storage, position * bytes, target, 0, target.byteSize());
        position += target.byteSize() / bytes;
        return;
      }
      for (long at = 0; at < target.byteSize(); at += bytes) {
        MemorySegment.copy(storage, position * bytes, target, at, bytes);
        advance();
      }
    }

    private void advance() {
      for (int d = index.length - 1; d >= 0; d--) {
        position += tensor.strides().get(d);
        if (++index[d] < tensor.info().shape().get(d)) {
          return;
        }
        position -= index[d] * tensor.strides().get(d);
        index[d] = 0;
      }
    }
  }

  @Override
  public void close() {
    archive.close();
  }
}
