package io.github.lora4j.testkit.reach;

import com.tngtech.archunit.core.domain.JavaClass;
import io.github.lora4j.testkit.ShippedClasses;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The shipped classes as files, by internal name, and the modules that they lie in. */
final class Shipped {

  private static final Path ROOT = Path.of("..");

  private Shipped() {}

  static Map<String, ClassModel> classes() throws IOException {
    Map<String, ClassModel> all = new TreeMap<>();
    for (JavaClass type : ShippedClasses.ALL) {
      try (InputStream in = type.getSource().orElseThrow().getUri().toURL().openStream()) {
        all.put(type.getName().replace('.', '/'), ClassFile.of().parse(in.readAllBytes()));
      }
    }
    return all;
  }

  /** The methods of a class that have code. */
  static List<Code> methods(ClassModel type) {
    List<Code> methods = new ArrayList<>();
    type.methods().forEach(method -> method.code().ifPresent(code -> methods.add(new Code(type, method, code))));
    return methods;
  }

  /** The folder of the module that has a class's package. */
  static Path module(String internalName) {
    Path folder = Path.of(internalName).getParent();
    List<Path> found = rooms().filter(room -> hasSources(room.resolve("src/main/java").resolve(folder))).toList();
    if (found.size() != 1) {
      throw new IllegalStateException(internalName + ": its package lies in " + found);
    }
    return found.getFirst();
  }

  private static boolean hasSources(Path folder) {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.anyMatch(file -> file.toString().endsWith(".java"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Stream<Path> rooms() {
    try (Stream<Path> top = Files.list(ROOT); Stream<Path> integrations = Files.list(ROOT.resolve("integrations"))) {
      return Stream.concat(top, integrations).filter(room -> !room.endsWith("bench")).toList().stream();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What a module's jar has beside classes, by path; without the metadata itself. */
  static List<String> resources(Path module) throws IOException {
    Path below = module.resolve("src/main/resources");
    if (!Files.isDirectory(below)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(below)) {
      return files.filter(Files::isRegularFile).map(file -> below.relativize(file).toString().replace('\\', '/'))
          .filter(name -> !name.startsWith("META-INF/native-image/")).sorted().toList();
    }
  }

  /** Where a module's metadata is. */
  static Path metadata(Path module) {
    return module.resolve("src/main/resources/META-INF/native-image/io.github.lora4j/lora4j-%s/reachability-metadata.json"
        .formatted(module.getFileName()));
  }
}
