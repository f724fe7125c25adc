package io.github.lora4j.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.lora.AdapterParameter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraMerge;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.lora.PeftFormat;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SentenceEmbedder;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A model with its adapter merged in, as a complete directory that Hugging Face transformers loads: weights, {@code config.json} with
 * the head's labels, tokenizer files.
 */
public final class MergedModel {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> TOKENIZER = List.of("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt",
      "special_tokens_map.json", "added_tokens.json");
  private static final List<String> SENTENCE_TRANSFORMERS = List.of("modules.json", "sentence_bert_config.json",
      "config_sentence_transformers.json", "1_Pooling/config.json");

  private MergedModel() {}

  /**
   * Merges the adapter of a finished run into its base model.
   *
   * @param untie see {@link #ofAdapter}
   */
  public static void ofRun(Path run, Optional<Path> model, boolean untie, Path output) {
    Recipe recipe = RunDirectory.recipe(run);
    ModelDirectory base = BaseModel.open(model.orElse(recipe.model()));
    write(base, taskOf(recipe, base), TrainedModel.adapter(run), recipe.data().labels(), Optional.of(recipe.training().seed()), untie, output);
  }

  /**
   * Merges any adapter directory; what kind of head it has is read from its config and tensors.
   *
   * @param untie write parameters that share a tensor as tensors of their own: an output layer tied to the embedding, replicated layers
   * @throws ConfigException when the adapter changes only one of the modules that share a weight, and they are not to be untied
   */
  public static void ofAdapter(Path model, Path adapter, boolean untie, Path output) {
    ModelDirectory base = BaseModel.open(model);
    RecordedTask task = taskOf(adapter, base);
    List<String> labels = task instanceof SequenceClassifier classifier && base.config().labels().size() == classifier.labels()
        ? base.config().labels() : List.of();
    write(base, task, adapter, labels, Optional.empty(), untie, output);
  }

  /** The task a run trained. */
  static RecordedTask taskOf(Recipe recipe, ModelDirectory base) {
    return recipe.task().on(base, recipe.data().labels());
  }

  /** The task an adapter directory has a head for. */
  static RecordedTask taskOf(Path adapter, ModelDirectory base) {
    Map<String, Object> config = PeftFormat.config(adapter);
    try (Checkpoint tensors = Checkpoint.open(PeftFormat.weights(adapter))) {
      return taskOf(tensors, AdapterParameter.PREFIX, config, base);
    }
  }

  /** The task that tensors have a head for, whose names begin with {@code prefix}. */
  static RecordedTask taskOf(Checkpoint tensors, String prefix, Map<String, Object> config, ModelDirectory base) {
    Architecture architecture = config.get("layer_replication") == null ? base.architecture()
        : base.architecture().replicated(LoraConfig.ofPeft(config).reach().layerReplication());
    String head = prefix + new Model(architecture, new Head.SequenceClassification(1)).logitsModule().orElseThrow() + ".weight";
    if (tensors.names().contains(head)) {
      int outputs = Math.toIntExact(tensors.info(head).shape().getFirst());
      return new SequenceClassifier(architecture, outputs, outputs == 1 ? Loss.MSE : Loss.CROSS_ENTROPY);
    }
    return architecture.rowsOf(new Head.LanguageModel()) == Rows.LAST ? new CausalLm(architecture)
        : new SentenceEmbedder(architecture, SentenceEmbedder.Pooling.MEAN, 20);
  }

  private static void write(ModelDirectory base, RecordedTask task, Path adapter, List<String> labels, Optional<Long> seed, boolean untie,
      Path output) {
    ModelDescription model = BaseModel.description(task);
    try (LoadedAdapter loaded = PeftFormat.load(adapter, model); Checkpoint weights = base.checkpoint()) {
      Checkpoint source = new TaskWeights(weights, task, loaded.adapter(), seed);
      if (Files.exists(output)) {
        throw new ConfigException("%s exists already; choose another place for the merged model".formatted(output));
      }
      AtomicFiles.directory(output, temporary -> {
        LoraMerge.write(source, UnaryOperator.identity(), model, loaded.adapter(), loaded.values(), untie,
            temporary.resolve("model.safetensors"));
        JSON.writerWithDefaultPrettyPrinter().writeValue(temporary.resolve("config.json").toFile(), config(task, labels, untie));
        copy(base.path(), TOKENIZER, temporary);
        if (task instanceof SentenceEmbedder) {
          copy(base.path(), SENTENCE_TRANSFORMERS, temporary);
        }
      });
    }
  }

  private static void copy(Path from, List<String> names, Path to) throws IOException {
    for (String name : names) {
      if (Files.isRegularFile(from.resolve(name))) {
        Files.createDirectories(to.resolve(name).getParent());
        Files.copy(from.resolve(name), to.resolve(name));
      }
    }
  }

  private static ObjectNode config(RecordedTask task, List<String> labels, boolean untie) {
    ObjectNode config = task.model().architecture().config().json().deepCopy();
    config.putArray("architectures").add(task.model().className());
    if (untie && task.outputModule().isPresent()) {
      config.put("tie_word_embeddings", false);
    }
    if (!(task instanceof SequenceClassifier classifier)) {
      return config;
    }
    ObjectNode names = config.putObject("id2label");
    ObjectNode ids = config.putObject("label2id");
    for (int i = 0; i < classifier.labels(); i++) {
      String name = i < labels.size() ? labels.get(i) : "LABEL_" + i;
      names.put(String.valueOf(i), name);
      ids.put(name, i);
    }
    config.remove("num_labels");
    return config.put("problem_type", switch (classifier.loss()) {
      case CROSS_ENTROPY -> "single_label_classification";
      case BCE_WITH_LOGITS -> "multi_label_classification";
      case MSE -> "regression";
    });
  }
}
