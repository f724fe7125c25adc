package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Llama (Touvron et al. 2023); SmolLM 1 and 2 and TinyLlama are Llamas. */
public final class LlamaFamily implements ModelFamily {
  static final FamilyFacts.AdapterPlaces ADAPTERS = new FamilyFacts.AdapterPlaces(List.of("q_proj", "v_proj"), List.of("q_proj", "v_proj"),
      List.of("k_proj", "v_proj", "down_proj"), List.of("down_proj"), List.of("self_attn.o_proj", "mlp.down_proj"));

  /** Of the families for which PEFT's table of (IA)³ names queries, not keys. */
  static final FamilyFacts.AdapterPlaces QUERIES = new FamilyFacts.AdapterPlaces(ADAPTERS.lora(), ADAPTERS.adaLora(),
      List.of("q_proj", "v_proj", "down_proj"), ADAPTERS.ia3Feedforward(), ADAPTERS.blockOutputs());

  /** Where PEFT's tables have no places, but blocks end as Llama's do. */
  static final FamilyFacts.AdapterPlaces BLOCKS = new FamilyFacts.AdapterPlaces(List.of(), List.of(), List.of(), List.of(),
      ADAPTERS.blockOutputs());

  /** The names of Llama's modules in GGUF. */
  static final Map<String, String> GGUF = Map.ofEntries(Map.entry("embed_tokens", "token_embd"),
      Map.entry("layers.{}.input_layernorm", "blk.{}.attn_norm"), Map.entry("layers.{}.self_attn.q_proj", "blk.{}.attn_q"),
      Map.entry("layers.{}.self_attn.k_proj", "blk.{}.attn_k"), Map.entry("layers.{}.self_attn.v_proj", "blk.{}.attn_v"),
      Map.entry("layers.{}.self_attn.o_proj", "blk.{}.attn_output"), Map.entry("layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"),
      Map.entry("layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"), Map.entry("layers.{}.mlp.up_proj", "blk.{}.ffn_up"),
      Map.entry("layers.{}.mlp.down_proj", "blk.{}.ffn_down"), Map.entry("norm", "output_norm"), Map.entry("lm_head", "output"));

  @Override
  public Set<String> modelTypes() {
    return Set.of("llama");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("llama", "llama", GgufKeys.tensor("blk.0.attn_q.bias", "attention_bias"), GgufKeys.tensor("blk.0.ffn_up.bias", "mlp_bias")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    boolean bias = config.flag("attention_bias", false);
    return new Llama(config, facts(classes("Llama", true), ADAPTERS, GGUF, List.of("q_proj", "k_proj")),
        new Llama.Biases(bias, bias, config.flag("mlp_bias", false)));
  }

  /** What Llamas of all names have in common, but their classes, where adapters go, GGUF's names and what of q and k llama.cpp permutes. */
  static FamilyFacts facts(Map<Class<? extends Head>, String> classes, FamilyFacts.AdapterPlaces adapters, Map<String, String> gguf,
      List<String> permuted) {
    return new FamilyFacts("model.", classes, adapters, new FamilyFacts.FileNames(Map.of(), "layers.", "num_hidden_layers", gguf, permuted));
  }

  /** Hugging Face's classes of a family, by the word that they begin with. */
  static Map<Class<? extends Head>, String> classes(String name, boolean tokens) {
    Map<Class<? extends Head>, String> classes = new HashMap<>(Map.of(Head.None.class, name + "Model", Head.SequenceClassification.class,
        name + "ForSequenceClassification", Head.LanguageModel.class, name + "ForCausalLM"));
    if (tokens) {
      classes.put(Head.TokenClassification.class, name + "ForTokenClassification");
    }
    return classes;
  }

  /** GGUF's names with some others. */
  static Map<String, String> gguf(Map<String, String> others, String... without) {
    Map<String, String> names = new HashMap<>(GGUF);
    names.putAll(others);
    List.of(without).forEach(names::remove);
    return names;
  }
}
