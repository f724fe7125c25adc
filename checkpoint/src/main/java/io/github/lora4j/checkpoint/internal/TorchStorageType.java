package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.vector.DType;
import java.util.Arrays;
import java.util.Optional;

/** The storage classes of PyTorch whose elements lora4j has a type for. */
enum TorchStorageType {
  FloatStorage(DType.F32), DoubleStorage(DType.F64), HalfStorage(DType.F16), BFloat16Storage(DType.BF16), LongStorage(DType.I64),
  IntStorage(DType.I32), ShortStorage(DType.I16), CharStorage(DType.I8), ByteStorage(DType.U8), BoolStorage(DType.BOOL);

  private final DType dtype;

  TorchStorageType(DType dtype) {
    this.dtype = dtype;
  }

  DType dtype() {
    return dtype;
  }

  /** By the qualified name of the Python class. */
  static Optional<TorchStorageType> of(String global) {
    return Arrays.stream(values()).filter(type -> global.equals("torch." + type.name())).findFirst();
  }
}
