package io.github.lora4j.cli.bench;

import io.github.lora4j.vector.Memory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** What the figures were measured on, as far as the system tells. */
final class Machine {

  /** Share of the processors that other programs may keep busy before the figures are doubted. */
  private static final double BUSY = 0.2;

  private static final Path ENERGY = Path.of("/sys/class/powercap/intel-rapl:0/energy_uj");

  private Machine() {}

  /** Facts for a report. */
  static Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("processor", line("/proc/cpuinfo", "model name").orElse(System.getProperty("os.arch")));
    facts.put("processors for this process", String.valueOf(Runtime.getRuntime().availableProcessors()));
    facts.put("memory", "%,d MB".formatted(Memory.machineBytes() >> 20));
    facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    facts.put("java", Runtime.version() + ", " + System.getProperty("java.vm.name"));
    facts.put("flags", String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("-X")).toList()));
    facts.put("load before", load().stream().mapToObj("%.2f"::formatted).findFirst().orElse("unknown"));
    return facts;
  }

  private static OptionalDouble load() {
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    return load < 0 ? OptionalDouble.empty() : OptionalDouble.of(load);
  }

  /** A warning if other programs run. */
  static Optional<String> busy() {
    double load = load().orElse(0);
    int processors = Runtime.getRuntime().availableProcessors();
    return load > BUSY * processors
        ? Optional.of("this machine is busy: load %.2f on %d processors. Figures will be low and vary; stop other programs".formatted(load,
        processors))
        : Optional.empty();
  }

  /** Most memory that this process has had in use. */
  static Optional<String> peakMemory() {
    return line("/proc/self/status", "VmHWM").map(kilobytes -> "%,d MB".formatted(Long.parseLong(kilobytes.replace(" kB", "")) >> 10));
  }

  /** Joules that the processor's package has used, modulo its counter. */
  static OptionalDouble joules() {
    try {
      return OptionalDouble.of(Long.parseLong(Files.readString(ENERGY).strip()) / 1e6);
    } catch (IOException | NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }

  private static Optional<String> line(String file, String key) {
    try {
      List<String> lines = Files.readAllLines(Path.of(file));
      return lines.stream().filter(line -> line.startsWith(key)).map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
