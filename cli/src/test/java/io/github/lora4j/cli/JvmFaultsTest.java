package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.Runtime.Version;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class JvmFaultsTest {

  private static void named(String fault, String version, Set<String> options) {
    Map<String, String> faults = JvmFaults.of(Version.parse(version), options::contains);
    assertEquals(1, faults.size(), faults.toString());
    assertTrue(faults.keySet().iterator().next().contains(fault), faults.toString());
  }

  @Test
  void faultsOfVersionsAndOptions() {
    named("JDK-8377811", "25", Set.of("UseG1GC"));
    named("JDK-8377811", "25.0.2", Set.of("UseG1GC"));
    named("JDK-8380060", "25.0.3", Set.of("UseG1GC", "UseCompactObjectHeaders"));
    assertEquals(Map.of(), JvmFaults.of(Version.parse("25.0.2"), Set.of("UseSerialGC")::contains));
    assertEquals(Map.of(), JvmFaults.of(Version.parse("26"), Set.of("UseG1GC", "UseCompactObjectHeaders")::contains));
  }

  @Test
  void optionsOfThisJvm() {
    Predicate<String> options = JvmFaults.options();
    assertTrue(options.test("UseSerialGC") || options.test("UseG1GC") || options.test("UseParallelGC") || options.test("UseZGC"));
    assertEquals(false, options.test("NoSuchOption"));
  }
}
