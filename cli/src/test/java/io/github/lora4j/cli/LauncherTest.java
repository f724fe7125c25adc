package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher's script, in a tree that looks built, with a Java that only says how it was started and a Maven that only says so. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {

  @TempDir
  private Path dir;
  private Path tree;
  private Path jdk;

  @BeforeEach
  void write() throws IOException {
    jdk = dir.resolve("jdk");
    script(jdk.resolve("bin/java"), "echo \"LC_ALL=${LC_ALL:-}\"; for a; do echo \"[$a]\"; done");
    script(jdk.resolve("bin/javac"), "exit 1");
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.3\"\n");
    script(dir.resolve("maven/bin/mvn"), "[ \"$1\" != -v ] || { echo Apache Maven 3.9.12; exit; }; echo built >>'" + dir + "/maven/log';"
        + " echo \"$PWD/graph/target/classes:" + dir + "/repository/library.jar\" >cli/target/lora4j.classpath");
    tree = dir.resolve("tree");
    Files.createDirectories(tree.resolve("cli/target/classes/io/github/lora4j/cli"));
    Files.createFile(tree.resolve("cli/target/classes/io/github/lora4j/cli/Main.class"));
    Files.createDirectories(tree.resolve("graph/target/classes"));
    Files.createDirectories(dir.resolve("repository"));
    Files.createFile(dir.resolve("repository/library.jar"));
    for (String pom : List.of("pom.xml", "cli/pom.xml", "graph/pom.xml")) {
      Files.createFile(tree.resolve(pom));
    }
    Files.copy(Path.of("../lora4j"), tree.resolve("lora4j"), StandardCopyOption.COPY_ATTRIBUTES);
  }

  @Test
  void buildsOnceAndThenOnlyRuns() throws Exception {
    List<String> started = run(tree, Map.of(), "train", "a b", "--epochs=2");
    assertEquals(List.of("[io.github.lora4j.cli.Main]", "[train]", "[a b]", "[--epochs=2]"), started.subList(started.size() - 4, started.size()));
    run(tree, Map.of(), "doctor");
    assertEquals(1, builds());
  }

  @Test
  void aCopyRunsItsOwnClassesWithoutABuild() throws Exception {
    run(tree, Map.of(), "doctor");
    Path copy = dir.resolve("copy");
    assertEquals(0, new ProcessBuilder("cp", "-a", tree.toString(), copy.toString()).start().waitFor());
    List<String> started = run(copy, Map.of(), "doctor");
    String path = started.get(started.indexOf("[-cp]") + 1);
    assertEquals("[" + copy + "/cli/target/classes:" + copy + "/graph/target/classes:" + dir + "/repository/library.jar]", path);
    assertEquals(1, builds());
  }

  @Test
  void whatIsWaitedForStartsWithAnArchiveOfItsClasses() throws Exception {
    assertTrue(archive(run(tree, Map.of(), "serve")).isEmpty(), "there is none of directories");
    Files.createFile(tree.resolve("cli/target/lora4j-cli-1.jar"));
    Files.createFile(tree.resolve("graph/target/lora4j-graph-1.jar"));
    Files.writeString(tree.resolve("cli/target/lora4j.classpath"), tree + "/graph/target/lora4j-graph-1.jar:" + dir + "/repository/library.jar\n");
    List<String> serve = run(tree, Map.of(), "serve", "--port", "0");
    assertEquals(List.of("[-XX:SharedArchiveFile=" + tree + "/target/start/serve.jsa]"), archive(serve));
    assertEquals("[" + tree + "/cli/target/lora4j-cli-1.jar:" + tree + "/graph/target/lora4j-graph-1.jar:" + dir + "/repository/library.jar]",
        serve.get(serve.indexOf("[-cp]") + 1));
    assertEquals(List.of("[-XX:SharedArchiveFile=" + tree + "/target/start/demo.jsa]"), archive(run(tree, Map.of(), "demo")));
    assertTrue(archive(run(tree, Map.of(), "train")).isEmpty());
    assertTrue(archive(run(tree, Map.of("LORA4J_JAVA_OPTS", "-Xshare:off"), "serve")).isEmpty(), "who sets it up sees to it");
    assertEquals(1, builds());
  }

  private static List<String> archive(List<String> started) {
    return started.stream().filter(argument -> argument.contains("SharedArchiveFile")).toList();
  }

  @Test
  void anArchiveRunsItsJarsWithoutABuild() throws Exception {
    Path archive = dir.resolve("an archive");
    Files.createDirectories(archive.resolve("lib"));
    Files.copy(Path.of("../lora4j"), archive.resolve("lora4j"), StandardCopyOption.COPY_ATTRIBUTES);
    List<String> started = run(archive, Map.of(), "train", "a b");
    assertEquals("[" + archive + "/lib/*]", started.get(started.indexOf("[-cp]") + 1));
    assertTrue(started.contains("[@" + archive + "/cli/jvm-arguments]"), started.toString());
    assertEquals("[a b]", started.getLast());
    assertFalse(Files.exists(dir.resolve("maven/log")), "nothing is built");
    assertFalse(Files.exists(archive.resolve("target")), "nothing is written");
  }

  @Test
  void withoutALocaleJavaReadsUtf8() throws Exception {
    for (Map<String, String> environment : List.of(Map.of("LC_ALL", "C"), Map.of("LC_ALL", "POSIX"), Map.of("LANG", "C"),
        Map.<String, String>of(), Map.of("LANG", "xx_YY.UTF-8"), Map.of("LC_CTYPE", "C", "LANG", "C.UTF-8"))) {
      assertTrue(run(tree, environment, "doctor").contains("LC_ALL=C.UTF-8"), environment.toString());
    }
    assertTrue(run(tree, Map.of("LANG", "C.UTF-8"), "doctor").contains("LC_ALL="));
    assertTrue(run(tree, Map.of("LC_ALL", "C.UTF-8"), "doctor").contains("LC_ALL=C.UTF-8"));
  }

  private long builds() throws IOException {
    try (var lines = Files.lines(dir.resolve("maven/log"))) {
      return lines.count();
    }
  }

  private List<String> run(Path root, Map<String, String> locale, String... arguments) throws Exception {
    List<String> line = new ArrayList<>(List.of(root.resolve("lora4j").toString()));
    line.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG") || name.startsWith("LORA4J_")
        || name.equals("TORNADOVM_HOME") || name.equals("M2_HOME"));
    builder.environment().putAll(locale);
    builder.environment().put("LORA4J_JAVA_HOME", jdk.toString());
    builder.environment().put("MAVEN_HOME", dir.resolve("maven").toString());
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), text);
    return text.lines().toList();
  }

  private static void script(Path file, String body) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    assertTrue(file.toFile().setExecutable(true));
  }
}
