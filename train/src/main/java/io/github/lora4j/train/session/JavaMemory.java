package io.github.lora4j.train.session;

import com.sun.management.HotSpotDiagnosticMXBean;
import io.github.lora4j.graph.Backend;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What Java takes beside a program: what the process has resident before the program is compiled (the JVM's own files, classes, compiled code,
 * objects), the room of new objects that has not been touched yet, and what compiling the steps adds. {@code docs/performance-notes.md} has the
 * measurements.
 */
record JavaMemory(long resident, long untouched, long compiling) {

  /** Room of new objects where the collector has no fixed one. */
  private static final long NEW_OBJECTS = 48L << 20;
  /** What is resident beside the heap where the system does not tell. */
  private static final long OUTSIDE_HEAP = 88L << 20;
  /** Code of kernels, and the memory in which it is made, where the JVM has malloc give back what it keeps (TrimNativeHeapInterval). */
  private static final long COMPILING = 56L << 20;
  /** What malloc keeps otherwise. */
  private static final long KEPT = 32L << 20;

  private static final Path STATUS = Path.of("/proc/self/status");

  /** As it is now. */
  static JavaMemory now() {
    long old = 0;
    long young = 0;
    long touched = 0;
    boolean fixed = true;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      if (pool.getType() == MemoryType.HEAP && (pool.getName().contains("Eden") || pool.getName().contains("Survivor"))) {
        young += pool.getUsage().getCommitted();
        touched += pool.getUsage().getUsed();
        fixed &= pool.getUsage().getCommitted() == pool.getUsage().getMax();
      } else if (pool.getType() == MemoryType.HEAP) {
        old += pool.getUsage().getUsed();
      }
    }
    boolean collected = ManagementFactory.getGarbageCollectorMXBeans().stream().anyMatch(collector -> collector.getCollectionCount() > 0);
    long room = fixed ? young : Math.max(young, NEW_OBJECTS);
    long resident = residentBytes();
    return resident > 0 ? new JavaMemory(resident, room - (collected ? Math.min(room, young) : touched), COMPILING + kept())
        : new JavaMemory(OUTSIDE_HEAP + old, room, COMPILING + kept());
  }

  /** Other JVMs may not know the option; then nothing is given back. */
  private static long kept() {
    HotSpotDiagnosticMXBean jvm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    try {
      return jvm == null || jvm.getVMOption("TrimNativeHeapInterval").getValue().equals("0") ? KEPT : 0;
    } catch (IllegalArgumentException e) {
      return KEPT;
    }
  }

  /** Bytes of this process that lie in memory, files of the JVM included; 0 where only Linux would tell. */
  private static long residentBytes() {
    if (!Files.isReadable(STATUS)) {
      return 0;
    }
    try {
      return Files.readAllLines(STATUS, StandardCharsets.ISO_8859_1).stream().filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10).findFirst().orElse(0);
    } catch (IOException e) {
      return 0;
    }
  }

  /** As parts of a forecast. */
  List<Backend.Allocation> allocations() {
    return List.of(new Backend.Allocation(MemoryForecast.JAVA, resident + untouched), new Backend.Allocation(MemoryForecast.COMPILING, compiling));
  }
}
