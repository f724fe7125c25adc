package io.github.lora4j.vector;

/**
 * Picks the kernels to run on. There is no silent fallback: scalar kernels are slower by a factor of hundreds, so who wants them
 * asks for them.
 */
public final class KernelProvider {
  private static final String MODULE = "jdk.incubator.vector";

  private static final String ADVICE = """
      vector kernels need the module %s, which this JVM was started without. Add it:
        java           java --add-modules %1$s ...
        Maven tests    surefire: <argLine>--add-modules %1$s</argLine>
        Gradle         tasks.withType(JavaExec).configureEach { jvmArgs '--add-modules', '%1$s' }  (tests: the same for Test)
        an IDE         run configuration, VM options: --add-modules %1$s
        Spring Boot    spring-boot-maven-plugin: <jvmArguments>--add-modules %1$s</jvmArguments>; \
      packaged: java --add-modules %1$s -jar app.jar
        anywhere       environment variable JDK_JAVA_OPTIONS="--add-modules %1$s"
      Or choose the slow scalar kernels by name: "reference".""".formatted(MODULE);

  private KernelProvider() {}

  /**
   * The kernels of this name.
   *
   * @param name "auto" or "vector" for {@link VectorKernels}, "reference" for {@link ReferenceKernels} in F32
   * @throws ConfigException if the JVM lacks the vector module, naming what to add and where; or for another name
   */
  public static Kernels select(String name) {
    return switch (name) {
      case "auto", "vector" -> vector();
      case "reference" -> new ReferenceKernels(DType.F32);
      default -> throw new ConfigException("kernels \"%s\" are unknown; choose auto, vector or reference".formatted(name));
    };
  }

  private static Kernels vector() {
    if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
      throw new ConfigException(ADVICE);
    }
    // VectorKernels is linked when this line first runs, not when this class is: without the module the check above comes first.
    return new VectorKernels();
  }
}
