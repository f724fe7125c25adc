package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs a {@code main} in small JVMs of its own, one for each vector width: a species is {@code static final}, so a JVM knows only one.
 * The main throws when a check fails.
 */
public final class ForcedWidth {

  /** Flags for vectors of 64, 32 and 16 bytes; a machine without the wider ones uses what it has. */
  public static final List<List<String>> WIDTHS = List.of(
      List.of("-XX:MaxVectorSize=64"),
      List.of("-XX:MaxVectorSize=32", "-XX:UseAVX=2"),
      List.of("-XX:MaxVectorSize=16", "-XX:UseAVX=2"));

  private static final int TIMEOUT_SECONDS = 300;

  private ForcedWidth() {}

  /** Runs {@code main} with the test class path and these flags, and fails with its output if it fails. */
  public static void run(Class<?> main, List<String> flags) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx256m", "-XX:+IgnoreUnrecognizedVMOptions", "--add-modules", "jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
    command.addAll(flags);
    command.add(main.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), () -> flags + " still runs: " + output);
    assertEquals(0, process.exitValue(), () -> flags + ": " + output);
  }
}
