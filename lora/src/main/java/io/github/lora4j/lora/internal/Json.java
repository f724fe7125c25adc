package io.github.lora4j.lora.internal;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads a JSON object from an untrusted file: size, depth and duplicate keys are checked. */
public final class Json {

  private static final long MAX_BYTES = 16 << 20;
  private static final ObjectReader READER = new ObjectMapper(JsonFactory.builder()
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
      .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
      .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).maxNumberLength(100).build())
      .build())
      .readerFor(new TypeReference<LinkedHashMap<String, Object>>() { })
      .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Json() {}

  /** The object in this file. */
  public static Map<String, Object> read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new FormatException("%s: %,d bytes, but at most %,d are read of a config".formatted(file, Files.size(file), MAX_BYTES));
      }
      // Strict UTF-8 first: Jackson would guess UTF-16 and UTF-32.
      String text = Files.readString(file, StandardCharsets.UTF_8);
      Map<String, Object> object = READER.readValue(text);
      if (object == null) {
        throw new FormatException(file + ": expected a JSON object, got null");
      }
      return object;
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": there is no such file; an adapter directory holds adapter_config.json and "
          + "adapter_model.safetensors", e);
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": not UTF-8", e);
    } catch (JsonProcessingException e) {
      throw new FormatException("%s: JSON: %s%s".formatted(file, e.getOriginalMessage(),
          e.getLocation() == null ? "" : " (character " + e.getLocation().getCharOffset() + ")"), e);
    } catch (IOException e) {
      throw new ResourceException(file + ": cannot be read: " + e, e);
    }
  }
}
