package io.github.lora4j.tokenizer.chat.internal;

/** A macro, a method bound to its object, or a global function. */
non-sealed interface Callable extends Value {

  /** Calls it. */
  Value call(Run run, Arguments arguments);
}
