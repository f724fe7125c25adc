package io.github.lora4j.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelTest {

  private static final Map<String, Object> SMALL = Map.of("vocab_size", 11, "hidden_size", 4, "num_hidden_layers", 2, "num_attention_heads", 2,
      "intermediate_size", 8, "max_position_embeddings", 16);
  private static final Map<String, Object> GPT2 = Map.of("model_type", "gpt2", "vocab_size", 11, "n_embd", 4, "n_layer", 2, "n_head", 2,
      "n_positions", 16);

  private static Map<String, Object> fields(String type, Object... more) {
    Map<String, Object> fields = new HashMap<>(type.equals("gpt2") ? GPT2 : SMALL);
    fields.put("model_type", type);
    for (int i = 0; i < more.length; i += 2) {
      fields.put((String) more[i], more[i + 1]);
    }
    return fields;
  }

  private static Architecture architecture(String type, Object... more) {
    return ModelConfig.of(fields(type, more)).architecture();
  }

  private static Head head(String name) {
    return switch (name) {
      case "None" -> new Head.None();
      case "SequenceClassification" -> new Head.SequenceClassification(3);
      case "TokenClassification" -> new Head.TokenClassification(3);
      case "QuestionAnswering" -> new Head.QuestionAnswering();
      case "LanguageModel" -> new Head.LanguageModel();
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** The names, kinds, sizes and order that lora4j had as lists of their own before they were derived, with all containers between. */
  @Test
  void modulesAreThoseOfTheRecordingInHuggingFacesOrder() throws IOException {
    List<String> got = new ArrayList<>();
    for (String name : List.of("bert SequenceClassification", "roberta SequenceClassification", "bert None", "roberta QuestionAnswering",
        "bert QuestionAnswering", "bert LanguageModel", "llama LanguageModel", "qwen2 SequenceClassification", "gpt2 LanguageModel",
        "gpt2 SequenceClassification", "llama replicated")) {
      String[] of = name.split(" ");
      Architecture architecture = of[0].equals("llama") ? architecture("llama", "tie_word_embeddings", true) : architecture(of[0]);
      Model model = of[1].equals("replicated") ? new Model(architecture.replicated(List.of(List.of(0, 2), List.of(1, 2))), head("LanguageModel"))
          : new Model(architecture, head(of[1]));
      got.add("# %s | %s | %s".formatted(name, model.outputModule().orElse(""), new TreeMap<>(model.tied())));
      model.modules().forEach(m -> got.add("%s %s %d %d %s".formatted(m.name(), m.kind(), m.in(), m.out(), m.bias())));
    }
    try (InputStream in = Objects.requireNonNull(ModelTest.class.getResourceAsStream("/modules/named_modules.txt"))) {
      assertEquals(new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().collect(Collectors.joining("\n")), String.join("\n", got));
    }
  }

  /** Every parameter of a family that llama.cpp knows has a name there, but for what heads of one task bring. */
  @ParameterizedTest
  @ValueSource(strings = {"bert", "roberta", "llama", "qwen2", "mistral", "gpt2"})
  void everyModuleHasANameInGguf(String type) {
    Model model = new Model(architecture(type), new Head.None());
    Map<String, String> gguf = model.architecture().facts().files().gguf();
    Set<String> wanted = model.modules().stream().filter(m -> m.out() > 0).map(m -> m.name().replaceAll("\\.[0-9]+\\.", ".{}."))
        .collect(Collectors.toSet());
    assertEquals(wanted, gguf.keySet().stream().filter(name -> !name.equals("lm_head")).collect(Collectors.toSet()));
  }

  @Test
  void theHeadsParametersAloneMayBeDrawn() {
    Model classifier = new Model(architecture("bert"), head("SequenceClassification"));
    assertTrue(classifier.drawn("bert.pooler.dense.weight") && classifier.drawn("classifier.bias"));
    assertFalse(classifier.drawn("bert.encoder.layer.0.attention.self.query.weight"));
    assertFalse(new Model(architecture("llama"), head("LanguageModel")).drawn("lm_head.weight"));
  }

  private record Toy(Architecture as, FamilyFacts facts) implements Architecture {
    @Override
    public ModelConfig config() {
      return as.config();
    }

    @Override
    public int vocabSize() {
      return as.vocabSize();
    }

    @Override
    public int hiddenSize() {
      return as.hiddenSize();
    }

    @Override
    public int maxPositions() {
      return as.maxPositions();
    }

    @Override
    public double initializerRange() {
      return as.initializerRange();
    }

    @Override
    public Rows rowsOf(Head head) {
      return as.rowsOf(head);
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      return as.hidden(sites, in, rows);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return as.logits(sites, head, rows);
    }
  }

  /** What a family says of itself must be what it records. */
  @Test
  void factsThatNoRecordingMakesAreRefused() {
    Architecture bert = architecture("bert");
    FamilyFacts facts = bert.facts();
    FamilyFacts.AdapterPlaces places = new FamilyFacts.AdapterPlaces(List.of("q_proj"), List.of(), List.of(), List.of(), List.of());
    String message = assertThrows(ConfigException.class, () -> new Model(new Toy(bert, new FamilyFacts(facts.prefix(), facts.classes(), places,
        facts.files())), new Head.None())).getMessage();
    assertTrue(message.contains(Toy.class.getName()) && message.contains("'q_proj'"), message);
    FamilyFacts.FileNames files = new FamilyFacts.FileNames(Map.of(), "layers.", "num_hidden_layers", Map.of(), List.of());
    message = assertThrows(ConfigException.class, () -> new Model(new Toy(bert, new FamilyFacts(facts.prefix(), facts.classes(),
        facts.adapters(), files)), new Head.QuestionAnswering())).getMessage();
    assertTrue(message.contains(Toy.class.getName()) && message.contains("num_hidden_layers is 2") && message.contains("0 layers"), message);
  }

  private static final class Again implements ModelFamily {
    @Override
    public Set<String> modelTypes() {
      return Set.of("llama", "gpt2");
    }

    @Override
    public Architecture of(ModelConfig config) {
      throw new AssertionError();
    }
  }

  @Test
  void twoFamiliesOfOneTypeClash() {
    List<ModelFamily> families = new ArrayList<>(ModelFamily.all().values().stream().distinct().toList());
    families.add(new Again());
    String message = assertThrows(ConfigException.class, () -> ModelFamily.byType(families)).getMessage();
    assertTrue(message.contains(Again.class.getName()) && message.contains("models.families."), message);
  }

  @Test
  void whatIsNotThereIsToldWithWhatIs() {
    String message = assertThrows(FormatException.class, () -> architecture("xlnet")).getMessage();
    assertEquals("config: model_type is \"xlnet\"; supported are: " + String.join(", ", ModelFamily.all().keySet()), message);
    message = assertThrows(ConfigException.class, () -> new Model(architecture("llama"), head("QuestionAnswering"))).getMessage();
    assertTrue(message.contains("QuestionAnswering") && message.contains("LlamaForCausalLM"), message);
  }

  /** A field of another type is an error, never the default. */
  @ParameterizedTest
  @CsvSource({"bert, layer_norm_eps", "bert, type_vocab_size", "bert, hidden_act", "bert, position_embedding_type", "bert, is_decoder",
      "bert, num_hidden_layers", "bert, vocab_size", "bert, initializer_range", "bert, tie_word_embeddings", "roberta, pad_token_id",
      "llama, rms_norm_eps", "llama, rope_theta", "llama, head_dim", "llama, num_key_value_heads", "llama, attention_bias", "llama, mlp_bias",
      "llama, tie_word_embeddings", "llama, rope_scaling", "llama, hidden_act", "qwen2, use_sliding_window", "mistral, sliding_window",
      "gpt2, layer_norm_epsilon", "gpt2, n_inner", "gpt2, scale_attn_weights", "gpt2, scale_attn_by_inverse_layer_idx",
      "gpt2, activation_function", "gpt2, tie_word_embeddings"})
  void fieldsOfAnotherTypeAreRefused(String type, String field) {
    for (Object wrong : Stream.of("x", List.of(1), -0.5).filter(w -> !(w instanceof String) || !field.endsWith("_act")).toList()) {
      String message = assertThrows(FormatException.class, () -> new Model(architecture(type, field, wrong), new Head.LanguageModel()),
          field + " " + wrong).getMessage();
      assertTrue(message.contains(field), message);
    }
  }

  /** Padding inside a sequence leaves the positions of its tokens. */
  @Test
  void sequencesOutOfTheModelsRangeAreRefused() {
    PackedInputs in = PackedInputs.declare(new io.github.lora4j.graph.ProgramBuilder(), 20, 2, new PackedInputs.Limits(6, 0, 11));
    PackedBatch batch = new PackedBatch(in);
    String message = assertThrows(ConfigException.class, () -> batch.add(new int[] {1, 11}, new int[2], 7)).getMessage();
    assertTrue(message.contains("example 7") && message.contains("id 11") && message.contains("0 to 10"), message);
    batch.add(PackedBatch.Sequence.of(new int[] {1, 2}, new int[2], 0).at(new int[] {3, 5}));
    message = assertThrows(ConfigException.class, () -> batch.add(PackedBatch.Sequence.of(new int[] {1, 2}, new int[2], 0).at(new int[] {3, 6})))
        .getMessage();
    assertTrue(message.contains("below 6"), message);
    assertEquals(1, batch.sequences());
  }

  /** Recording layers takes time; that there are no weights for them is seen before. */
  @ParameterizedTest
  @CsvSource({"bert, num_hidden_layers", "gpt2, n_layer", "llama, num_hidden_layers"})
  void layersWithoutWeightsAreRefusedAtOnce(String type, String field, @TempDir Path directory) throws IOException {
    Files.writeString(directory.resolve("config.json"), new ObjectMapper().writeValueAsString(fields(type, field, 65535)));
    try (Arena arena = Arena.ofConfined()) {
      new SafetensorsWriter().add(new TensorInfo("h.0.ln_1.weight", DType.F32, List.of(1L)), arena.allocate(4, 64))
          .write(directory.resolve("model.safetensors"));
    }
    ModelDirectory model = ModelDirectory.open(directory);
    String message = assertThrows(FormatException.class, model::architecture).getMessage();
    assertTrue(message.contains(field + " is 65535") && message.contains("65534.") && message.contains("model.safetensors"), message);
  }

  @Test
  void aModuleIsOfOneKind() {
    ModuleTree tree = new ModuleTree();
    tree.module(ModuleInfo.linear("a.b", 2, 3, true));
    assertThrows(ConfigException.class, () -> tree.module(ModuleInfo.linear("a.b", 2, 3, false)));
    tree.order("a", List.of("c"));
    assertThrows(ConfigException.class, tree::listed);
    assertEquals(Optional.empty(), new Model(architecture("bert"), new Head.None()).logitsModule());
  }
}
