package io.github.lora4j.testkit.reach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.train.tasks.TrainingTask;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.Annotation;
import java.lang.classfile.AnnotationElement;
import java.lang.classfile.AnnotationValue;
import java.lang.classfile.AttributedElement;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ResourceBundle;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * GraalVM's native images keep what code names. What it finds by name or makes at run time stands in each jar's reachability-metadata.json, and this
 * test reads the class files to see that all of it does. {@code -Dreachability.update=true} writes the files.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReachabilityTest {

  private static final String SERVICES = "META-INF/services/";

  /** Classes that find members by name, and what answers for them. */
  private static final Map<String, String> FINDERS = Map.of(
      "io.github.lora4j.cli.generate.Interrupts", "sun.misc.Signal and its handler, below",
      "io.github.lora4j.train.recipe.TaskKeys", "the components of tasks that are records, below",
      "io.github.lora4j.tornado.LibraryTasks", "TornadoVM compiles byte code at run time, which no image has",
      "io.github.lora4j.tornado.Descriptors", "as LibraryTasks");

  /** Where values without a type of their own are handed to Jackson, and what they are. */
  private static final Map<String, String> VALUES = Map.of(
      "io.github.lora4j.Texts#nodes", "messages and tools, from lists and maps",
      "io.github.lora4j.Texts#render", "variables of templates, from lists and maps",
      "io.github.lora4j.cli.GeneratedAnswers#write", "references: lists of texts",
      "io.github.lora4j.serve.reading.ReadingDoor#classify", "labels: texts",
      "io.github.lora4j.train.language.Writing#with", "variables of templates, as JSON or YAML had them",
      "io.github.lora4j.train.recipe.AdapterTask#lambda$read$1", "a JsonNode");

  private final Map<String, ClassModel> classes = Shipped.classes();
  private final Jackson jackson = new Jackson(new Signatures(classes));
  private final Map<Path, Uses> uses = new TreeMap<>();

  ReachabilityTest() throws IOException {
    List<Code> all = new ArrayList<>();
    classes.forEach((name, type) -> {
      List<Code> methods = Shipped.methods(type);
      all.addAll(methods);
      uses.computeIfAbsent(Shipped.module(name), module -> new Uses()).read(type, methods);
    });
    jackson.read(all);
  }

  @Test
  void everyJarSaysWhatItsCodeFindsAtRunTime() throws IOException {
    Map<Path, Metadata> expected = new TreeMap<>();
    for (Path module : uses.keySet()) {
      expected.put(module, files(module));
    }
    for (String name : bound()) {
      expected.get(Shipped.module(name)).whole(name.replace('/', '.'));
    }
    classes.forEach((name, type) -> commands(type).forEach(found -> expected.get(Shipped.module(found)).whole(found.replace('/', '.'))));
    Metadata cli = expected.get(Path.of("../cli"));
    cli.whole("picocli.CommandLine$AutoHelpMixin");
    cli.member("sun.misc.Signal", "<init>", "java.lang.String");
    cli.member("sun.misc.Signal", "handle", "sun.misc.Signal", "sun.misc.SignalHandler");
    cli.proxy("sun.misc.SignalHandler");
    for (Map.Entry<Path, Metadata> entry : expected.entrySet()) {
      Path file = Shipped.metadata(entry.getKey());
      if (Boolean.getBoolean("reachability.update")) {
        Files.deleteIfExists(file);
        if (!entry.getValue().isEmpty()) {
          Files.createDirectories(file.getParent());
          Files.writeString(file, entry.getValue().json());
        }
      } else {
        assertEquals(entry.getValue().isEmpty() ? "" : entry.getValue().json(), Files.exists(file) ? Files.readString(file) : "",
            file + ": run this test with -Dreachability.update=true, and look at the difference");
      }
    }
  }

  /** Functions of C, services and their providers, files and bundles. */
  private Metadata files(Path module) throws IOException {
    Metadata metadata = new Metadata();
    Uses used = uses.get(module);
    metadata.functions(used);
    List<String> resources = Shipped.resources(module);
    resources.stream().filter(name -> used.bundles.stream().noneMatch(bundle -> name.equals(bundle.replace('.', '/') + ".properties")))
        .forEach(metadata::resource);
    used.bundles.forEach(metadata::bundle);
    for (String service : resources.stream().filter(name -> name.startsWith(SERVICES)).toList()) {
      for (String provider : providers(module.resolve("src/main/resources").resolve(service))) {
        metadata.member(provider, "<init>");
        if (service.equals(SERVICES + TrainingTask.class.getName())) {
          records(type(provider)).forEach(record -> metadata.whole(record.getName()));
        }
      }
    }
    return metadata;
  }

  private static List<String> providers(Path service) throws IOException {
    try (Stream<String> lines = Files.lines(service)) {
      return lines.map(line -> line.replaceAll("#.*", "").strip()).filter(line -> !line.isEmpty()).toList();
    }
  }

  /** A task that is a record, and the records in it: recipes' keys. */
  private static List<Class<?>> records(Class<?> type) {
    List<Class<?>> records = new ArrayList<>();
    if (type.isRecord()) {
      records.add(type);
      for (RecordComponent component : type.getRecordComponents()) {
        records.addAll(records(component.getType()));
      }
    }
    return records;
  }

  /** Jackson's classes of lora4j with all that is in them. */
  private Set<String> bound() {
    Set<String> all = new TreeSet<>();
    List<String> open = new ArrayList<>(jackson.bound());
    while (!open.isEmpty()) {
      String name = open.removeLast();
      ClassModel type = classes.get(name);
      if (type == null || !all.add(name)) {
        continue;
      }
      type.findAttribute(Attributes.permittedSubclasses())
          .ifPresent(permitted -> permitted.permittedSubclasses().forEach(sub -> open.add(sub.asInternalName())));
      type.fields().forEach(field -> open.addAll(Signatures.names(field.findAttribute(Attributes.signature())
          .map(signature -> signature.signature().stringValue()).orElse(field.fieldType().stringValue()))));
    }
    return all;
  }

  /** The class where picocli's annotations are on it or in it, and the classes of lora4j that these name. */
  private Set<String> commands(ClassModel type) {
    Set<String> found = new TreeSet<>();
    List<AttributedElement> elements = new ArrayList<>(type.fields());
    elements.addAll(type.methods());
    elements.add(type);
    for (AttributedElement element : elements) {
      element.findAttribute(Attributes.runtimeVisibleAnnotations()).stream().flatMap(all -> all.annotations().stream())
          .filter(annotation -> annotation.className().stringValue().startsWith("Lpicocli/")).forEach(annotation -> {
            found.add(type.thisClass().asInternalName());
            named(annotation, found);
          });
    }
    found.retainAll(classes.keySet());
    return found;
  }

  private static void named(Annotation annotation, Set<String> found) {
    annotation.elements().stream().map(AnnotationElement::value).forEach(value -> named(value, found));
  }

  private static void named(AnnotationValue value, Set<String> found) {
    switch (value) {
      case AnnotationValue.OfClass named -> found.addAll(Signatures.names(named.className().stringValue()));
      case AnnotationValue.OfArray array -> array.values().forEach(one -> named(one, found));
      case AnnotationValue.OfAnnotation inner -> named(inner.annotation(), found);
      case AnnotationValue.OfConstant constant -> { }
      case AnnotationValue.OfEnum constant -> { }
    }
  }

  private static Class<?> type(String name) {
    try {
      return Class.forName(name, false, ReachabilityTest.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void everyClassThatFindsMembersByNameIsKnown() {
    Set<String> found = new TreeSet<>();
    uses.values().forEach(used -> found.addAll(used.finders));
    assertEquals(new TreeSet<>(FINDERS.keySet()), found, "add to this test what the class finds");
  }

  @Test
  void everyValueThatJacksonIsGivenHasAType() {
    assertEquals(new TreeSet<>(VALUES.keySet()), jackson.unknown(), "write the value's type, or say in this test what it is");
  }

  @Test
  void everyCallCanBeRead() {
    List<String> problems = new ArrayList<>();
    uses.values().forEach(used -> problems.addAll(used.problems));
    assertEquals(List.of(), problems);
  }

  @Test
  void everyFileThatIsNamedIsThere() throws IOException {
    List<String> missing = new ArrayList<>();
    for (Map.Entry<Path, Uses> entry : uses.entrySet()) {
      List<String> there = Shipped.resources(entry.getKey());
      entry.getValue().resources.stream().filter(name -> !there.contains(name)).forEach(name -> missing.add(entry.getKey() + ": " + name));
    }
    assertEquals(List.of(), missing);
    assertTrue(uses.values().stream().mapToInt(used -> used.resources.size()).sum() >= 3, "constant names are read");
  }

  /** What a class does that has one of each. */
  static final class Toy {

    record Written(int value) {}

    record Read(int value) {}

    static MethodHandle strlen(MemorySegment function) {
      return Linker.nativeLinker().downcallHandle(function, FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    }

    static String json(Object any, Written value) throws IOException {
      ObjectMapper mapper = new ObjectMapper();
      return mapper.readValue(mapper.writeValueAsString(value), Read.class).value() + handed(any) + mapper.valueToTree(List.of(any).getFirst());
    }

    static String handed(Object value) throws IOException {
      return new ObjectMapper().writeValueAsString(value);
    }

    static Object found(String name) throws IOException, ReflectiveOperationException {
      try (InputStream in = Objects.requireNonNull(Toy.class.getResourceAsStream("toy.txt"))) {
        return List.of(handed(Path.of(name)), ResourceBundle.getBundle("some.texts"), Class.forName(name).getMethod(name), in.read());
      }
    }
  }

  @Test
  void eachKindIsSeen() throws IOException {
    Map<String, ClassModel> toys = new TreeMap<>();
    String name = Toy.class.getName().replace('.', '/');
    try (InputStream in = Objects.requireNonNull(Toy.class.getResourceAsStream("/" + name + ".class"))) {
      toys.put(name, ClassFile.of().parse(in.readAllBytes()));
    }
    List<Code> methods = Shipped.methods(toys.get(name));
    Uses toy = new Uses();
    toy.read(toys.get(name), methods);
    assertEquals(Map.of("[long, void*]", List.of("long", "void*")), toy.downcalls);
    assertEquals(Set.of("some.texts"), toy.bundles);
    assertEquals(Set.of("io/github/lora4j/testkit/reach/toy.txt"), toy.resources);
    assertEquals(Set.of(Toy.class.getName()), toy.finders);
    assertEquals(List.of(), toy.problems);
    Jackson handed = new Jackson(new Signatures(toys));
    handed.read(methods);
    assertEquals(Set.of(name + "$Read", name + "$Written", "java/lang/Object", "java/nio/file/Path"), handed.bound());
    assertEquals(Set.of(Toy.class.getName() + "#json"), handed.unknown());
    Metadata metadata = new Metadata();
    metadata.functions(toy);
    metadata.whole("a.B");
    metadata.proxy("a.C");
    metadata.bundle("some.texts");
    assertEquals("""
        {
          "reflection": [
            {"type":"a.B","allDeclaredConstructors":true,"allDeclaredFields":true,"allDeclaredMethods":true},
            {"type":{"proxy":["a.C"]}}
          ],
          "resources": [
            {"bundle":"some.texts"}
          ],
          "foreign": {
            "downcalls": [
              {"returnType":"long","parameterTypes":["void*"]}
            ]
          }
        }
        """, metadata.json());
  }
}
