package io.github.lora4j.checkpoint.internal;

import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.checkpoint.internal.PickleReader.Global;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;

/** The Python names that a state dict of tensors consists of, and nothing else; every other name is refused. */
final class TorchCalls implements PickleReader.Calls {

  private static final String DICT = "collections.OrderedDict";
  private static final String PARAMETER = "torch._utils._rebuild_parameter";
  private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
  private static final String OLD_TENSOR = "torch._utils._rebuild_tensor";
  private static final Set<String> FUNCTIONS = Set.of(DICT, PARAMETER, TENSOR, OLD_TENSOR);

  private final String file;

  TorchCalls(String file) {
    this.file = file;
  }

  @Override
  public Global global(String name) {
    if (FUNCTIONS.contains(name) || TorchStorageType.of(name).isPresent()) {
      return new Global(name);
    }
    boolean storage = name.startsWith("torch.") && name.endsWith("Storage");
    throw broken(storage ? "holds elements of a type that lora4j does not have: " + name
        : "names the Python object %s; only dictionaries of plain tensors are read, and nothing in a file is ever executed. "
            .formatted(name) + "If you trust the file, save its state dict alone: torch.save(model.state_dict(), file)");
  }

  @Override
  public Object call(Global function, List<?> arguments) {
    return switch (function.name()) {
      case DICT -> arguments.isEmpty() ? new LinkedHashMap<>() : fail("an OrderedDict made from arguments");
      case PARAMETER -> argument(arguments, 0, TorchTensor.class, "a parameter's tensor");
      case TENSOR, OLD_TENSOR -> tensor(arguments);
      default -> fail("a call of " + function.name());
    };
  }

  @Override
  public Object persistent(Object id) {
    if (!(id instanceof List<?> parts) || parts.size() < 5 || !"storage".equals(parts.getFirst())) {
      return fail("something beside the pickle that is no storage");
    }
    String type = argument(parts, 1, Global.class, "a storage's class").name();
    return new TorchTensor.Storage(TorchStorageType.of(type).orElseThrow(() -> broken("has a storage of class " + type)),
        argument(parts, 2, String.class, "a storage's key"), argument(parts, 4, Long.class, "a storage's size"));
  }

  private TorchTensor tensor(List<?> arguments) {
    TorchTensor.Storage storage = argument(arguments, 0, TorchTensor.Storage.class, "a tensor's storage");
    long offset = argument(arguments, 1, Long.class, "a tensor's offset");
    List<Long> shape = longs(argument(arguments, 2, List.class, "a tensor's shape"));
    List<Long> strides = longs(argument(arguments, 3, List.class, "a tensor's strides"));
    String where = "a tensor of shape %s, strides %s, offset %d of storage %s with %d elements"
        .formatted(shape, strides, offset, storage.key(), storage.elements());
    if (shape.size() != strides.size() || shape.size() > 64) {
      fail(where + ": shape and strides do not fit");
    }
    TensorInfo info;
    try {
      info = new TensorInfo("", storage.type().dtype(), shape);
      long last = offset;
      for (int d = 0; d < shape.size(); d++) {
        last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape.get(d) - 1), strides.get(d)));
      }
      boolean inside = offset >= 0 && storage.elements() >= 0 && strides.stream().allMatch(s -> s >= 0)
          && (info.elements() == 0 ? offset <= storage.elements() : last < storage.elements());
      if (!inside) {
        fail(where + ": it reaches outside of its storage");
      }
    } catch (ArithmeticException | io.github.lora4j.vector.ConfigException e) {
      throw broken("has " + where + ": the sizes are absurd");
    }
    // A stride of 0 repeats elements: a file of a few bytes could ask for all memory.
    if (info.elements() > storage.elements()) {
      fail(where + ": it repeats elements; save it as tensor.contiguous()");
    }
    return new TorchTensor(info, storage, offset, strides);
  }

  private List<Long> longs(List<?> values) {
    List<Long> result = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      result.add(argument(values, i, Long.class, "a tensor's shape and strides"));
    }
    return result;
  }

  private <T> T argument(List<?> arguments, int index, Class<T> type, String what) {
    if (index >= arguments.size() || !type.isInstance(arguments.get(index))) {
      throw broken("expected " + what + ", but there is none or it is of another kind");
    }
    return type.cast(arguments.get(index));
  }

  private Object fail(String what) {
    throw broken("has " + what);
  }

  private FormatException broken(String what) {
    return new FormatException(file + ": data.pkl " + what);
  }
}
