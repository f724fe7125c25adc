package io.github.lora4j.lora.model;

import java.util.List;

/** The value of {@code target_modules} or {@code exclude_modules}: which modules are meant. */
public sealed interface TargetModules {

  /** Nothing given: PEFT's table by architecture for {@code target_modules}, nothing for {@code exclude_modules}. */
  TargetModules UNSET = new Unset();

  /** Every Linear and Conv1D but the output layer and the head. */
  TargetModules ALL_LINEAR = new AllLinear();

  /** See {@link #UNSET}. */
  record Unset() implements TargetModules {}

  /** See {@link #ALL_LINEAR}. */
  record AllLinear() implements TargetModules {}

  /** Modules whose whole name the regular expression matches (Python's syntax, re.fullmatch). */
  record Regex(String regex) implements TargetModules {}

  /** Modules of these names, or whose name ends with a dot and one of these. */
  record Names(List<String> names) implements TargetModules {
    /** Copies the list. */
    public Names {
      names = List.copyOf(names);
    }
  }

  /** Modules by name or ending. */
  static TargetModules of(String... names) {
    return new Names(List.of(names));
  }
}
