package io.github.lora4j.tornado;

import io.github.lora4j.vector.BackendException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Products by cuBLAS, as library tasks of TornadoVM 5.2 and later: among the tasks of a graph they are called with the device's addresses of
 * the arrays, on the graph's stream. That API is newer than the one this module compiles against, so it is looked up by name, here and
 * nowhere else.
 *
 * <p>TornadoVM's own binding takes whole arrays and factors that are compiled in. Ours takes ranges of the arenas, with live rows as they
 * are at the call; so it is a provider of its own beside TornadoVM's.
 */
final class LibraryTasks {

  private static final String LIBRARY = "lora4j/cublas";
  private static final String RUNTIME = "uk.ac.manchester.tornado.runtime.";
  private static final String API = "uk.ac.manchester.tornado.api.";

  /** Or why there are none. */
  private record Found(@Nullable LibraryTasks tasks, String reason) {}

  private static @Nullable Found found;

  private final CuBlas cublas;
  private final Class<?> descriptor;
  private final Class<?> taskOfFive;
  private final Method libraryTask;

  private LibraryTasks() throws ReflectiveOperationException {
    descriptor = Class.forName(API + "common.LibraryTaskDescriptor");
    taskOfFive = Class.forName(API + "common.TornadoFunctions$LibraryTask5");
    libraryTask = Arrays.stream(TaskGraph.class.getMethods()).filter(method -> method.getName().equals("libraryTask")
        && method.getParameterTypes()[1] == taskOfFive).findFirst().orElseThrow(() -> new NoSuchMethodException("TaskGraph.libraryTask"));
    cublas = new CuBlas();
    register();
  }

  /** Whether products on this backend can be library tasks; the first call looks for the library. */
  static boolean available(String backend) {
    return find(backend).tasks != null;
  }

  /** The tasks of a backend for which they are available. */
  static @Nullable LibraryTasks of(String backend) {
    return find(backend).tasks;
  }

  /** For people: what makes the products, and why not cuBLAS. */
  static String describe(String backend) {
    if (!backend.equals("cuda")) {
      return "own products";
    }
    Found here = find(backend);
    return here.tasks != null ? "products by cuBLAS" : "own products, for cuBLAS is not used: " + here.reason;
  }

  private static synchronized Found find(String backend) {
    if (!backend.equals("cuda")) {
      return new Found(null, "it is called by TornadoVM's CUDA backend alone");
    }
    if (found == null) {
      try {
        found = new Found(new LibraryTasks(), "");
      } catch (BackendException e) {
        found = new Found(null, e.getMessage());
      } catch (ReflectiveOperationException | LinkageError e) {
        found = new Found(null, "this TornadoVM calls no libraries (" + e + ")");
      }
    }
    return found;
  }

  /** Joins our provider to those that TornadoVM found as services: it looks for them among modules only. */
  private void register() throws ReflectiveOperationException {
    Class<?> provider = Class.forName(RUNTIME + "library.spi.TornadoLibraryProvider");
    Class<?> context = Class.forName(RUNTIME + "library.spi.LibraryContext");
    Class<?> stream = Class.forName(RUNTIME + "library.spi.TornadoNativeStreamSupport");
    Class<?> invocation = Class.forName(RUNTIME + "library.spi.LibraryInvocation");
    Method nativeStream = stream.getMethod("getNativeStream", long.class);
    Method pointer = invocation.getMethod("getDevicePointer", int.class);
    Method state = invocation.getMethod("getContext");
    Method tuning = invocation.getMethod("getTuning");
    InvocationHandler handler = (proxy, method, arguments) -> switch (method.getName()) {
      case "libraryName" -> LIBRARY;
      case "canHandle" -> stream.isInstance(arguments[0]);
      case "createContext" -> {
        CuBlas.Context made = cublas.open((long) nativeStream.invoke(arguments[0], arguments[1]));
        // A marker interface: the state is the handler.
        yield Proxy.newProxyInstance(context.getClassLoader(), new Class<?>[] {context}, new State(made));
      }
      case "dispatch" -> {
        State own = (State) Proxy.getInvocationHandler(state.invoke(arguments[1]));
        Sgemm call = (Sgemm) ((Supplier<?>) tuning.invoke(arguments[1])).get();
        cublas.sgemm(own.context, call, (long) pointer.invoke(arguments[1], 3), (long) pointer.invoke(arguments[1], 4));
        yield null;
      }
      case "destroyContext" -> {
        cublas.close(((State) Proxy.getInvocationHandler(arguments[0])).context);
        yield null;
      }
      case "equals" -> proxy == arguments[0];
      case "hashCode" -> System.identityHashCode(proxy);
      case "toString" -> LIBRARY;
      default -> null;
    };
    Method providers = Class.forName(RUNTIME + "library.LibraryRegistry").getDeclaredMethod("getProviders");
    providers.setAccessible(true);
    @SuppressWarnings("unchecked")
    List<Object> known = (List<Object>) providers.invoke(null);
    known.add(Proxy.newProxyInstance(provider.getClassLoader(), new Class<?>[] {provider}, handler));
  }

  private record State(CuBlas.Context context) implements InvocationHandler {
    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) {
      return switch (method.getName()) {
        case "equals" -> proxy == arguments[0];
        case "hashCode" -> System.identityHashCode(proxy);
        default -> LIBRARY;
      };
    }
  }

  /**
   * Adds a product to a graph. It names all arrays, for TornadoVM keeps on the device only what tasks name.
   *
   * @param bank where its right operand is, if in weights
   * @param call asked at each run of the graph
   */
  void add(TaskGraph graph, String name, IntArray cursor, Arenas arenas, Arenas.Bank bank, Supplier<Sgemm> call) {
    try {
      Object made = descriptor.getConstructor().newInstance();
      descriptor.getMethod("withLibrary", String.class).invoke(made, LIBRARY);
      descriptor.getMethod("withFunction", String.class).invoke(made, "cublasSgemm");
      Object[] arrays = {cursor, bank.table(), arenas.ints(), arenas.memory(), bank.weights()};
      descriptor.getMethod("withParameters", Object[].class).invoke(made, (Object) arrays);
      Access[] access = {Access.READ_ONLY, Access.READ_ONLY, Access.READ_ONLY, Access.READ_WRITE, Access.READ_ONLY};
      descriptor.getMethod("withAccess", Access[].class).invoke(made, (Object) access);
      descriptor.getMethod("withTuning", Object.class).invoke(made, call);
      Object task = Proxy.newProxyInstance(taskOfFive.getClassLoader(), new Class<?>[] {taskOfFive}, (proxy, method, arguments) -> made);
      libraryTask.invoke(graph, name, task, cursor, bank.table(), arenas.ints(), arenas.memory(), bank.weights());
    } catch (InvocationTargetException e) {
      throw new BackendException("TornadoVM refuses a product by cuBLAS: %s; start with -D%s=off to do without".formatted(e.getCause(),
          CuBlas.PROPERTY), e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new BackendException("this TornadoVM's library tasks are not those that lora4j knows: %s; start with -D%s=off to do without".formatted(
          e, CuBlas.PROPERTY), e);
    }
  }
}
