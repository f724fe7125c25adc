package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.OnnxModel;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.plain.MergedWeights;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.language.TemplateFile;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

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
   * @param output the directory, or for GGUF the file, that is to be made
   * @return what whoever uses it should know
   */
  public static List<String> ofRun(Path run, Path model, MergedForm form, Path output) {
    Recipe recipe = RunDirectory.recipe(run);
    ModelDirectory base = BaseModel.open(model);
    return write(new Source(base, AdaptedModel.of(recipe, base), TrainedModel.adapter(run), Optional.of(recipe.training().seed())), form, output);
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
   * @param output the directory, or for GGUF the file, that is to be made
   * @return what whoever uses it should know
   * @throws ConfigException when the adapter changes only one of the modules that share a weight, and they are not to be untied
   */
  public static List<String> ofAdapter(Path model, Path adapter, MergedForm form, Path output) {
    ModelDirectory base = BaseModel.open(model);
    return write(new Source(base, AdaptedModel.of(adapter, base), adapter, Optional.empty()), form, output);
  }

  /**
   * What is merged.
   *
   * @param seed what the run drew from; an adapter's directory does not say
   */
  private record Source(ModelDirectory base, AdaptedModel adapted, Path adapter, Optional<Long> seed) {

    Optional<String> template() {
      return TemplateFile.of(adapter);
    }

    /** A template that was learnt and is not there any more. */
    List<String> lost() {
      String named = AdapterTask.read(adapter).map(task -> String.valueOf(task.settings().getOrDefault("chat_template", ""))).orElse("");
      boolean file = named.contains("/") || named.contains("\\") || named.endsWith(".jinja");
      return !file || template().isPresent() ? List.of() : List.of(("The adapter was trained with the chat template %s, which is not there any more, "
          + "or not as it was: what is written has the base model's. Serve it with that file").formatted(named));
    }

    TaskWeights weights(Checkpoint weights, Adapter loaded) {
      return seed.map(known -> new TaskWeights(weights, adapted, loaded, known)).orElseGet(() -> new TaskWeights(weights, adapted, loaded));
    }
  }

  private static List<String> write(Source from, MergedForm form, Path output) {
    if (Files.exists(output)) {
      throw new ConfigException("%s exists already; choose another place for the merged model".formatted(output));
    }
    switch (form) {
      case MergedForm.Safetensors safetensors -> {
        if (ModelDirectory.isGguf(from.base.path())) {
          throw new ConfigException(("%s is a GGUF file, and a model of safetensors needs a tokenizer.json, which cannot be made of it; merge into GGUF (--to "
              + "gguf), or into the model that the file was made from (--model DIRECTORY)").formatted(from.base.path()));
        }
        try (Checkpoint weights = FittingHead.open(from.base, from.adapted.model())) {
          write(from, weights, safetensors.untie(), (merged, _) -> AtomicFiles.directory(output,
              temporary -> write(merged, safetensors, new ModelFiles(from.adapted, from.base.path(), from.template()), temporary)));
        }
        return from.lost();
      }
      case MergedForm.Gguf gguf -> {
        requireGguf(output);
        List<String> notes = new ArrayList<>();
        try (Checkpoint weights = FittingHead.open(from.base, from.adapted.model())) {
          write(from, weights, gguf.untie(), (merged, _) -> {
            Path name = output.toAbsolutePath().getFileName();
            notes.addAll(from.lost());
            String pooling = AdapterTask.read(from.adapter).map(task -> String.valueOf(task.settings().getOrDefault("pooling", ""))).orElse("");
            GgufMerge merge = new GgufMerge(from.adapted, from.base, merged, gguf, new GgufMerge.Beside(pooling, from.template()));
            AtomicFiles.checkedFile(output, temporary -> notes.addAll(merge.write(temporary.resolve(name))));
          });
        }
        return notes;
      }
      case MergedForm.Onnx onnx -> {
        Path file = onnx.file().orElseGet(() -> OnnxMerge.find(from.base.path()));
        try (OnnxModel model = OnnxModel.open(file)) {
          OnnxMerge.refuseQuantised(model, file);
          write(from, FittingHead.of(model.weights(), from.adapted.model()), true, (merged, weights) -> {
            Map<String, Consumer<MemorySegment>> changes = new OnnxMerge(model, merged, weights, from.adapted.prefix()).changes();
            AtomicFiles.directory(output, temporary -> {
              model.write(temporary, changes);
              ModelFiles files = new ModelFiles(from.adapted, from.base.path(), from.template());
              files.config(temporary, new MergedForm.Safetensors(Optional.empty(), MergedForm.SHARD_BYTES, false));
              files.copy(temporary);
            });
          });
        }
        return List.of();
      }
    }
  }

  /** Programs know such files by the end of their names. */
  static void requireGguf(Path file) {
    if (!file.toString().endsWith(".gguf")) {
      throw new ConfigException("%s: the name of a GGUF file must end in .gguf".formatted(file));
    }
  }

  /** Writes merged weights; the second are those of the base under the model's names. */
  private interface Writer {
    void write(MergedWeights merged, TaskWeights weights);
  }

  private static void write(Source from, Checkpoint weights, boolean untie, Writer writer) {
    AdaptedModel adapted = from.adapted;
    try (LoadedAdapter loaded = PeftFormat.load(from.adapter, adapted.description())) {
      TaskWeights source = from.weights(weights, loaded.adapter());
      try (MergedWeights merged = MergedWeights.of(source, name -> adapted.prefix() + name, adapted.description(), loaded.adapter(), loaded.values(),
          untie)) {
        writer.write(merged, source);
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
