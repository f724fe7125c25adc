package io.github.lora4j.generate.internal;

import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.ConfigException;
import java.util.List;

/** Which adapters sequences may name. */
public interface AdapterChoices {

  /** One adapter, which has no name. */
  AdapterChoices ONE = new AdapterChoices() {
    @Override
    public int choice(String name) {
      if (!name.isEmpty()) {
        throw new ConfigException("adapter '%s': this generator has no set of adapters to choose from".formatted(name));
      }
      return 0;
    }

    @Override
    public long version(String name, long now) {
      return now;
    }
  };

  /** Those of a set; no name stands for the active ones. */
  static AdapterChoices of(AdapterSet set) {
    return new AdapterChoices() {
      @Override
      public int choice(String name) {
        return name.isEmpty() ? 0 : set.choices(List.of(name))[0];
      }

      @Override
      public long version(String name, long now) {
        return name.isEmpty() ? now : set.version(name);
      }
    };
  }

  /** What the program calls an adapter. */
  int choice(String name);

  /**
   * Another number when an adapter computes something else than before, so that a cache it wrote is worth nothing.
   *
   * @param now the number of the last change of any of them
   */
  long version(String name, long now);
}
