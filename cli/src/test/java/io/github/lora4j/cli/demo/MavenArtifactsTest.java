package io.github.lora4j.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class MavenArtifactsTest {

  private static final String JAR = "0163f1eea7894350060624d315234d40c508ab251ba121714e234503045faadd";
  private static final Artifact ONE = Artifact.sources("org.a", "one", "1.0", 3_000_000, JAR);
  private static final Artifact TWO = new Artifact("org.b", "two", "2", "", 5_000_000, JAR);

  @TempDir Path folder;
  private Path repository;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  @BeforeEach
  void repository() throws IOException {
    repository = folder.resolve("repo");
    put(ONE);
  }

  @Test
  void whatIsThereNeedsNoMaven() throws IOException {
    put(TWO);
    assertEquals(Map.of(ONE, repository.resolve("org/a/one/1.0/one-1.0-sources.jar"), TWO,
        repository.resolve("org/b/two/2/two-2.jar")), artifacts(Optional.empty(), false).resolve(List.of(ONE, TWO)));
    assertTrue(said.toString(StandardCharsets.UTF_8).contains("Using 8 MB already in " + repository));
  }

  @Test
  void withoutMavenTheErrorNamesIt() {
    String message = assertThrows(ConfigException.class, () -> artifacts(Optional.empty(), false).resolve(List.of(ONE, TWO))).getMessage();
    assertTrue(message.contains("Maven 3.8"), message);
    assertTrue(said.toString(StandardCharsets.UTF_8).contains("about 5 MB into " + repository), said.toString(StandardCharsets.UTF_8));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void offlineAndMissingListsArtifactsAndCommands() throws IOException {
    Path mvn = script("echo '[ERROR] cannot'; exit 1");
    String message =
        assertThrows(ConfigException.class, () -> artifacts(Optional.of(mvn), true).resolve(List.of(ONE, TWO))).getMessage();
    assertTrue(message.contains("mvn dependency:get -Dtransitive=false -Dartifact=org.b:two:2:jar"), message);
    assertFalse(message.contains("org.a:one"), message);
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void failureOfMavenIsShown() throws IOException {
    Path mvn = script("echo '[ERROR] no route to host'; exit 1");
    String message =
        assertThrows(ResourceException.class, () -> artifacts(Optional.of(mvn), false).resolve(List.of(TWO))).getMessage();
    assertTrue(message.contains("no route to host"), message);
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void filesAreWhereMavenSaysTheyAre() throws IOException {
    Path elsewhere = Files.writeString(folder.resolve("two-2.jar"), "jar");
    Path mvn = script("for a; do case $a in -Dmdep.outputFile=*) echo '" + elsewhere + "|"
        + ONE.in(repository) + "' > ${a#*=};; esac; done");
    assertEquals(elsewhere, artifacts(Optional.of(mvn), false).resolve(List.of(ONE, TWO)).get(TWO));
  }

  @Test
  void repositoryComesFromOptionsThenSettingsThenHome() throws IOException {
    Path home = folder.resolve("home");
    assertEquals(home.resolve(".m2/repository"), MavenHome.find(Map.of(), home).repository());
    Files.createDirectories(home.resolve(".m2"));
    Path settings = home.resolve(".m2/settings.xml");
    Files.writeString(settings, "<settings><!-- x --><localRepository> ${user.home}/${env.DIR}/r </localRepository></settings>");
    assertEquals(home.resolve("d/r"), MavenHome.find(Map.of("DIR", "d"), home).repository());
    assertEquals(Path.of("/o p"),
        MavenHome.find(Map.of("MAVEN_OPTS", "-Xmx1g -Dmaven.repo.local=\"/o p\" -ea"), home).repository());
    Files.writeString(settings, "<settings>");
    assertThrows(FormatException.class, () -> MavenHome.find(Map.of(), home));
  }

  /** Maven 3.8 does not know MAVEN_ARGS: what it says is then not where files are. */
  @Test
  void argumentsCountWhereMavenReadsThem() throws IOException {
    Path home = folder.resolve("home");
    Path bin = Files.createDirectories(folder.resolve("maven/bin"));
    Map<String, String> environment = Map.of("MAVEN_HOME", folder.resolve("maven").toString(), "MAVEN_ARGS", "-Dmaven.repo.local=/r");
    Path mvn = Files.writeString(bin.resolve("mvn"), "#!/bin/sh\nexec java $MAVEN_OPTS \"$@\"\n");
    assertTrue(mvn.toFile().setExecutable(true));
    assertEquals(home.resolve(".m2/repository"), MavenHome.find(environment, home).repository());
    Files.writeString(mvn, "#!/bin/sh\nexec java $MAVEN_OPTS $MAVEN_ARGS \"$@\"\n");
    assertEquals(Path.of("/r"), MavenHome.find(environment, home).repository());
  }

  @Test
  void aDamagedFileIsNotUsed() throws IOException {
    Path file = Files.writeString(ONE.in(repository), "jaR");
    String message = assertThrows(FormatException.class, () -> artifacts(Optional.empty(), false).resolve(List.of(ONE))).getMessage();
    assertTrue(message.startsWith(file + " is damaged: its SHA-256 is ") && message.contains(JAR) && message.contains("delete the file"), message);
  }

  /** What was unpacked before is compared with the jar: its length alone says nothing. */
  @Test
  void theUnpackedModelIsThatOfTheJar() throws IOException {
    Path jar = folder.resolve("model.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      for (String name : List.of("all-minilm-l6-v2.onnx", "all-minilm-l6-v2-tokenizer.json")) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(name.getBytes(StandardCharsets.UTF_8));
      }
    }
    Path model = DemoModel.unpack(jar, folder.resolve("model"));
    Files.write(model.resolve("model.onnx"), new byte["all-minilm-l6-v2.onnx".length()]);
    DemoModel.unpack(jar, model);
    assertEquals("all-minilm-l6-v2.onnx", Files.readString(model.resolve("model.onnx")));
  }

  private MavenArtifacts artifacts(Optional<Path> mvn, boolean offline) {
    return new MavenArtifacts(new MavenHome(mvn, repository), offline, new PrintStream(said, true, StandardCharsets.UTF_8));
  }

  private Path script(String body) throws IOException {
    Path file = Files.writeString(folder.resolve("mvn"), "#!/bin/sh\n" + body + "\n");
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  private void put(Artifact artifact) throws IOException {
    Path file = artifact.in(repository);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "jar");
  }
}
