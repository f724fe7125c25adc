package io.github.lora4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Families against what transformers 5.18 makes of the same config.json: {@code named_modules()} with their kinds, recorded
 * without rotary tables, which are no modules here, and without second names of one module.
 */
class FamiliesTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static List<JsonNode> recorded() throws IOException {
    List<JsonNode> all = new ArrayList<>();
    try (InputStream in = Objects.requireNonNull(FamiliesTest.class.getResourceAsStream("/modules/transformers.json"))) {
      JSON.readTree(in).forEach(all::add);
    }
    return all;
  }

  private static Head head(String name) {
    return switch (name) {
      case "LanguageModel" -> new Head.LanguageModel();
      case "TokenClassification" -> new Head.TokenClassification(2);
      case "SequenceClassification" -> new Head.SequenceClassification(2);
      case "QuestionAnswering" -> new Head.QuestionAnswering();
      default -> throw new IllegalArgumentException(name);
    };
  }

  @TestFactory
  Stream<DynamicTest> modulesAreThoseOfTransformers() throws IOException {
    return recorded().stream().map(c -> DynamicTest.dynamicTest(c.path("class").textValue(), () -> {
      Model model = new Model(new ModelConfig(c.path("config"), "config").architecture(), head(c.path("head").textValue()));
      assertEquals(c.path("class").textValue(), model.className());
      List<String> wanted = new ArrayList<>();
      c.path("modules").forEach(m -> wanted.add(m.textValue()));
      assertEquals(String.join("\n", wanted), model.modules().stream().map(FamiliesTest::line).collect(Collectors.joining("\n")));
    }));
  }

  private static String line(ModuleInfo module) {
    Kind kind = module.kind();
    return module.name() + " " + (Set.of(Kind.LINEAR, Kind.EMBEDDING, Kind.LAYER_NORM, Kind.DROPOUT).contains(kind) ? kind : "OTHER");
  }

  private static ObjectNode config(String type) throws IOException {
    return recorded().stream().map(c -> (ObjectNode) c.path("config")).filter(c -> c.path("model_type").textValue().equals(type)).findFirst()
        .orElseThrow().deepCopy();
  }

  /** What a config.json says and is not computed is refused, with the field and what it says. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "llama | rope_scaling | {\"rope_type\": \"spiral\", \"factor\": 2} | spiral",
      "llama | rope_parameters | {\"rope_type\": \"yarn\"} | factor",
      "llama | rope_parameters | {\"rope_type\": \"longrope\", \"short_factor\": [1], \"long_factor\": [1, 2, 3, 4]} | short_factor",
      "llama | rope_parameters | {\"rope_type\": \"dynamic\", \"factor\": -2} | factor",
      "llama | hidden_act | \"swiglu\" | swiglu",
      "llama | partial_rotary_factor | 1.5 | 1.5",
      "mistral | sliding_window | \"4\" | sliding_window",
      "mistral | layer_types | [\"chunked_attention\"] | chunked_attention",
      "qwen2 | layer_types | [\"full_attention\", \"full_attention\"] | layer_types",
      "gemma2 | sliding_window | -1 | sliding_window",
      "qwen3 | max_window_layers | \"all\" | max_window_layers",
      "gemma | use_bidirectional_attention | true | use_bidirectional_attention",
      "gemma2 | attn_logit_softcapping | 0 | attn_logit_softcapping",
      "gemma2 | query_pre_attn_scalar | \"x\" | query_pre_attn_scalar",
      "gemma3_text | sliding_window_pattern | 0 | sliding_window_pattern",
      "gemma3_text | rope_parameters | {\"full_attention\": {\"rope_type\": \"default\"}} | sliding_attention",
      "phi3 | partial_rotary_factor | 1.5 | 1.5",
      "phi | qk_layernorm | true | qk_layernorm",
      "smollm3 | no_rope_layers | [1, 0] | no_rope_layers",
      "smollm3 | no_rope_layers | [1, 0, 2, 1] | no_rope_layers",
      "olmo3 | rope_parameters | {\"full_attention\": {\"rope_theta\": 5}, \"sliding_attention\": {\"rope_theta\": 6}} | sliding_attention",
      "granite | logits_scaling | 0 | logits_scaling",
      "gpt_neox | rotary_pct | 2 | 2.0",
      "starcoder2 | norm_type | \"rms_norm\" | norm_type",
      "cohere | use_qk_norm | true | use_qk_norm",
      "opt | layer_norm_elementwise_affine | false | layer_norm_elementwise_affine",
      "gptj | rotary_dim | 7 | rotary_dim",
      "t5 | feed_forward_proj | \"gated-relu6\" | gated-relu6",
      "t5 | relative_attention_num_buckets | 6 | relative_attention_num_buckets",
      "bart | encoder_attention_heads | 5 | encoder_attention_heads",
      "distilbert | n_heads | 5 | n_heads",
      "deberta | talking_head | true | talking_head",
      "deberta | pooler_hidden_size | 25 | pooler_hidden_size",
      "deberta | pos_att_type | 3 | pos_att_type",
      "deberta | type_vocab_size | -1 | type_vocab_size",
      "deberta-v2 | attention_head_size | 5 | attention_head_size",
      "deberta-v2 | position_buckets | 1 | position_buckets",
      "deberta-v2 | conv_kernel_size | 4 | conv_kernel_size",
      "deberta-v2 | max_relative_positions | \"all\" | max_relative_positions",
      "deberta-v2 | hidden_act | \"swiglu\" | swiglu",
      "distilbert | activation | \"glu\" | glu",
      "electra | embedding_size | 0 | embedding_size",
      "electra | position_embedding_type | \"relative_key\" | relative_key",
      "albert | num_hidden_groups | 9 | num_hidden_groups",
      "albert | inner_group_num | \"1\" | inner_group_num",
      "mpnet | relative_attention_num_buckets | 64 | relative_attention_num_buckets",
      "mpnet | max_position_embeddings | 2 | max_position_embeddings",
      "modernbert | classifier_pooling | \"max\" | classifier_pooling",
      "modernbert | layer_types | [\"full_attention\"] | layer_types",
      "modernbert | norm_bias | 1 | norm_bias"})
  void whatIsNotComputedIsRefused(String type, String field, String value, String said) throws IOException {
    ObjectNode config = config(type);
    config.remove(List.of("rope_scaling", "rope_parameters", "layer_types", "sliding_window_pattern"));
    config.set(field, JSON.readTree(value));
    String message = assertThrows(FormatException.class, () -> new Model(new ModelConfig(config, "config.json").architecture(),
        new Head.LanguageModel())).getMessage();
    assertTrue(message.contains("config.json") && message.contains(said), message);
  }

  /** Where adapters go when nothing is said: the tables of PEFT 0.21 for LoRA, AdaLoRA, (IA)³ and what of it is feed-forward. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "llama | q_proj v_proj | q_proj v_proj | k_proj v_proj down_proj | down_proj",
      "mistral | q_proj v_proj | | k_proj v_proj down_proj | down_proj",
      "qwen2 | q_proj v_proj | q_proj v_proj | q_proj v_proj down_proj | down_proj",
      "qwen3 | q_proj v_proj | q_proj v_proj | q_proj v_proj down_proj | down_proj",
      "gemma | q_proj v_proj | q_proj v_proj | q_proj v_proj down_proj | down_proj",
      "gemma2 | q_proj v_proj | q_proj v_proj | q_proj v_proj down_proj | down_proj",
      "gemma3_text | q_proj v_proj | q_proj v_proj | q_proj v_proj down_proj | down_proj",
      "phi | q_proj v_proj fc1 fc2 | | q_proj v_proj fc2 | fc2",
      "gpt_neox | query_key_value | query_key_value | query_key_value dense_4h_to_h | dense_4h_to_h",
      "opt | q_proj v_proj | q_proj k_proj v_proj out_proj fc1 fc2 | q_proj k_proj fc2 | fc2",
      "gptj | q_proj v_proj | q_proj v_proj | q_proj v_proj fc_out | fc_out",
      "bart | q_proj v_proj | q_proj k_proj v_proj out_proj fc1 fc2 | q_proj v_proj fc2 | fc2",
      "t5 | q v | q k v o wo | k v wo | wo",
      "phi3 | | | |", "smollm3 | | | |", "olmo2 | | | |", "granite | | | |", "starcoder2 | | | |", "cohere | | | |"})
  void defaultPlacesArePefts(String type, String lora, String adaLora, String ia3, String feedForward) throws IOException {
    FamilyFacts.AdapterPlaces places = new ModelConfig(config(type), "config.json").architecture().facts().adapters();
    assertEquals(List.of(names(lora), names(adaLora), names(ia3), names(feedForward)),
        List.of(places.lora(), places.adaLora(), places.ia3(), places.ia3Feedforward()));
  }

  private static List<String> names(String text) {
    return text == null ? List.of() : List.of(text.split(" "));
  }

  /** Layers that differ by their number have no copies with other numbers. */
  @ParameterizedTest
  @ValueSource(strings = {"gemma3_text", "smollm3", "olmo3"})
  void layersThatDifferAreNotReplicated(String type) throws IOException {
    Architecture architecture = new ModelConfig(config(type), "config.json").architecture();
    assertThrows(ConfigException.class, () -> architecture.replicated(List.of(List.of(0, 2), List.of(1, 2))));
  }

  /** Where GGUF has names, it has one for every module with weights. */
  @TestFactory
  Stream<DynamicTest> everyModuleHasANameInGguf() throws IOException {
    return recorded().stream().filter(c -> c.path("head").textValue().equals("LanguageModel")).map(c -> DynamicTest.dynamicTest(
        c.path("class").textValue(), () -> {
          Model model = new Model(new ModelConfig(c.path("config"), "config").architecture(), new Head.None());
          Set<String> names = model.architecture().facts().files().gguf().keySet();
          Set<String> wanted = model.modules().stream().filter(m -> m.out() > 0).map(m -> m.name().replaceAll("\\.[0-9]+\\.", ".{}."))
              .collect(Collectors.toSet());
          assertTrue(names.isEmpty() || wanted.equals(names.stream().filter(name -> !name.equals("lm_head")).collect(Collectors.toSet())),
              wanted + " against " + names);
        }));
  }

  @Test
  void sourcesGoWithModelsThatReadThem() throws IOException {
    var program = new io.github.lora4j.graph.ProgramBuilder();
    PackedInputs in = PackedInputs.declare(program, 20, 2, new PackedInputs.Limits(6, 0, 11));
    assertThrows(ConfigException.class, () -> new PackedBatch(in).source(new int[] {1}));
    in.source();
    PackedBatch batch = new PackedBatch(in);
    batch.add(new int[] {1, 2}, new int[2], 0);
    for (int[] wrong : new int[][] {{}, {1, 2, 3, 4, 5, 6, 7}, {11}, {-1}}) {
      assertThrows(Lora4jException.class, () -> batch.source(wrong));
    }
    batch.source(new int[] {3, 4, 5});
  }
}
