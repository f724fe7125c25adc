package io.github.lora4j.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** oneDNN's single-precision matrix product, from a library the user names; runs on the threads that OMP_NUM_THREADS allows. */
final class OneDnn {

  private final MethodHandle sgemm;

  /** Loads {@code library}, for example {@code libdnnl.so.3} of the Maven artifact org.bytedeco:dnnl, unzipped. */
  OneDnn(Path library) {
    MemorySegment symbol = SymbolLookup.libraryLookup(library, Arena.global()).findOrThrow("dnnl_sgemm");
    sgemm = Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_BYTE,
        ValueLayout.JAVA_BYTE, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_FLOAT,
        ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_FLOAT,
        ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
  }

  /** C[m,n] = op(A)·op(B) + beta·C, row-major. */
  void multiply(boolean transposeA, boolean transposeB, int m, int n, int k, MemorySegment a, MemorySegment b, float beta,
      MemorySegment c) {
    try {
      int status = (int) sgemm.invokeExact((byte) (transposeA ? 'T' : 'N'), (byte) (transposeB ? 'T' : 'N'), (long) m, (long) n, (long) k,
          1f, a, (long) (transposeA ? m : k), b, (long) (transposeB ? k : n), beta, c, (long) n);
      if (status != 0) {
        throw new IllegalStateException("dnnl_sgemm returned " + status);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
