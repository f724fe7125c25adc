package io.github.lora4j.cli;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

/** Faults of Java 25 that can damage what lora4j computes or writes, where this process was started so that they can. */
final class JvmFaults {

  private JvmFaults() {}

  /** What is wrong and how to avoid it, for a JVM of this version in which these options are on. */
  static Map<String, String> of(Runtime.Version version, Predicate<String> on) {
    Map<String, String> faults = new LinkedHashMap<>();
    if (version.feature() == 25 && version.interim() == 0 && version.update() < 3 && on.test("UseG1GC")) {
      faults.put("Java before 25.0.3 with the G1 collector can move objects that native code holds (JDK-8377811)",
          "install 25.0.3 or later, or start Java with -XX:+UseSerialGC, as the launcher does");
    }
    if (version.feature() == 25 && on.test("UseCompactObjectHeaders")) {
      faults.put("Java 25 with compact object headers can give wrong bytes of strings (JDK-8380060)",
          "start Java without -XX:+UseCompactObjectHeaders");
    }
    return faults;
  }

  /** The options that are on in this JVM; none where it is not HotSpot. */
  static Predicate<String> options() {
    HotSpotDiagnosticMXBean jvm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    if (jvm == null) {
      return option -> false;
    }
    return option -> value(jvm, option);
  }

  private static boolean value(HotSpotDiagnosticMXBean jvm, String option) {
    try {
      return jvm.getVMOption(option).getValue().equals("true");
    } catch (IllegalArgumentException e) {
      return false;   // an option that this JVM does not have
    }
  }
}
