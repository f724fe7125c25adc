package io.github.lora4j.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What "auto" chose, with the reasons against the others. */
record ChosenBackend(Backend chosen, List<String> against) implements Backend {

  /** The first that can be used; the last one always can. */
  static Backend first(List<Provider> providers, int threads) {
    List<String> against = new ArrayList<>();
    for (Provider provider : providers) {
      Backend backend = provider.open(threads);
      Optional<String> reason = provider.preference() > 0 ? backend.unusable().or(() -> backend.slower()) : Optional.empty();
      if (reason.isEmpty()) {
        return new ChosenBackend(backend, List.copyOf(against));
      }
      backend.close();
      against.add("%s: %s".formatted(provider.name(), reason.get()));
    }
    throw new IllegalStateException("there is no backend for the processor");
  }

  @Override
  public String name() {
    return chosen.name();
  }

  @Override
  public String describe() {
    return against.isEmpty() ? chosen.describe() : "%s, chosen because of %s".formatted(chosen.describe(), String.join("; ", against));
  }

  @Override
  public String arithmetic() {
    return chosen.arithmetic();
  }

  @Override
  public Optional<String> unusable() {
    return Optional.empty();
  }

  @Override
  public List<Allocation> forecast(Program program, CompileOptions options) {
    return chosen.forecast(program, options);
  }

  @Override
  public long staging(Program program, CompileOptions options) {
    return chosen.staging(program, options);
  }

  @Override
  public Executable compile(Program program, CompileOptions options) {
    return chosen.compile(program, options);
  }

  @Override
  public void close() {
    chosen.close();
  }
}
