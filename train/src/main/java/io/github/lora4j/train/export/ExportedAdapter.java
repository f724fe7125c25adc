package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.LoralibFormat;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.language.TemplateFile;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An adapter rewritten as plain LoRA that computes the same, for programs that know no other kind: AdaLoRA's P Λ Q becomes B A with the
 * singular values inside, module by module with its own rank.
 */
public final class ExportedAdapter {

  private ExportedAdapter() {}

  /** The adapter of a finished run, with the base model where it was. */
  public static void ofRun(Path run, Path output) {
    ofRun(run, RunDirectory.recipe(run).model(), output);
  }

  /**
   * The adapter of a finished run.
   *
   * @param model where the base model is now
   */
  public static void ofRun(Path run, Path model, Path output) {
    Recipe recipe = RunDirectory.recipe(run);
    ModelDirectory base = BaseModel.open(model);
    write(AdaptedModel.of(recipe, base), TrainedModel.adapter(run), output);
  }

  /** Any adapter directory of PEFT's form. */
  public static void ofAdapter(Path model, Path adapter, Path output) {
    write(AdaptedModel.of(adapter, BaseModel.open(model)), adapter, output);
  }

  /**
   * A checkpoint of loralib (safetensors, or PyTorch's {@code .pt} and {@code .bin}), in PEFT's form.
   *
   * @param loraAlpha which the file does not hold
   * @param enableLora the adapted parts of merged modules; empty without such modules
   * @param taskType PEFT's name of the kind of head, where the tensors' names leave that open; otherwise empty
   */
  public static void ofLoralib(Path model, Path file, double loraAlpha, List<Boolean> enableLora, String taskType, Path output) {
    refuse(output);
    ModelDirectory base = BaseModel.open(model);
    try (Checkpoint tensors = Checkpoint.open(file)) {
      AdaptedModel adapted = AdaptedModel.of(tensors, "", Map.of("task_type", taskType), base);
      ModelDescription description = adapted.description();
      try (LoadedAdapter lora = adapted.taskType().map(task -> LoralibFormat.load(tensors, loraAlpha, enableLora, description, task))
          .orElseGet(() -> LoralibFormat.load(tensors, loraAlpha, enableLora, description))) {
        PeftFormat.save(output, lora.adapter(), lora.values());
      }
    }
  }

  /**
   * The adapter of a finished run as a GGUF file for llama.cpp, Ollama and LM Studio.
   *
   * @param model where the base model is now
   * @param file the file to be made
   * @return what whoever uses the file should know
   * @throws ConfigException for what such a file cannot hold, naming it
   */
  public static List<String> gguf(Path run, Path model, Path file) {
    ModelDirectory base = BaseModel.open(model);
    return gguf(AdaptedModel.of(RunDirectory.recipe(run), base), TrainedModel.adapter(run), file);
  }

  /** The same of any adapter directory of PEFT's form. */
  public static List<String> ggufOfAdapter(Path model, Path adapter, Path file) {
    return gguf(AdaptedModel.of(adapter, BaseModel.open(model)), adapter, file);
  }

  private static List<String> gguf(AdaptedModel adapted, Path adapter, Path file) {
    MergedModel.requireGguf(file);
    refuse(file);
    try (LoadedAdapter loaded = PeftFormat.load(adapter, adapted.description()); LoadedAdapter lora = loaded.adapter().toLora(loaded.values())) {
      GgufAdapter.write(adapted, lora, file);
    }
    Object hash = AdapterTask.read(adapter).map(task -> task.settings().getOrDefault("template_hash", "")).orElse("");
    return hash.equals("") || hash.equals("none") ? List.of() : List.of(("The adapter was trained with the chat template of SHA-256 %s. A GGUF adapter "
        + "holds no template: the base model's is used, which must be the same one").formatted(hash));
  }

  private static void refuse(Path output) {
    if (Files.exists(output)) {
      throw new ConfigException("%s exists already; choose another place for the exported adapter".formatted(output));
    }
  }

  private static void write(AdaptedModel adapted, Path adapter, Path output) {
    refuse(output);
    ModelDescription model = adapted.description();
    try (LoadedAdapter loaded = PeftFormat.load(adapter, model); LoadedAdapter lora = loaded.adapter().toLora(loaded.values())) {
      Map<String, String> beside = new LinkedHashMap<>();
      AdapterTask.read(adapter).ifPresent(task -> beside.put(PeftFormat.TASK, task.json()));
      TemplateFile.of(adapter).ifPresent(template -> beside.put(PeftFormat.TEMPLATE, template));
      PeftFormat.save(output, lora.adapter(), lora.values(), beside);
    }
  }
}
