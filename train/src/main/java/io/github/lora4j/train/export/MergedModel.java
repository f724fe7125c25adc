package io.github.lora4j.train.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A model with its adapter merged in, as a complete directory that Hugging Face transformers loads: weights, {@code config.json} with
 * the head's labels, tokenizer files.
 */
public final class MergedModel {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> TOKENIZER = List.of("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt",
      "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "chat_template.jinja", "chat_template.json", "generation_config.json");
  private static final List<String> SENTENCE_TRANSFORMERS = List.of("modules.json", "sentence_bert_config.json",
      "config_sentence_transformers.json", "1_Pooling/config.json");

  private MergedModel() {}

  /**
   * Merges the adapter of a finished run into its base model, where it was.
   *
   * @param untie see {@link #ofAdapter}
   */
  public static void ofRun(Path run, boolean untie, Path output) {
    ofRun(run, RunDirectory.recipe(run).model(), untie, output);
  }

  /**
   * Merges the adapter of a finished run into its base model.
   *
   * @param model where the base model is now
   * @param untie see {@link #ofAdapter}
   */
  public static void ofRun(Path run, Path model, boolean untie, Path output) {
    Recipe recipe = RunDirectory.recipe(run);
    ModelDirectory base = BaseModel.open(model);
    write(new Source(base, AdaptedModel.of(recipe, base), TrainedModel.adapter(run), Optional.of(recipe.training().seed())), untie, output);
  }

  /**
   * Merges any adapter directory; what kind of head it has is what its own files and the base's config.json say.
   *
   * @param untie write parameters that share a tensor as tensors of their own: an output layer tied to the embedding, replicated layers
   * @throws ConfigException when the adapter changes only one of the modules that share a weight, and they are not to be untied
   */
  public static void ofAdapter(Path model, Path adapter, boolean untie, Path output) {
    ModelDirectory base = BaseModel.open(model);
    write(new Source(base, AdaptedModel.of(adapter, base), adapter, Optional.empty()), untie, output);
  }

  /**
   * What is merged.
   *
   * @param seed what the run drew from; an adapter's directory does not say
   */
  private record Source(ModelDirectory base, AdaptedModel adapted, Path adapter, Optional<Long> seed) {

    Checkpoint weights(Checkpoint weights, Adapter loaded) {
      return seed.map(known -> new TaskWeights(weights, adapted, loaded, known)).orElseGet(() -> new TaskWeights(weights, adapted, loaded));
    }
  }

  private static void write(Source from, boolean untie, Path output) {
    ModelDirectory base = from.base;
    AdaptedModel adapted = from.adapted;
    ModelDescription model = adapted.description();
    try (LoadedAdapter loaded = PeftFormat.load(from.adapter, model); Checkpoint weights = FittingHead.open(base, adapted.model())) {
      Checkpoint source = from.weights(weights, loaded.adapter());
      if (Files.exists(output)) {
        throw new ConfigException("%s exists already; choose another place for the merged model".formatted(output));
      }
      AtomicFiles.directory(output, temporary -> {
        LoraMerge.write(source, name -> adapted.prefix() + name, model, loaded.adapter(), loaded.values(), untie,
            temporary.resolve("model.safetensors"));
        JSON.writerWithDefaultPrettyPrinter().writeValue(temporary.resolve("config.json").toFile(), config(adapted, untie));
        copy(base.path(), TOKENIZER, temporary);
        if (adapted.model().head() instanceof Head.None) {
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

  private static ObjectNode config(AdaptedModel adapted, boolean untie) {
    ObjectNode config = adapted.model().architecture().config().json().deepCopy();
    config.putArray("architectures").add(adapted.model().className());
    if (untie && adapted.model().outputModule().isPresent()) {
      config.put("tie_word_embeddings", false);
    }
    List<String> classes = adapted.classes();
    if (classes.isEmpty()) {
      return config;
    }
    ObjectNode names = config.putObject("id2label");
    ObjectNode ids = config.putObject("label2id");
    for (int i = 0; i < classes.size(); i++) {
      names.put(String.valueOf(i), classes.get(i));
      ids.put(classes.get(i), i);
    }
    config.remove(List.of("num_labels", "problem_type"));
    adapted.problemType().ifPresent(type -> config.put("problem_type", type));
    return config;
  }
}
