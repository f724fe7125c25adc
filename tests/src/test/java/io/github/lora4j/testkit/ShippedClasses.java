package io.github.lora4j.testkit;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.github.lora4j.tornado.PlainBackend;
import java.util.stream.Stream;

/** The classes of every module's main sources, but those of benchmarks, which nobody depends on. */
public final class ShippedClasses {

  /** Without those of tests, in folders or, once packed, in jars of their own. */
  public static final JavaClasses ALL = new ClassFileImporter().withImportOption(location -> ofTests().noneMatch(location::contains)
      && !location.contains("/io/github/lora4j/bench/"))
      .importPackages("io.github.lora4j");

  private ShippedClasses() {}

  /** Whether it lies where tests do. */
  static boolean ofTests(Class<?> type) {
    return ofTests().anyMatch(place(type)::contains);
  }

  private static Stream<String> ofTests() {
    return Stream.of(ShippedClasses.class, PlainBackend.class).map(ShippedClasses::place);
  }

  private static String place(Class<?> type) {
    return type.getProtectionDomain().getCodeSource().getLocation().getPath();
  }
}
