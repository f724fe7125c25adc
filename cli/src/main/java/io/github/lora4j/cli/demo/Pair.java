package io.github.lora4j.cli.demo;

/**
 * One question and its answer: what a method's Javadoc says it does, and the method.
 *
 * @param query the first sentence of the Javadoc as plain text, without its final full stop
 * @param signature the text that is searched, for example {@code Joiner.on(String separator) : Joiner}
 * @param location where the method is, for example {@code com/google/common/base/Joiner.java:73}
 */
record Pair(String query, String signature, String location) {

  /** The path of the source file, the part of {@link #location} before the line number. */
  public String file() {
    return location.substring(0, location.lastIndexOf(':'));
  }
}
