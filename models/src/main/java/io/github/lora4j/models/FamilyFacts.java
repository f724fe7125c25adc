package io.github.lora4j.models;

import java.util.List;
import java.util.Map;

/**
 * What is known of a family beside its recording.
 *
 * @param prefix what names of the base model begin with inside a model that has a head: "bert."
 * @param classes Hugging Face's class for each head there is: "BertForSequenceClassification", what {@code architectures} in config.json says
 * @param adapters what adapters take where a recipe says nothing
 * @param files what files call things
 */
public record FamilyFacts(String prefix, Map<Class<? extends Head>, String> classes, AdapterPlaces adapters, FileNames files) {

  /** Copies the collections. */
  public FamilyFacts {
    classes = Map.copyOf(classes);
  }

  /**
   * Modules that adapters take where a recipe names none, by the ends of their names; empty: there is no default.
   *
   * @param lora target_modules of LoRA, PEFT's table
   * @param adaLora target_modules of AdaLoRA, PEFT's table
   * @param ia3 target_modules of (IA)³
   * @param ia3Feedforward those of them whose input is scaled
   * @param blockOutputs last linear module of attention and of feed-forward, behind which Houlsby's adapters stand
   */
  public record AdapterPlaces(List<String> lora, List<String> adaLora, List<String> ia3, List<String> ia3Feedforward,
      List<String> blockOutputs) {

    /** Nowhere. */
    public static final AdapterPlaces NONE = new AdapterPlaces(List.of(), List.of(), List.of(), List.of(), List.of());

    /** Copies the lists. */
    public AdapterPlaces {
      lora = List.copyOf(lora);
      adaLora = List.copyOf(adaLora);
      ia3 = List.copyOf(ia3);
      ia3Feedforward = List.copyOf(ia3Feedforward);
      blockOutputs = List.copyOf(blockOutputs);
    }
  }

  /**
   * Names in files.
   *
   * @param alternatives other ends of parameters' names that files have, by ours: "LayerNorm.weight" to "LayerNorm.gamma"
   * @param layers what numbered layers lie under inside the base model: "encoder.layer."; empty where there are none
   * @param layerCount the field of config.json that says how many
   * @param gguf modules inside the base model, or of its output layer, by their names in GGUF, with {@code {}} for a layer's number; empty
   *     where llama.cpp does not know the family
   * @param permuted modules, by the ends of their names, whose rows GGUF holds in another order: pairs of rotary positions beside each other
   */
  public record FileNames(Map<String, String> alternatives, String layers, String layerCount, Map<String, String> gguf,
      List<String> permuted) {

    /** Names as Hugging Face has them. */
    public static final FileNames PLAIN = new FileNames(Map.of(), "", "", Map.of(), List.of());

    /** Copies the collections. */
    public FileNames {
      alternatives = Map.copyOf(alternatives);
      gguf = Map.copyOf(gguf);
      permuted = List.copyOf(permuted);
    }
  }
}
