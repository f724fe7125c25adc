package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.plain.MergedWeights;
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
import java.util.Optional;

/**
 * A model with its adapter merged in, for programs that know no adapters, in one of the forms of {@link MergedForm}. Tensors are merged one at a
 * time as they are written; what is written appears complete or not at all.
 */
public final class MergedModel {

  private MergedModel() {}

  /**
   * Merges the adapter of a finished run into its base model, where it was, tensors in their own types.
   *
   * @param untie see {@link MergedForm.Safetensors}
   */
  public static void ofRun(Path run, boolean untie, Path output) {
    ofRun(run, RunDirectory.recipe(run).model(), new MergedForm.Safetensors(Optional.empty(), MergedForm.SHARD_BYTES, untie), output);
  }

  /**
   * Merges the adapter of a finished run into its base model.
   *
   * @param model where the base model is now
   * @param output a directory that is to be made
   */
  public static void ofRun(Path run, Path model, MergedForm form, Path output) {
    Recipe recipe = RunDirectory.recipe(run);
    ModelDirectory base = BaseModel.open(model);
    write(new Source(base, AdaptedModel.of(recipe, base), TrainedModel.adapter(run), Optional.of(recipe.training().seed())), form, output);
  }

  /**
   * Merges any adapter directory, tensors in their own types.
   *
   * @param untie see {@link MergedForm.Safetensors}
   */
  public static void ofAdapter(Path model, Path adapter, boolean untie, Path output) {
    ofAdapter(model, adapter, new MergedForm.Safetensors(Optional.empty(), MergedForm.SHARD_BYTES, untie), output);
  }

  /**
   * Merges any adapter directory; what kind of head it has is what its own files and the base's config.json say.
   *
   * @param output a directory that is to be made
   * @throws ConfigException when the adapter changes only one of the modules that share a weight, and they are not to be untied
   */
  public static void ofAdapter(Path model, Path adapter, MergedForm form, Path output) {
    ModelDirectory base = BaseModel.open(model);
    write(new Source(base, AdaptedModel.of(adapter, base), adapter, Optional.empty()), form, output);
  }

  /**
   * What is merged.
   *
   * @param seed what the run drew from; an adapter's directory does not say
   */
  private record Source(ModelDirectory base, AdaptedModel adapted, Path adapter, Optional<Long> seed) {

    TaskWeights weights(Checkpoint weights, Adapter loaded) {
      return seed.map(known -> new TaskWeights(weights, adapted, loaded, known)).orElseGet(() -> new TaskWeights(weights, adapted, loaded));
    }
  }

  private static void write(Source from, MergedForm form, Path output) {
    if (Files.exists(output)) {
      throw new ConfigException("%s exists already; choose another place for the merged model".formatted(output));
    }
    AdaptedModel adapted = from.adapted;
    try (LoadedAdapter loaded = PeftFormat.load(from.adapter, adapted.description());
        Checkpoint weights = FittingHead.open(from.base, adapted.model())) {
      TaskWeights source = from.weights(weights, loaded.adapter());
      switch (form) {
        case MergedForm.Safetensors safetensors -> {
          if (ModelDirectory.isGguf(from.base.path())) {
            throw new ConfigException(("%s is a GGUF file, and a model of safetensors needs a tokenizer.json, which cannot be made of it; keep the adapter "
                + "and use it with this file, or merge it into the model that the file was made from: --model DIRECTORY").formatted(from.base.path()));
          }
          try (MergedWeights merged = MergedWeights.of(source, name -> adapted.prefix() + name, adapted.description(), loaded.adapter(),
              loaded.values(), safetensors.untie())) {
            AtomicFiles.directory(output, temporary -> write(merged, safetensors, new ModelFiles(adapted, from.base.path()), temporary));
          }
        }
      }
    }
  }

  private static void write(MergedWeights merged, MergedForm.Safetensors form, ModelFiles files, Path directory) throws IOException {
    merged.into(new SafetensorsWriter().metadata("format", "pt"), stored -> stored.isFloat() ? form.dtype().orElse(stored) : stored)
        .writeShards(directory, form.shardBytes());
    files.config(directory, form);
    files.copy(directory);
  }
}
