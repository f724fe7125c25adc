package io.github.lora4j.vector;

/** Elementwise functions between linear maps, with Hugging Face's names for them. */
public enum Activation {
  /** x·Φ(x), Φ by the error function: "gelu". */
  GELU,
  /** 0.5x(1 + tanh(√(2/π)(x + 0.044715x³))): "gelu_new", "gelu_pytorch_tanh". */
  GELU_TANH,
  /** x·σ(x): "silu", "swish". */
  SILU,
  /** max(x, 0): "relu". */
  RELU,
  /** tanh(x): "tanh". */
  TANH,
  /** σ(x) = 1/(1 + e⁻ˣ): "sigmoid". */
  SIGMOID
}
