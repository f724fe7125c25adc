package io.github.lora4j.graph;

import java.util.OptionalInt;

/**
 * What an adapter changes about a model while the model is recorded. A model asks at each of its sites; the hooks answer with
 * recorded ops, so one definition runs on every backend. {@link #NONE} leaves the model as it is.
 */
public interface SiteHooks {

  /** No adapter: everything frozen. */
  SiteHooks NONE = new SiteHooks() { };

  /**
   * The result of a linear site.
   *
   * @param site the recording, and what it offers an adapter: dropout keys and the names of slots
   * @param module the module's Hugging Face name
   * @param x the input [rows, in]
   * @param y what the base module computed from x [rows, out]
   * @return y or what replaces it
   */
  default Value linear(Sites site, String module, Value x, Value y) {
    return y;
  }

  /** Whether a base parameter trains, and in which parameter group: "classifier.weight", "…query.bias". */
  default OptionalInt trainableGroup(String parameter) {
    return OptionalInt.empty();
  }
}
