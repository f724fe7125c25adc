package io.github.lora4j.cli.demo;

import java.nio.file.Path;

/**
 * A jar in a Maven repository.
 *
 * @param classifier "sources" or empty
 * @param bytes its size, known beforehand so that a download can be announced
 */
public record Artifact(String groupId, String artifactId, String version, String classifier, long bytes) {

  static Artifact sources(String groupId, String artifactId, String version, long bytes) {
    return new Artifact(groupId, artifactId, version, "sources", bytes);
  }

  /** The name of the file, the same in every repository. */
  String fileName() {
    return artifactId + "-" + version + (classifier.isEmpty() ? "" : "-" + classifier) + ".jar";
  }

  /** Where a local repository of Maven's default layout keeps the file. */
  Path in(Path repository) {
    return repository.resolve(groupId.replace('.', '/')).resolve(artifactId).resolve(version).resolve(fileName());
  }

  /** Coordinates as {@code dependency:get} takes them. */
  String coordinates() {
    return groupId + ":" + artifactId + ":" + version + ":jar" + (classifier.isEmpty() ? "" : ":" + classifier);
  }

  /** The artifact as a dependency of a POM, without its own dependencies. */
  String dependency() {
    return "    <dependency><groupId>" + groupId + "</groupId><artifactId>" + artifactId + "</artifactId><version>" + version
        + "</version>" + (classifier.isEmpty() ? "" : "<classifier>" + classifier + "</classifier>")
        + "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>\n";
  }
}
