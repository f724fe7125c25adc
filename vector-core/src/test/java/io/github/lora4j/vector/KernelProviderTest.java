package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelProviderTest {

  @Test
  void selectsByName() {
    assertInstanceOf(VectorKernels.class, KernelProvider.select("auto"));
    assertInstanceOf(VectorKernels.class, KernelProvider.select("vector"));
    assertInstanceOf(ReferenceKernels.class, KernelProvider.select("reference"));
    ConfigException e = assertThrows(ConfigException.class, () -> KernelProvider.select("gpu"));
    assertTrue(e.getMessage().contains("\"gpu\"") && e.getMessage().contains("reference"), e.getMessage());
  }

  @Test
  void withoutTheModuleEveryPlaceToAddItIsNamed() throws Exception {
    String output = withoutModule("auto");
    assertTrue(output.startsWith("ConfigException"), output);
    for (String place : List.of("java --add-modules jdk.incubator.vector", "<argLine>--add-modules jdk.incubator.vector</argLine>", "Gradle",
        "jvmArgs '--add-modules', 'jdk.incubator.vector'", "IDE", "Spring Boot", "\"reference\"")) {
      assertTrue(output.contains(place), place + " is missing in: " + output);
    }
  }

  @Test
  void withoutTheModuleTheScalarKernelsWork() throws Exception {
    assertEquals("reference: scalar, F32 with double accumulation", withoutModule("reference").strip());
  }

  /** What {@link Select} prints in a JVM without the vector module. */
  private static String withoutModule(String name) throws Exception {
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m", "-cp",
        System.getProperty("java.class.path"), Select.class.getName(), name).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  /** Prints what a selection gives. */
  static final class Select {
    public static void main(String[] args) {
      try {
        System.out.println(KernelProvider.select(args[0]).describe());
      } catch (ConfigException e) {
        System.out.println("ConfigException: " + e.getMessage());
      }
    }
  }
}
