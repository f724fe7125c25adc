package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;

/** An adapter on a model that generates: every attention appends its keys and values to a cache of its own, and its queries see the cache. */
final class CachingHooks extends ForwardingAdapter {

  private final int cacheRows;
  private final Value rows;

  /**
   * The hooks of one entry.
   *
   * @param rows the row of the cache for each token [tokens, 1]
   */
  CachingHooks(Adapter of, int cacheRows, Value rows) {
    super(of);
    this.cacheRows = cacheRows;
    this.rows = rows;
  }

  @Override
  public AttentionSite attention(Sites recording, AttentionSite site) {
    AttentionSite adapted = super.attention(recording, site);
    Graph graph = recording.graph();
    return new AttentionSite(site.module(), cached(graph, adapted.keys(), site.module() + ".cache.keys"),
        cached(graph, adapted.values(), site.module() + ".cache.values"), adapted.segments());
  }

  private Value cached(Graph graph, Value x, String name) {
    Value state = graph.program().state(name, Shape.of(cacheRows, x.shape().cols()));
    graph.appendRows(x, rows, state);
    return state;
  }
}
