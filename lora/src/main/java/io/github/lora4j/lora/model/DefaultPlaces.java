package io.github.lora4j.lora.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Where adapters go in a family of models if nothing is said: facts of the family, by the ends of its modules' names. What is unset or empty
 * has no default.
 *
 * @param lora target_modules of LoRA
 * @param adaLora target_modules of AdaLoRA
 * @param ia3 target_modules of (IA)³
 * @param ia3Feedforward those of them whose input is scaled
 * @param blockOutputs the last linear module of each block, behind which bottleneck adapters stand
 */
public record DefaultPlaces(TargetModules lora, TargetModules adaLora, List<String> ia3, List<String> ia3Feedforward,
    List<String> blockOutputs) {

  /** Nowhere. */
  public static final DefaultPlaces NONE = new DefaultPlaces(TargetModules.UNSET, TargetModules.UNSET, List.of(), List.of(), List.of());

  /** Copies the lists. */
  public DefaultPlaces {
    ia3 = List.copyOf(ia3);
    ia3Feedforward = List.copyOf(ia3Feedforward);
    blockOutputs = List.copyOf(blockOutputs);
  }

  /** Places by names alone. */
  public static DefaultPlaces of(List<String> lora, List<String> adaLora, List<String> ia3, List<String> ia3Feedforward,
      List<String> blockOutputs) {
    return new DefaultPlaces(names(lora), names(adaLora), ia3, ia3Feedforward, blockOutputs);
  }

  /** PEFT's tables, for models whose family says nothing. */
  public static DefaultPlaces ofPeft(String modelType) {
    return new DefaultPlaces(targets(Tables.PEFT.path("lora").path(modelType)), targets(Tables.PEFT.path("adalora").path(modelType)),
        texts(Tables.PEFT.path("ia3").path(modelType)), texts(Tables.PEFT.path("ia3_feedforward").path(modelType)),
        texts(Tables.PEFT.path("block_outputs").path(modelType)));
  }

  private static TargetModules targets(JsonNode entry) {
    return entry.isTextual() ? new TargetModules.Regex(entry.textValue()) : names(texts(entry));
  }

  private static TargetModules names(List<String> names) {
    return names.isEmpty() ? TargetModules.UNSET : new TargetModules.Names(names);
  }

  private static List<String> texts(JsonNode entry) {
    List<String> texts = new ArrayList<>();
    entry.forEach(text -> texts.add(text.textValue()));
    return texts;
  }

  /** Read when a family is first looked up, which those that say where adapters go never are. */
  private static final class Tables {
    static final JsonNode PEFT = load();
  }

  private static JsonNode load() {
    try (InputStream in = DefaultPlaces.class.getResourceAsStream("/io/github/lora4j/lora/peft-places.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
