package io.github.lora4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What methods take. Longer lists of arguments are records, which name them; what need not be given is another method, not an {@code Optional}. */
class SignaturesTest {

  private static final String ROOT = "io.github.lora4j.";
  private static final int MOST = 7;
  private static final Path OPTIONALS = Path.of("src/test/resources/optionals.txt");

  /** Where lists are longer, and why. Constructors of records are left out: records are what long lists become. */
  private static final Set<String> KERNELS = Set.of(
      // Kernels take what BLAS and LAPACK take: matrices, sizes, strides. They run thousands of times a step, and a record would be allocated each
      // time.
      "vector.Kernels", "vector.ReferenceKernels", "vector.VectorKernels", "vector.internal",
      // Kernels and what starts them once a step; on a GPU their parameters are a kernel's parameters.
      "graph.cpu.HeadTasks", "tornado.Attending", "tornado.Copies", "tornado.Kernel", "tornado.Product", "tornado.Rows");

  @Test
  void argumentListsAreShort() {
    Set<String> used = new TreeSet<>();
    List<String> lengthy = ShippedClasses.ALL.stream().flatMap(type -> type.getCodeUnits().stream())
        .filter(unit -> unit.getRawParameterTypes().size() > MOST && !synthetic(unit) && !ofRecord(unit))
        .filter(unit -> KERNELS.stream().filter(place -> unit.getOwner().getName().startsWith(ROOT + place)).peek(used::add).findAny().isEmpty())
        .map(unit -> "%s.%s takes %d".formatted(unit.getOwner().getName(), unit.getName(), unit.getRawParameterTypes().size())).sorted().toList();
    assertEquals(List.of(), lengthy);
    assertEquals(new TreeSet<>(KERNELS), used, "exceptions that are none");
  }

  /**
   * The list of exceptions is of the time before the rule; it shrinks. {@code -Doptionals.update=true} writes it without those that are gone.
   */
  @Test
  void optionalIsWhatMethodsReturn() throws IOException {
    Set<String> found = ShippedClasses.ALL.stream().flatMap(SignaturesTest::optionals).collect(Collectors.toCollection(TreeSet::new));
    Set<String> listed = new TreeSet<>(Files.readAllLines(OPTIONALS));
    if (Boolean.getBoolean("optionals.update")) {
      listed.retainAll(found);
      Files.write(OPTIONALS, listed);
    }
    assertTrue(found.size() > 10, "something is seen");
    Set<String> added = new TreeSet<>(found);
    added.removeAll(listed);
    assertEquals(Set.of(), added, "an Optional that is a parameter or a field; Optional is what methods return");
    listed.removeAll(found);
    assertEquals(Set.of(), listed, "exceptions that are none; run this test with -Doptionals.update=true");
  }

  /** Parameters and fields of a type that are optional. A component of a record is what its accessor returns, and what its constructor takes. */
  private static Stream<String> optionals(JavaClass type) {
    Stream<String> parameters = type.getCodeUnits().stream().filter(unit -> !synthetic(unit) && !ofRecord(unit))
        .filter(unit -> unit.getRawParameterTypes().stream().anyMatch(SignaturesTest::optional)).map(unit -> name(type) + "." + unit.getName()
        + "()");
    Stream<String> fields = type.getFields().stream().filter(field -> !type.isRecord() || field.getModifiers().contains(JavaModifier.STATIC))
        .filter(field -> optional(field.getRawType())).map(field -> name(type) + "." + field.getName());
    return Stream.concat(parameters, fields);
  }

  private static String name(JavaClass type) {
    return type.getName().substring(ROOT.length());
  }

  private static boolean optional(JavaClass type) {
    return type.getName().matches("java\\.util\\.Optional(Int|Long|Double)?");
  }

  private static boolean synthetic(JavaCodeUnit unit) {
    return unit.getModifiers().contains(JavaModifier.SYNTHETIC) || unit.getName().startsWith("lambda$");
  }

  private static boolean ofRecord(JavaCodeUnit unit) {
    return unit.isConstructor() && unit.getOwner().isRecord();
  }
}
