package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import java.util.List;

/**
 * A tensor of a PyTorch file: a view of a storage, which several tensors may share.
 *
 * @param info dtype, shape, and the name once it is known
 * @param storage where its elements are
 * @param offset its first element in the storage
 * @param strides elements from one index of a dimension to the next
 */
record TorchTensor(TensorInfo info, Storage storage, long offset, List<Long> strides) {

  /**
   * Elements that lie in a row.
   *
   * @param type the Python class, which says the element type
   * @param key the name of the entry "data/key"
   * @param elements how many there are
   */
  record Storage(TorchStorageType type, String key, long elements) {}

  /** The same tensor under a name. */
  TorchTensor named(String name) {
    return new TorchTensor(new TensorInfo(name, info.dtype(), info.shape()), storage, offset, strides);
  }

  /** Whether the elements lie row-major without gaps. */
  boolean contiguous() {
    long expected = 1;
    for (int d = strides.size() - 1; d >= 0; d--) {
      if (info.shape().get(d) != 1 && strides.get(d) != expected) {
        return false;
      }
      expected *= info.shape().get(d);
    }
    return true;
  }
}
