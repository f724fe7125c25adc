package io.github.lora4j.testkit.language;

import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Models whose sizes fill vectors of no width: a vocabulary of 309, heads of 48 whose halves are 24, odd layers.
 * With random weights, and the tokenizer and template of {@link TinyLlama}.
 */
final class OddModels {

  private static final int WORDS = 309;

  private final SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
  private final Random random = new Random(5);

  private OddModels() {}

  /** A Llama of two layers; returns the directory, which is made. */
  static Path llama(Path directory) throws IOException {
    OddModels made = new OddModels();
    int hidden = 54;
    int inner = 70;
    made.tensor("model.embed_tokens.weight", WORDS, hidden);
    for (int layer = 0; layer < 2; layer++) {
      String name = "model.layers." + layer + ".";
      made.tensor(name + "self_attn.q_proj.weight", 96, hidden);
      made.tensor(name + "self_attn.k_proj.weight", 48, hidden);
      made.tensor(name + "self_attn.v_proj.weight", 48, hidden);
      made.tensor(name + "self_attn.o_proj.weight", hidden, 96);
      made.tensor(name + "mlp.gate_proj.weight", inner, hidden);
      made.tensor(name + "mlp.up_proj.weight", inner, hidden);
      made.tensor(name + "mlp.down_proj.weight", hidden, inner);
      made.tensor(name + "input_layernorm.weight", hidden);
      made.tensor(name + "post_attention_layernorm.weight", hidden);
    }
    made.tensor("model.norm.weight", hidden);
    made.tensor("lm_head.weight", WORDS, hidden);
    return made.write(directory, """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": %d, "intermediate_size": %d, "head_dim": 48,
        "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2, "vocab_size": %d, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", "pad_token_id": 303, "eos_token_id": 302}
        """.formatted(hidden, inner, WORDS));
  }

  /** A BERT of two layers; returns the directory, which is made. */
  static Path bert(Path directory) throws IOException {
    OddModels made = new OddModels();
    int hidden = 42;
    int inner = 70;
    made.tensor("bert.embeddings.word_embeddings.weight", WORDS, hidden);
    made.tensor("bert.embeddings.position_embeddings.weight", 128, hidden);
    made.tensor("bert.embeddings.token_type_embeddings.weight", 2, hidden);
    made.layerNorm("bert.embeddings.LayerNorm", hidden);
    for (int layer = 0; layer < 2; layer++) {
      String name = "bert.encoder.layer." + layer + ".";
      for (String part : List.of("query", "key", "value")) {
        made.linear(name + "attention.self." + part, hidden, hidden);
      }
      made.linear(name + "attention.output.dense", hidden, hidden);
      made.layerNorm(name + "attention.output.LayerNorm", hidden);
      made.linear(name + "intermediate.dense", inner, hidden);
      made.linear(name + "output.dense", hidden, inner);
      made.layerNorm(name + "output.LayerNorm", hidden);
    }
    made.linear("bert.pooler.dense", hidden, hidden);
    return made.write(directory, """
        {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": %d, "intermediate_size": %d, "num_attention_heads": 3,
        "num_hidden_layers": 2, "vocab_size": %d, "max_position_embeddings": 128, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu", "pad_token_id": 0, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
        """.formatted(hidden, inner, WORDS));
  }

  private void linear(String name, int rows, int cols) {
    tensor(name + ".weight", rows, cols);
    tensor(name + ".bias", rows);
  }

  private void layerNorm(String name, int size) {
    tensor(name + ".weight", size);
    tensor(name + ".bias", size);
  }

  private void tensor(String name, int... shape) {
    TensorInfo info = new TensorInfo(name, DType.F32, Arrays.stream(shape).asLongStream().boxed().toList());
    writer.add(info, target -> fill(target, shape.length == 1 && name.endsWith("weight") ? 1 : 0));
  }

  private void fill(MemorySegment target, float mean) {
    for (long at = 0; at < target.byteSize(); at += Float.BYTES) {
      target.set(ValueLayout.JAVA_FLOAT, at, mean + 0.1f * (float) random.nextGaussian());
    }
  }

  private Path write(Path directory, String config) throws IOException {
    TinyLlama.copyTo(directory);
    writer.write(directory.resolve("model.safetensors"));
    return Files.writeString(directory.resolve("config.json"), config).getParent();
  }
}
