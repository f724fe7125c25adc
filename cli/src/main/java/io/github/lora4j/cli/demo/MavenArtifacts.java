package io.github.lora4j.cli.demo;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Gets jars through the user's own Maven, so that mirrors, proxies and credentials of their settings apply.
 *
 * <p>What the local repository already holds is used without starting Maven. The rest is resolved by one run of Maven on a
 * temporary POM, which also tells where the files are, wherever the settings put them.
 */
final class MavenArtifacts {

  /** The version the build itself uses, so that it is there already. */
  private static final String CLASS_PATH_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath";
  private static final Pattern DOWNLOADED = Pattern.compile("Downloaded from .*/([^/ ]+\\.jar) \\((.*)\\)");

  private final MavenHome maven;
  private final boolean offline;
  private final PrintStream out;

  /** Uses the Maven of this environment and says on {@code out} what it does. */
  public MavenArtifacts(boolean offline, PrintStream out) {
    this(MavenHome.find(System.getenv(), Path.of(System.getProperty("user.home"))), offline, out);
  }

  MavenArtifacts(MavenHome maven, boolean offline, PrintStream out) {
    this.maven = maven;
    this.offline = offline;
    this.out = out;
  }

  /**
   * The files of the artifacts, in order.
   *
   * @throws ConfigException when offline and some are missing, or when there is no Maven
   * @throws FormatException when a file is not what was published
   * @throws ResourceException when Maven fails; its last lines are in the message
   */
  public Map<Artifact, Path> resolve(List<Artifact> artifacts) {
    List<Artifact> missing = missing(artifacts);
    long total = artifacts.stream().mapToLong(Artifact::bytes).sum();
    long load = missing.stream().mapToLong(Artifact::bytes).sum();
    if (artifacts.isEmpty()) {
      return Map.of();
    }
    if (missing.isEmpty()) {
      out.println("Using " + megabytes(total) + " already in " + maven.repository());
      return artifacts.stream().collect(Collectors.toMap(
          a -> a, a -> a.checked(a.in(maven.repository())), (a, b) -> a, LinkedHashMap::new));
    }
    if (!offline) {
      out.println("Will download about " + megabytes(load) + " into " + maven.repository() + " with Maven ("
          + missing.size() + " jars; " + megabytes(total - load) + " already there)");
      out.flush();
    }
    Path folder = null;
    try {
      folder = Files.createTempDirectory("lora4j-artifacts");
      return run(folder, artifacts, missing);
    } catch (IOException e) {
      throw new ResourceException("cannot run Maven to fetch the demo's jars: " + e.getMessage()
          + "; TMPDIR must be writable and " + maven.command().orElse(Path.of("mvn")) + " executable", e);
    } finally {
      delete(folder);
    }
  }

  private List<Artifact> missing(List<Artifact> artifacts) {
    return artifacts.stream().filter(a -> !Files.isRegularFile(a.in(maven.repository()))).toList();
  }

  private Map<Artifact, Path> run(Path folder, List<Artifact> artifacts, List<Artifact> missing) throws IOException {
    Path command = maven.command().orElseThrow(() -> new ConfigException("Maven is needed to fetch " + missing.size()
        + " jars and was not found in MAVEN_HOME or PATH; install Maven 3.8 or later (https://maven.apache.org/install.html)"));
    Path pom = Files.writeString(folder.resolve("pom.xml"), pom(artifacts));
    Path list = folder.resolve("files.txt");
    List<String> line = new ArrayList<>(List.of(command.toString(), "-B", "-Dstyle.color=never", "-f", pom.toString(),
        CLASS_PATH_GOAL, "-Dmdep.outputFile=" + list, "-Dmdep.pathSeparator=|"));
    if (offline) {
      line.add(1, "-o");
    }
    Process process = new ProcessBuilder(line).directory(folder.toFile()).redirectErrorStream(true).start();
    process.getOutputStream().close();
    Deque<String> tail = new ArrayDeque<>();
    try (BufferedReader lines = process.inputReader()) {
      lines.lines().forEach(text -> follow(text, tail));
      if (process.waitFor() != 0) {
        throw failed(missing, tail);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ResourceException("interrupted while Maven fetched the demo's jars", e);
    } finally {
      process.destroy();
    }
    Map<String, Path> byName = new LinkedHashMap<>();
    for (String file : Files.readString(list).strip().split("\\|")) {
      byName.put(Path.of(file).getFileName().toString(), Path.of(file));
    }
    Map<Artifact, Path> files = new LinkedHashMap<>();
    for (Artifact artifact : artifacts) {
      Path file = byName.get(artifact.fileName());
      if (file == null || !Files.isRegularFile(file)) {
        throw new ResourceException("Maven resolved " + artifact.coordinates() + " but gave no file for it; it listed "
            + byName.values());
      }
      files.put(artifact, artifact.checked(file));
    }
    return files;
  }

  /** Shows each finished jar; keeps the last lines that say something went wrong. */
  private void follow(String line, Deque<String> tail) {
    Matcher downloaded = DOWNLOADED.matcher(line);
    if (downloaded.find() && !downloaded.group(1).startsWith("maven-") && !downloaded.group(1).startsWith("plexus-")) {
      out.println("  " + downloaded.group(1) + " (" + downloaded.group(2) + ")");
      out.flush();
    }
    if (line.startsWith("[ERROR]") && !line.equals("[ERROR] ") && tail.size() < 4) {
      tail.addLast(line);
    }
  }

  private RuntimeException failed(List<Artifact> missing, Deque<String> tail) {
    String commands = missing.stream().map(a -> "  mvn dependency:get -Dtransitive=false -Dartifact=" + a.coordinates())
        .collect(Collectors.joining("\n"));
    if (offline) {
      return new ConfigException("--offline, but " + missing.size() + " jars are not in the local repository "
          + maven.repository() + "; run once without --offline, or fetch them by\n" + commands);
    }
    return new ResourceException("Maven could not fetch the demo's jars:\n" + String.join("\n", tail)
        + "\nWhat is missing can be fetched one by one to see the cause:\n" + commands);
  }

  private static String pom(List<Artifact> artifacts) {
    return """
        <project xmlns="http://maven.apache.org/POM/4.0.0">
          <modelVersion>4.0.0</modelVersion>
          <groupId>io.github.lora4j</groupId>
          <artifactId>demo-artifacts</artifactId>
          <version>1</version>
          <packaging>pom</packaging>
          <dependencies>
        %s  </dependencies>
        </project>
        """.formatted(artifacts.stream().map(Artifact::dependency).collect(Collectors.joining()));
  }

  private static void delete(@Nullable Path folder) {
    if (folder == null) {
      return;
    }
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new ResourceException("cannot remove the temporary folder " + folder + ": " + e.getMessage(), e);
    }
  }

  private static String megabytes(long bytes) {
    return bytes == 0 ? "nothing" : Math.max(1, Math.round(bytes / 1e6)) + " MB";
  }
}
