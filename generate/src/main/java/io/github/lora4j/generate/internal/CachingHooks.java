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
    // A prefix lies in the cache before its sequence, whose segments count it.
    boolean prefixed = !adapted.keys().shape().sameRows(site.keys().shape());
    Value at = prefixed ? graph.program().table(CacheProgram.PREFIXED_ROWS, adapted.keys().shape().withCols(1)) : rows;
    return new AttentionSite(site.module(), cached(graph, adapted.keys(), at, site.module() + ".cache.keys"),
        cached(graph, adapted.values(), at, site.module() + ".cache.values"), prefixed ? site.segments() : adapted.segments());
  }

  private Value cached(Graph graph, Value x, Value at, String name) {
    Value state = graph.program().state(name, Shape.of(cacheRows, x.shape().cols()));
    graph.appendRows(x, at, state);
    return state;
  }
}
