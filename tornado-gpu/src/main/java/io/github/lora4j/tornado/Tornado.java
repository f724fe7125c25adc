package io.github.lora4j.tornado;

import io.github.lora4j.vector.BackendException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** The TornadoVM of this process: whether it is there, how to start so that it is, and its devices. */
final class Tornado {

  /**
   * Settings that TornadoVM reads when it is first touched. Without the first, a kernel that does not compile, or a graph that is too
   * long, runs as Java on one thread and gives wrong results without a word. The limit on device memory is ours, see {@link TornadoGpu}. For
   * every task TornadoVM keeps an array of max.events integers and fills it anew at each run: with its 32,768 that was most of what the host
   * does for a step, and 128 KB a task. A graph has at most {@link Lowering#MOST_TASKS} tasks.
   */
  private static final Map<String, String> SETTINGS = Map.of(
      "tornado.recover.bailout", "false",
      "tornado.compiler.fullInlining", "true",
      "tornado.tvm.maxbytecodesize", "1048576",
      "tornado.max.events", "1024",
      "tornado.opencl.compiler.flags", "-cl-std=CL1.2",
      "tornado.device.memory", "4096GB");

  /** In place of a device's number: the first GPU, or the first of all. */
  static final int ANY = -1;

  private Tornado() {}

  /** Why TornadoVM cannot be used in this process, with the way to start one where it can. */
  static Optional<String> absent() {
    String home = System.getenv("TORNADOVM_HOME");
    if (ModuleLayer.boot().findModule("tornado.runtime").isPresent()) {
      return Optional.empty();
    }
    if (home == null) {
      return Optional.of("TornadoVM is not in this process and TORNADOVM_HOME is not set: install TornadoVM 5 for JDK 25 (https://www.tornadovm.org; "
          + "sdk install tornadovm), set TORNADOVM_HOME to its folder, and start again with ./lora4j");
    }
    return Optional.of(("this process was started without TornadoVM; start it with ./lora4j ... --backend NAME, or with: "
        + "java @%s/tornado-argfile -XX:MaxDirectMemorySize=16g --enable-native-access=ALL-UNNAMED -cp CLASS_PATH MAIN_CLASS").formatted(home));
  }

  /**
   * A device of a backend.
   *
   * @param name "opencl", "ptx", "cuda"
   * @param number from 0, or {@link #ANY}
   * @throws BackendException that names what there is, if it is not there
   */
  static TornadoDevice device(String name, int number) {
    SETTINGS.forEach(System::setProperty);
    TornadoRuntime runtime;
    try {
      runtime = TornadoRuntimeProvider.getTornadoRuntime();
    } catch (RuntimeException | Error e) {
      throw new BackendException("TornadoVM does not start: %s. Check that TORNADOVM_HOME/bin/tornado --devices works".formatted(e), e);
    }
    List<String> backends = new ArrayList<>();
    for (int b = 0; b < runtime.getNumBackends(); b++) {
      String type = runtime.getBackendType(b).name().toLowerCase(Locale.ROOT);
      backends.add(type);
      if (type.equals(name)) {
        try {
          return device(runtime.getBackend(b), name, number);
        } catch (BackendException e) {
          throw e;
        } catch (RuntimeException e) {
          // TornadoVM's own, not named here: the name alone would need TornadoVM where there is none.
          throw new BackendException("backend %s finds no device that TornadoVM can use: is the driver installed? (%s)".formatted(name,
              e.getMessage()), e);
        }
      }
    }
    throw new BackendException(("this process was started with %s, not with %s: start it with --backend %s, and a TornadoVM in TORNADOVM_HOME built "
        + "for it")
        .formatted(String.join(", ", backends), name, name));
  }

  private static TornadoDevice device(TornadoBackend backend, String name, int number) {
    int count = backend.getNumDevices();
    if (count == 0) {
      throw new BackendException("backend %s finds no device: is the driver installed?".formatted(name));
    }
    if (number != ANY) {
      if (number >= count) {
        throw new BackendException("backend %s has %d device%s, numbered from 0; got %d: %s".formatted(name, count, count == 1 ? "" : "s",
            number, backend.getAllDevices().stream().map(Tornado::describe).toList()));
      }
      return backend.getDevice(number);
    }
    return backend.getAllDevices().stream().filter(Tornado::gpu).findFirst().orElseGet(() -> backend.getDevice(0));
  }

  static boolean gpu(TornadoDevice device) {
    return device.getDeviceType() == TornadoDeviceType.GPU;
  }

  static String describe(TornadoDevice device) {
    return "%s (%s), %,d MB".formatted(device.getPhysicalDevice().getDeviceName(), device.getDeviceType(),
        device.getMaxGlobalMemory() >> 20);
  }
}
