package io.github.lora4j.graph;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What an adapter changes about a model while the model is recorded. A model asks at each of its sites; the hooks answer with
 * recorded ops, so one definition runs on every backend. {@link #NONE} leaves the model as it is.
 */
public interface SiteHooks {

  /** No adapter: everything frozen. */
  SiteHooks NONE = new SiteHooks() { };

  /**
   * A linear module as an adapter sees it.
   *
   * @param module the module's Hugging Face name
   * @param x the input [rows, in]
   * @param weight [out, in]
   */
  record LinearSite(String module, Value x, Value weight, Optional<Value> bias) {}

  /**
   * A convolution as an adapter sees it.
   *
   * @param x the input [positions, channels]
   * @param unfolded what the kernel sees of it [outputs, channels · taps], which makes it a linear module
   * @param indices of {@link Graph#unfold}, for another x
   * @param weight [out, channels / groups · taps]
   */
  record ConvolutionSite(String module, Convolution convolution, Value x, Value unfolded, Value indices, Value inverse, Value weight,
      Optional<Value> bias) {}

  /**
   * An embedding module as an adapter sees it.
   *
   * @param ids the ids that are looked up [rows, 1]
   * @param table its weight [entries, dim]
   * @param scaleGradByFreq whether gradients of what trains here are divided by how often the ids have an entry
   */
  record EmbeddingSite(String module, Value ids, Value table, boolean scaleGradByFreq) {
    /** What an adapter's own table gives for these ids, with gradients as the module's weight has them. */
    public Value lookUp(Graph graph, Value own) {
      return graph.embedding(own, ids, scaleGradByFreq);
    }
  }

  /**
   * An attention as an adapter sees it.
   *
   * @param module the module it belongs to: "…encoder.layer.0.attention.self"
   * @param keys [rows, heads · dim]
   * @param values [rows, heads · dim]
   * @param segments which queries see which keys [segments, 5]
   */
  record AttentionSite(String module, Value keys, Value values, Value segments) {}

  /**
   * Told of each module as it is recorded, those that compute nothing here (dropout of the base model) included. A module that is recorded in
   * several entries is told of in each.
   */
  default void module(ModuleInfo module) {}

  /** Told that a parameter is another one of the model: an output layer that is the embedding, a layer that shares another's weights. */
  default void alias(String parameter, String source) {}

  /** Told in which order Hugging Face lists these children of a module, and before its other children, where they are recorded in another. */
  default void order(String module, List<String> children) {}

  /** What an attention reads: the site or what replaces it. */
  default AttentionSite attention(Sites recording, AttentionSite site) {
    return site;
  }

  /** The input of a linear module, before the module. */
  default Value linearInput(Sites recording, String module, Value x) {
    return x;
  }

  /**
   * The result of a linear module.
   *
   * @param recording what an adapter records with: the graph, dropout
   * @param y what the base module, and adapters before this one, computed from the input [rows, out]
   * @return y or what replaces it
   */
  default Value linear(Sites recording, LinearSite site, Value y) {
    return y;
  }

  /** The result of a convolution: y [outputs, out] or what replaces it. */
  default Value convolution(Sites recording, ConvolutionSite site, Value y) {
    return y;
  }

  /** The result of an embedding module, plus what the model adds to it: y [rows, dim] or what replaces it. */
  default Value embedding(Sites recording, EmbeddingSite site, Value y) {
    return y;
  }

  /**
   * What a block (attention or feed-forward) gives, before it is added to the residual stream.
   *
   * @param module the block's last linear module
   */
  default Value blockOutput(Sites recording, String module, Value y) {
    return y;
  }

  /** Whether a module whose weight is another module's gets a weight of its own, since one of the two trains and the other does not. */
  default boolean untied(String module) {
    return false;
  }

  /** Whether a parameter that the adapter brings stays as it is drawn. */
  default boolean frozen(String parameter) {
    return false;
  }

  /**
   * The parameter group of a parameter: for one of the base model ("classifier.weight", "…query.bias") this says that it trains, for one that
   * the adapter brings it may be empty.
   */
  default OptionalInt trainableGroup(String parameter) {
    return OptionalInt.empty();
  }
}
