package io.github.lora4j.testkit;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.lang.ArchRule;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who may know whom. */
class ArchitectureTest {

  private static final String ROOT = "io.github.lora4j.";
  private static final JavaClasses CLASSES = ShippedClasses.ALL;

  /** Rules hold on what is there to be checked. */
  @Test
  void everyModuleIsChecked() {
    for (String module : new String[] {"vector", "checkpoint", "graph", "tokenizer", "models", "lora", "train", "generate", "inference", "serve",
        "langchain4j", "cli", "testkit"}) {
      assertTrue(CLASSES.containPackage(ROOT + module), module);
    }
    assertThrows(AssertionError.class, () -> only("graph", "jdk.incubator.vector.."), "a rule that is broken is seen");
  }

  /** Modules know those they stand on, and nobody above them. */
  @Test
  void arrowsPointDown() {
    layeredArchitecture().consideringOnlyDependenciesInAnyPackage("io.github.lora4j..").withOptionalLayers(true)
        .layer("vector").definedBy(ROOT + "vector..")
        .layer("checkpoint").definedBy(ROOT + "checkpoint..")
        .layer("graph").definedBy(ROOT + "graph..")
        .layer("tokenizer").definedBy(ROOT + "tokenizer..")
        .layer("models").definedBy(ROOT + "models..")
        .layer("lora").definedBy(ROOT + "lora..")
        .layer("adalora").definedBy(ROOT + "adalora..")
        .layer("train").definedBy(ROOT + "train..")
        .layer("generate").definedBy(ROOT + "generate..")
        .layer("tornado").definedBy(ROOT + "tornado..")
        .layer("facade").definedBy("io.github.lora4j", ROOT + "inference..")
        .layer("serve").definedBy(ROOT + "serve..")
        .layer("langchain4j").definedBy(ROOT + "langchain4j..")
        .layer("cli").definedBy(ROOT + "cli..")
        .layer("bench").definedBy(ROOT + "bench..")
        .layer("testkit").definedBy(ROOT + "testkit..")
        .layer("golden").definedBy(ROOT + "golden..")
        .whereLayer("vector").mayNotAccessAnyLayer()
        .whereLayer("checkpoint").mayOnlyAccessLayers("vector")
        .whereLayer("graph").mayOnlyAccessLayers("vector")
        .whereLayer("tokenizer").mayOnlyAccessLayers("vector", "checkpoint")
        .whereLayer("models").mayOnlyAccessLayers("vector", "checkpoint", "graph")
        .whereLayer("lora").mayOnlyAccessLayers("vector", "checkpoint", "graph")
        .whereLayer("adalora").mayOnlyAccessLayers("vector", "checkpoint", "graph", "lora")
        .whereLayer("train").mayOnlyAccessLayers("vector", "checkpoint", "graph", "tokenizer", "models", "lora", "generate")
        .whereLayer("generate").mayOnlyAccessLayers("vector", "checkpoint", "graph", "tokenizer", "models", "lora")
        .whereLayer("tornado").mayOnlyAccessLayers("vector", "graph")
        .whereLayer("facade").mayOnlyAccessLayers("vector", "checkpoint", "graph", "tokenizer", "models", "lora", "train", "generate")
        .whereLayer("serve").mayOnlyAccessLayers("vector", "checkpoint", "graph", "tokenizer", "models", "lora", "train", "generate", "facade")
        .whereLayer("langchain4j").mayOnlyAccessLayers("generate", "facade")
        .whereLayer("cli").mayOnlyAccessLayers("vector", "checkpoint", "graph", "tokenizer", "models", "lora", "adalora", "train",
            "generate", "facade", "serve")
        .whereLayer("bench").mayOnlyAccessLayers("vector", "checkpoint", "graph", "models", "lora", "train", "generate", "cli")
        .whereLayer("bench").mayNotBeAccessedByAnyLayer()
        .whereLayer("testkit").mayOnlyAccessLayers("vector", "graph")
        .whereLayer("testkit").mayOnlyBeAccessedByLayers("golden")
        .whereLayer("golden").mayNotBeAccessedByAnyLayer()
        .ensureAllClassesAreContainedInArchitecture()
        .check(CLASSES);
  }

  @Test
  void theVectorApiIsKnownToVectorCoreAlone() {
    only("vector", "jdk.incubator.vector..");
  }

  @Test
  void tornadoIsKnownToItsBackendAlone() {
    only("tornado", "uk.ac.manchester..");
  }

  private static void only(String module, String packages) {
    noClasses().that().resideOutsideOfPackage(ROOT + module + "..").should().dependOnClassesThat().resideInAPackage(packages)
        .allowEmptyShould(true).check(CLASSES);
  }

  /** A backend is opened by its name, so that adapters, models and training run on all of them. */
  @Test
  void onlyEntryPointsNameABackend() {
    rule(noClasses().that().resideInAnyPackage(ROOT + "lora..", ROOT + "adalora..", ROOT + "models..", ROOT + "train..", ROOT + "generate..",
        ROOT + "inference..", ROOT + "serve..")
        .should().dependOnClassesThat().resideInAnyPackage(ROOT + "graph.cpu..", ROOT + "tornado.."));
  }

  /**
   * What lies around another adapter forwards to it. One that only asks plain LoRA what of the base trains along says all of that itself:
   * a default in its place trains or saves something else in silence.
   */
  @Test
  void adaptersAroundOthersForward() {
    List<String> ofTheBase = List.of("trainableGroup", "untied", "sharedChanges", "storedCopies", "notes");
    List<String> silent = CLASSES.stream().filter(c -> c.isAssignableTo(Adapter.class) && !c.isAssignableTo(ForwardingAdapter.class))
        .filter(c -> c.getFields().stream().anyMatch(f -> f.getRawType().isAssignableTo(Adapter.class) && !f.getModifiers()
            .contains(JavaModifier.STATIC)))
        .flatMap(c -> ofTheBase.stream().filter(name -> c.getMethods().stream().noneMatch(m -> m.getName().equals(name)))
            .map(name -> c.getSimpleName() + " leaves out " + name)).sorted().toList();
    assertEquals(List.of(), silent);
    assertTrue(CLASSES.stream().filter(c -> c.isAssignableTo(ForwardingAdapter.class)).count() > 3);
  }

  /** A library writes to no console and ends no process. */
  @Test
  void onlyCommandsTalkToTheConsole() {
    rule(noClasses().that().resideOutsideOfPackages(ROOT + "cli..", ROOT + "bench..").should().callMethod(System.class, "exit", int.class)
        .orShould().callMethod(Runtime.class, "exit", int.class).orShould().callMethod(Runtime.class, "halt", int.class)
        .orShould().accessField(System.class, "out").orShould().accessField(System.class, "err")
        .orShould().callMethod(Throwable.class, "printStackTrace"));
  }

  /** What lies in an internal package is used by its own module only. */
  @Test
  void internalsStayInTheirModule() {
    for (String module : new String[] {"vector", "checkpoint", "graph", "tokenizer", "models", "lora", "adalora", "train", "generate", "inference",
        "serve", "cli", "tornado", "bench"}) {
      rule(noClasses().that().resideOutsideOfPackage(ROOT + module + "..").should().dependOnClassesThat()
          .resideInAnyPackage(ROOT + module + ".internal..", ROOT + module + "..internal.."));
    }
  }

  private static void rule(ArchRule rule) {
    rule.allowEmptyShould(true).check(CLASSES);
  }
}
