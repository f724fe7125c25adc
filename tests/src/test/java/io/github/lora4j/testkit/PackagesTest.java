package io.github.lora4j.testkit;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.library.dependencies.SliceRule;
import io.github.lora4j.cli.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a package is: small, explained, on one side of every other, and its public types are meant. */
class PackagesTest {

  private static final String ROOT = "io.github.lora4j.";
  private static final JavaClasses CLASSES = ShippedClasses.ALL;
  private static final int MOST_PUBLIC = 12;
  private static final int MOST_LINES = 500;
  private static final Path API = Path.of("src/test/resources/public-api.txt");

  /** Packages with more public types than twelve; each with the most it may have, and why. */
  private static final Map<String, Integer> LARGE = Map.of(
      // The language of programs: ops by kind, values, shapes, and what backends implement. A recording needs most of it.
      "graph", 35,
      // Kernels with their two twins, elements and formats of weights, memory, and the errors of the whole house.
      "vector", 24,
      // Kernels by kind of op, public only since the kernel sets of the package above are made of them.
      "vector.internal", 21,
      // A family with its facts and its keys in GGUF, what it records and from which inputs, a model, its weights and how they are kept.
      "models", 13,
      // A family a class, and nothing else: public since services are.
      "models.families", 28,
      // What a module with a backend of its own extends: one suite, and the cases by kind.
      "testkit", 13);

  /** An API and its implementation are one: what the internal packages of a package know of it, and it of them, is no cycle of the design. */
  @Test
  void packagesKnowEachOtherOneWay() {
    SliceRule rule = slices().matching(ROOT + "(**)").should().beFreeOfCycles();
    for (String room : new String[] {"vector", "checkpoint", "graph", "tokenizer", "tokenizer.chat", "models", "lora", "adalora", "train", "generate",
        "tornado"}) {
      DescribedPredicate<JavaClass> api = resideInAPackage(ROOT + room);
      DescribedPredicate<JavaClass> internal = resideInAPackage(ROOT + room + ".internal..");
      rule = rule.ignoreDependency(api, internal).ignoreDependency(internal, api);
    }
    // The list of commands, and what doctor asks of the demo's: their packages use the options and listeners of this one.
    rule.ignoreDependency(type(Main.class), resideInAPackage(ROOT + "cli.."))
        .ignoreDependency(name(ROOT + "cli.DoctorCommand"), resideInAPackage(ROOT + "cli.demo")).check(CLASSES);
  }

  @Test
  void twelvePublicTypesAreEnough() {
    Map<String, Integer> large = new TreeMap<>();
    publicTypes().collect(Collectors.groupingBy(JavaClass::getPackageName, Collectors.counting())).forEach((name, count) -> {
      if (count > MOST_PUBLIC) {
        large.put(name.substring(ROOT.length()), count.intValue());
      }
    });
    large.forEach((name, count) -> assertTrue(count <= LARGE.getOrDefault(name, MOST_PUBLIC), name + " has " + count + " public types"));
    assertEquals(LARGE.keySet(), large.keySet(), "exceptions that are none");
  }

  /** Others build on these; a change is meant, and stands in the change log. {@code -Dapi.update=true} writes the list. */
  @Test
  void thePublicApiIsTheOneListed() throws IOException {
    String api = publicTypes().map(JavaClass::getName).filter(PackagesTest::forOthers).sorted().collect(Collectors.joining("\n", "", "\n"));
    if (Boolean.getBoolean("api.update")) {
      Files.writeString(API, api);
      return;
    }
    assertEquals(Files.readString(API), api, "where it is meant, run this test with -Dapi.update=true");
  }

  private static boolean forOthers(String name) {
    return !name.contains(".internal.") && Stream.of("cli", "bench", "testkit").noneMatch(room -> name.startsWith(ROOT + room + "."));
  }

  /** Top-level types; nested ones belong to theirs. Those of bench are programs that nobody calls. */
  private static Stream<JavaClass> publicTypes() {
    return CLASSES.stream().filter(type -> !type.getPackageName().startsWith(ROOT + "bench"))
        .filter(type -> type.isTopLevelClass() && type.getModifiers().contains(JavaModifier.PUBLIC));
  }

  @Test
  void everyPackageSaysWhatItIs() throws IOException {
    Set<String> silent = new TreeSet<>();
    for (Path source : sources("src/main/java")) {
      Path info = source.resolveSibling("package-info.java");
      if (!Files.exists(info) || !Files.readString(info).startsWith("/**")) {
        silent.add(String.valueOf(source.getParent()));
      }
    }
    assertEquals(Set.of(), silent);
  }

  @Test
  void filesAreShort() throws IOException {
    List<String> lengthy = new ArrayList<>();
    List<Path> all = sources("src");
    assertTrue(all.size() > 500, () -> all.size() + " files");
    for (Path source : all) {
      try (Stream<String> lines = Files.lines(source)) {
        long count = lines.count();
        if (count > MOST_LINES) {
          lengthy.add(source + ": " + count);
        }
      }
    }
    assertEquals(List.of(), lengthy);
  }

  private static List<Path> sources(String below) throws IOException {
    List<Path> sources = new ArrayList<>();
    try (Stream<Path> rooms = Files.list(Path.of("..")); Stream<Path> integrations = Files.list(Path.of("..", "integrations"))) {
      for (Path room : Stream.concat(rooms, integrations).map(path -> path.resolve(below)).filter(Files::isDirectory).sorted().toList()) {
        try (Stream<Path> files = Files.walk(room)) {
          files.filter(path -> path.toString().endsWith(".java")).forEach(sources::add);
        }
      }
    }
    assertFalse(sources.isEmpty());
    return sources;
  }

  /** Rules that nothing breaks are seen to be broken. */
  @Test
  void aCycleIsSeen() {
    JavaClasses two = new ClassFileImporter().importPackages("org.junit.jupiter.api");
    assertThrows(AssertionError.class, () -> slices().matching("org.junit.jupiter.(**)").should().beFreeOfCycles().check(two));
  }
}
