package io.github.lora4j.generate;

/** Why a sequence is not continued. */
public enum FinishReason {
  /** An end token came. */
  EOS,
  /** A stop string came. */
  STOP_STRING,
  /** It has as many tokens as its settings allow. */
  LENGTH,
  /** It has as many tokens as the generator has room for in a sequence, or the model positions. */
  CONTEXT,
  /** It was told to stop. */
  CANCELLED,
  /** It could not go on; see {@link Sequence#failure}. */
  FAILED
}
