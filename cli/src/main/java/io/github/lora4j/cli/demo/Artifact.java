package io.github.lora4j.cli.demo;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A jar in a Maven repository.
 *
 * @param classifier "sources" or empty
 * @param bytes its size, known beforehand so that a download can be announced
 * @param sha256 of its bytes, in hexadecimal
 */
record Artifact(String groupId, String artifactId, String version, String classifier, long bytes, String sha256) {

  static Artifact sources(String groupId, String artifactId, String version, long bytes, String sha256) {
    return new Artifact(groupId, artifactId, version, "sources", bytes, sha256);
  }

  /**
   * The file, if it is this artifact.
   *
   * @throws FormatException if its bytes are others: damaged on disk, or not what was published
   */
  Path checked(Path file) {
    String found;
    try (InputStream in = Files.newInputStream(file);
        DigestInputStream digest = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"))) {
      digest.transferTo(OutputStream.nullOutputStream());
      found = HexFormat.of().formatHex(digest.getMessageDigest().digest());
    } catch (IOException e) {
      throw new ResourceException(file + " cannot be read: " + e.getMessage(), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    if (!found.equals(sha256)) {
      throw new FormatException("%s is damaged: its SHA-256 is %s, that of %s is %s; delete the file, and Maven fetches it again"
          .formatted(file, found, coordinates(), sha256));
    }
    return file;
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
