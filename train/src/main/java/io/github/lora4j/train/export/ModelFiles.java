package io.github.lora4j.train.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.models.Head;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What lies beside the weights of a model in a directory of Hugging Face's form: config.json, tokenizer, chat templates, generation settings.
 */
record ModelFiles(AdaptedModel adapted, Path base, Optional<String> template) {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> COPIED = List.of("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt",
      "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "chat_template.jinja",
      "chat_template.json", "generation_config.json");
  private static final List<String> SENTENCE_TRANSFORMERS = List.of("modules.json", "sentence_bert_config.json",
      "config_sentence_transformers.json", "1_Pooling/config.json");
  private static final String TEMPLATES = "additional_chat_templates";

  /** Copies what the base has of them; a template of the adapter's own stands in the place of the base's. */
  void copy(Path to) throws IOException {
    copy(COPIED, to);
    if (template.isPresent()) {
      Files.writeString(to.resolve("chat_template.jinja"), template.get());
    }
    copy(others(), to);
    if (adapted.model().head() instanceof Head.None) {
      copy(SENTENCE_TRANSFORMERS, to);
    }
  }

  /** Files that have no fixed name. */
  private List<String> others() throws IOException {
    try (Stream<Path> files = Files.walk(base, 2)) {
      return files.map(file -> base.relativize(file).toString().replace('\\', '/'))
          .filter(name -> name.matches("[^/]+\\.tiktoken") || name.matches(TEMPLATES + "/[^/]+\\.jinja")).sorted().toList();
    }
  }

  private void copy(List<String> names, Path to) throws IOException {
    for (String name : names) {
      if (Files.isRegularFile(base.resolve(name))) {
        Files.createDirectories(to.resolve(name).getParent());
        Files.copy(base.resolve(name), to.resolve(name));
      }
    }
  }

  /**
   * Writes config.json.
   *
   * @param form says of what type the weights are
   */
  void config(Path to, MergedForm.Safetensors form) throws IOException {
    ObjectNode config = adapted.model().architecture().config().json().deepCopy();
    config.putArray("architectures").add(adapted.model().className());
    if (form.untie() && adapted.model().outputModule().isPresent()) {
      config.put("tie_word_embeddings", false);
    }
    form.dtype().ifPresent(type -> config.put(config.has("dtype") ? "dtype" : "torch_dtype", torch(type)));
    // The weights are numbers again, whatever the base had.
    config.remove("quantization_config");
    classes(config);
    JSON.writerWithDefaultPrettyPrinter().writeValue(to.resolve("config.json").toFile(), config);
  }

  private static String torch(DType type) {
    return switch (type) {
      case F64 -> "float64";
      case F32 -> "float32";
      case F16 -> "float16";
      case BF16 -> "bfloat16";
      case I64, I32, I16, I8, U8, BOOL -> throw new IllegalArgumentException(type.name());
    };
  }

  private void classes(ObjectNode config) {
    List<String> classes = adapted.classes();
    if (classes.isEmpty()) {
      return;
    }
    ObjectNode names = config.putObject("id2label");
    ObjectNode ids = config.putObject("label2id");
    for (int i = 0; i < classes.size(); i++) {
      names.put(String.valueOf(i), classes.get(i));
      ids.put(classes.get(i), i);
    }
    config.remove(List.of("num_labels", "problem_type"));
    adapted.problemType().ifPresent(type -> config.put("problem_type", type));
  }
}
