package io.github.lora4j.lora.model;

import java.util.Optional;

/** Where the parameters of a base model lie in a GGUF file of it, by which adapters in GGUF name them. */
public interface GgufForm {

  /** Of a model that has no such form. */
  GgufForm NONE = new GgufForm() {
    @Override
    public String architecture() {
      return "";
    }

    @Override
    public Optional<String> tensor(String parameter) {
      return Optional.empty();
    }

    @Override
    public long ours(String parameter, long place) {
      return place;
    }
  };

  /** llama.cpp's name of the architecture; empty where it has none. */
  String architecture();

  /** The tensor of a parameter: "model.layers.3.self_attn.q_proj.weight" is "blk.3.attn_q.weight"; empty for what has none. */
  Optional<String> tensor(String parameter);

  /** The row here that lies there at a place. */
  long ours(String parameter, long place);
}
