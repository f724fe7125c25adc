package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;

/** An adapter that puts virtual tokens before a sequence, where only tokens behind them are computed: the cache has the others. */
final class WithoutVirtualTokens extends ForwardingAdapter {

  private WithoutVirtualTokens(Adapter of) {
    super(of);
  }

  static Adapter of(Adapter adapter) {
    return adapter.virtualTokens().total() > 0 ? new WithoutVirtualTokens(adapter) : adapter;
  }

  @Override
  public AttentionSite attention(Sites recording, AttentionSite site) {
    return site;
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite site, Value y) {
    return y;
  }
}
