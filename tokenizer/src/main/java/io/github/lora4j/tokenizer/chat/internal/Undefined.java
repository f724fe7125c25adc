package io.github.lora4j.tokenizer.chat.internal;

/**
 * What a name, key or index that is not there evaluates to. Prints as nothing and is false; most else is an error, with the message kept here.
 *
 * @param message what is undefined
 */
record Undefined(String message) implements Value {

  /** An argument that was not given. */
  static final Undefined ABSENT = new Undefined("not given");

  /** Whether an argument was given. */
  static boolean given(Value argument) {
    return argument != ABSENT;
  }

  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined member(Value of, String name) {
    return new Undefined("'" + Value.type(of) + " object' has no attribute '" + name + "'");
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Undefined;
  }

  @Override
  public int hashCode() {
    return 0;
  }
}
