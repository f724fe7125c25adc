package io.github.lora4j.tornado;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.lora4j.vector.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** What is called of NVIDIA's cuBLAS, by Java's own foreign functions. Results are those of F32 arithmetic: TF32 is off unless asked for. */
final class CuBlas {

  /** System property: the library's file, or "off". */
  static final String PROPERTY = "lora4j.cublas";

  private static final List<String> NAMES = List.of("libcublas.so.13", "libcublas.so.12", "libcublas.so", "cublas64_13.dll",
      "cublas64_12.dll");
  private static final int NONE = 0;
  private static final int TRANSPOSE = 1;

  private final MethodHandle create;
  private final MethodHandle destroy;
  private final MethodHandle setStream;
  private final MethodHandle sgemm;

  /** A handle bound to a stream, and the two factors of a call. */
  record Context(MemorySegment handle, MemorySegment factors) {}

  /**
   * Loads the library.
   *
   * @throws BackendException that says why not
   */
  CuBlas() {
    SymbolLookup library = load();
    create = function(library, "cublasCreate_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    destroy = function(library, "cublasDestroy_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    setStream = function(library, "cublasSetStream_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    sgemm = function(library, "cublasSgemm_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
        ADDRESS, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  }

  private static SymbolLookup load() {
    String named = System.getProperty(PROPERTY);
    if ("off".equals(named)) {
      throw new BackendException("-D" + PROPERTY + "=off");
    }
    List<String> names = named == null ? NAMES : List.of(named);
    for (String name : names) {
      try {
        return SymbolLookup.libraryLookup(name, Arena.global());
      } catch (IllegalArgumentException e) {
        // The next name.
      }
    }
    throw new BackendException(("none of %s is found; it comes with CUDA: put its folder on LD_LIBRARY_PATH (PATH on Windows), or name the file with "
        + "-D%s=FILE")
        .formatted(names, PROPERTY));
  }

  private static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(() -> new BackendException("the library has no " + name)),
        type);
  }

  /** Makes a handle whose calls join a stream of the device that is current on this thread. */
  Context open(long stream) {
    // Handles live as long as their plan, which may end on another thread, so a shared arena or none.
    MemorySegment handle = Arena.ofAuto().allocate(ADDRESS);
    try {
      check("cublasCreate", (int) create.invokeExact(handle));
      Context context = new Context(handle.get(ADDRESS, 0), Arena.ofAuto().allocate(JAVA_FLOAT, 2));
      check("cublasSetStream", (int) setStream.invokeExact(context.handle, stream));
      return context;
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  void close(Context context) {
    try {
      check("cublasDestroy", (int) destroy.invokeExact(context.handle));
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  /** Appends a call to the stream; {@code memory} and {@code weights} are addresses on the device of the arrays' first elements. */
  void sgemm(Context context, Sgemm call, long memory, long weights) {
    if (call.m() == 0 || call.n() == 0) {
      return;
    }
    context.factors.setAtIndex(JAVA_FLOAT, 0, call.alpha());
    context.factors.setAtIndex(JAVA_FLOAT, 1, call.beta());
    try {
      check("cublasSgemm", (int) sgemm.invokeExact(context.handle, call.transposeA() ? TRANSPOSE : NONE, call.transposeB() ? TRANSPOSE : NONE,
          call.m(), call.n(), call.k(), context.factors, (call.inWeights() ? weights : memory) + 4L * call.a(), call.lda(),
          memory + 4L * call.b(), call.ldb(), context.factors.asSlice(4), memory + 4L * call.c(), call.ldc()));
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  private static void check(String function, int status) {
    if (status != 0) {
      throw new BackendException("%s of cuBLAS fails with status %d; start with -D%s=off to do without".formatted(function, status, PROPERTY));
    }
  }

  private static RuntimeException failed(Throwable t) {
    return t instanceof RuntimeException e ? e : new BackendException("cuBLAS cannot be called: " + t, t);
  }
}
