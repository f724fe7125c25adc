package io.github.lora4j.lora;

/** The value of {@code init_lora_weights}: how A and B start. */
public enum InitLoraWeights {
  /** PEFT's {@code true}: A uniform in ±1/√in (kaiming_uniform with a = √5), B zero, so training starts at the base model. */
  DEFAULT,
  /** PEFT's {@code "gaussian"}: A normal with standard deviation 1/r, B zero. */
  GAUSSIAN,
  /** PEFT's {@code false}: A and B both uniform in ±1/√columns, so the adapter changes the model at once; for tests. */
  RANDOM
}
