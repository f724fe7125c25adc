package io.github.lora4j.testkit;

import java.util.List;

/** Programs as models record them. */
public final class CompositeCases {

  private CompositeCases() {}

  /** All of them. */
  public static List<TestProgram> all() {
    return List.of();
  }
}
