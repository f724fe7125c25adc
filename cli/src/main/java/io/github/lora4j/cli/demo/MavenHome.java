package io.github.lora4j.cli.demo;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;
import org.xml.sax.helpers.DefaultHandler;

/**
 * The user's Maven: its command and its local repository, found without starting it.
 *
 * @param command {@code mvn}, empty when there is none
 * @param repository the local repository, as far as Maven's options and settings files tell
 */
public record MavenHome(Optional<Path> command, Path repository) {

  private static final Pattern REPO_OPTION = Pattern.compile("-Dmaven\\.repo\\.local=(\"[^\"]*\"|\\S+)");
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{(env\\.)?([^}]+)}");

  /**
   * Finds both: the command in MAVEN_HOME, M2_HOME, then PATH; the repository in -Dmaven.repo.local of MAVEN_ARGS, where
   * that Maven reads it, or MAVEN_OPTS, then the user's and Maven's own settings.xml, then {@code ~/.m2/repository}.
   */
  public static MavenHome find(Map<String, String> environment, Path home) {
    Optional<Path> command = command(environment);
    for (String variable : List.of("MAVEN_ARGS", "MAVEN_OPTS")) {
      Matcher option = REPO_OPTION.matcher(environment.getOrDefault(variable, ""));
      if (option.find() && (variable.equals("MAVEN_OPTS") || command.map(mvn -> names(mvn, variable)).orElse(true))) {
        return new MavenHome(command, Path.of(option.group(1).replace("\"", "")));
      }
    }
    List<Path> settings = new ArrayList<>(List.of(home.resolve(".m2/settings.xml")));
    command.ifPresent(mvn -> settings.add(Objects.requireNonNull(mvn.getParent(), "a file in a folder").resolveSibling("conf/settings.xml")));
    for (Path file : settings) {
      Optional<Path> repository = Files.isReadable(file) ? localRepository(file, environment, home) : Optional.empty();
      if (repository.isPresent()) {
        return new MavenHome(command, repository.get());
      }
    }
    return new MavenHome(command, home.resolve(".m2/repository"));
  }

  /** Whether Maven's script looks at a variable: before 3.9 it passes MAVEN_ARGS by. */
  private static boolean names(Path script, String variable) {
    try {
      return Files.readString(script, StandardCharsets.ISO_8859_1).contains(variable);
    } catch (IOException e) {
      throw new ResourceException(script + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static Optional<Path> command(Map<String, String> environment) {
    List<Path> candidates = new ArrayList<>();
    boolean windows = File.separatorChar == '\\';
    for (String variable : List.of("MAVEN_HOME", "M2_HOME")) {
      if (!environment.getOrDefault(variable, "").isBlank()) {
        candidates.add(Path.of(environment.get(variable), "bin", windows ? "mvn.cmd" : "mvn"));
      }
    }
    for (String folder : environment.getOrDefault("PATH", environment.getOrDefault("Path", "")).split(File.pathSeparator)) {
      if (!folder.isBlank()) {
        candidates.add(Path.of(folder.replace("\"", ""), windows ? "mvn.cmd" : "mvn"));
      }
    }
    return candidates.stream().filter(Files::isExecutable).findFirst().map(MavenHome::real);
  }

  /** Distributions link {@code /usr/bin/mvn} into Maven's home, which holds the settings. */
  private static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be followed (" + e.getMessage() + ")", e);
    }
  }

  private static Optional<Path> localRepository(Path settings, Map<String, String> environment, Path home) {
    NodeList children;
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      DocumentBuilder builder = factory.newDocumentBuilder();
      // The default handler prints on stderr what the exception says anyway.
      builder.setErrorHandler(new DefaultHandler());
      children = builder.parse(settings.toFile()).getDocumentElement().getChildNodes();
    } catch (IOException | SAXException | ParserConfigurationException e) {
      throw new FormatException(settings + ": Maven's settings cannot be read (" + e.getMessage() + ")", e);
    }
    for (int i = 0; i < children.getLength(); i++) {
      Node child = children.item(i);
      if (child.getNodeName().equals("localRepository") && !child.getTextContent().isBlank()) {
        Matcher variables = VARIABLE.matcher(child.getTextContent().strip());
        return Optional.of(Path.of(variables.replaceAll(v -> Matcher.quoteReplacement(
            v.group(1) != null ? environment.getOrDefault(v.group(2), v.group())
                : v.group(2).equals("user.home") ? home.toString() : System.getProperty(v.group(2), v.group())))));
      }
    }
    return Optional.empty();
  }
}
