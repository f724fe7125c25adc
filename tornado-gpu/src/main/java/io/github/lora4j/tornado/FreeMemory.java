package io.github.lora4j.tornado;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Memory that is free on a device. TornadoVM only tells how much there is in all, and OpenCL knows no more. */
final class FreeMemory {

  private static final List<String> DRIVERS = List.of("libcuda.so.1", "nvcuda.dll");

  private FreeMemory() {}

  /** Free bytes, from NVIDIA's driver, of the device that is current on this thread; empty where nobody tells. */
  static OptionalLong bytes(String backend) {
    if (!backend.equals("cuda") && !backend.equals("ptx")) {
      return OptionalLong.empty();
    }
    for (String driver : DRIVERS) {
      try (Arena arena = Arena.ofConfined()) {
        Optional<MemorySegment> function = SymbolLookup.libraryLookup(driver, Arena.global()).find("cuMemGetInfo_v2");
        if (function.isEmpty()) {
          return OptionalLong.empty();
        }
        MemorySegment free = arena.allocate(JAVA_LONG);
        int status = (int) Linker.nativeLinker().downcallHandle(function.get(), FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS))
            .invokeExact(free, arena.allocate(JAVA_LONG));
        return status == 0 ? OptionalLong.of(free.get(JAVA_LONG, 0)) : OptionalLong.empty();
      } catch (IllegalArgumentException e) {
        // The other system's name.
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable t) {
        throw new IllegalStateException(t);
      }
    }
    return OptionalLong.empty();
  }
}
