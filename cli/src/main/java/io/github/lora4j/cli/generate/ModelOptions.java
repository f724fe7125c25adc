package io.github.lora4j.cli.generate;

import io.github.lora4j.cli.BackendOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model with which adapters, and how it is kept. */
final class ModelOptions {

  @Option(names = "--model", paramLabel = "DIR", required = true,
      description = "The model's directory, or the output directory of a finished run, whose adapter is then used.")
  private Path model;

  @Option(names = "--adapter", paramLabel = "[NAME=]DIR",
      description = "An adapter's directory (repeatable: several are held at a time, the first is used unless you say otherwise).")
  private List<String> adapters = new ArrayList<>();

  @Option(names = "--weights", paramLabel = "FORMAT",
      description = "How weights are kept: f32, bf16, f16, nf4, q8_0 and others (default: as the model's files have them).")
  private Optional<String> weights;

  @Option(names = "--context", paramLabel = "N", description = "Tokens of a sequence at most (default: the model's positions, up to 4096).")
  private Integer context;

  @Mixin
  private BackendOptions computing;

  Path model() {
    return model;
  }

  List<String> adapters() {
    return adapters;
  }

  Optional<String> weights() {
    return weights;
  }

  OptionalInt context() {
    return context == null ? OptionalInt.empty() : OptionalInt.of(context);
  }

  BackendOptions computing() {
    return computing;
  }
}
