package io.github.lora4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.models.bert.BertConfig;
import io.github.lora4j.models.gpt2.Gpt2Config;
import io.github.lora4j.models.gpt2.Gpt2Model;
import io.github.lora4j.models.llama.LlamaConfig;
import io.github.lora4j.models.llama.LlamaModel;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model as Hugging Face lays it out: {@code config.json}, weights, tokenizer files.
 *
 * @param path the directory
 * @param json its config.json
 */
public record ModelDirectory(Path path, JsonNode json) {

  /** Reads config.json; weights are opened by {@link #checkpoint}. */
  public static ModelDirectory open(Path path) {
    if (!Files.isDirectory(path)) {
      throw new FormatException("%s is not a directory; give the directory that holds config.json and the weights".formatted(path));
    }
    return new ModelDirectory(path, ModelFiles.json(path.resolve("config.json")));
  }

  /** "bert", "roberta", "llama". */
  public String modelType() {
    return json.path("model_type").asText("");
  }

  /** The configuration as BERT's or RoBERTa's. */
  public BertConfig bert() {
    return BertConfig.of(json, path.resolve("config.json").toString());
  }

  /** The configuration as Llama's. */
  public LlamaConfig llama() {
    return LlamaConfig.of(json, path.resolve("config.json").toString());
  }

  /** The configuration as GPT-2's. */
  public Gpt2Config gpt2() {
    return Gpt2Config.of(json, path.resolve("config.json").toString());
  }

  /** The model as a decoder of its family. */
  public Decoder decoder() {
    return modelType().equals("gpt2") ? new Gpt2Model(gpt2()) : new LlamaModel(llama());
  }

  /** Opens the weights; the caller closes them. */
  public Checkpoint checkpoint() {
    return Checkpoint.open(path);
  }
}
