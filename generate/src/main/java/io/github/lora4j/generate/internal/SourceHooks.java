package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;
import io.github.lora4j.models.PackedInputs;

/**
 * An adapter on a model that makes a text from a source: what attention to the source sees are keys and values that were computed once, and lie in a
 * cache of their own.
 */
final class SourceHooks extends ForwardingAdapter {

  private final PackedInputs.Source source;
  private final int cacheRows;
  private final boolean writes;

  /**
   * The hooks of one entry.
   *
   * @param of what the other attentions of the entry are told
   * @param writes whether the entry fills the cache; otherwise it reads it
   */
  SourceHooks(Adapter of, PackedInputs.Source source, int cacheRows, boolean writes) {
    super(of);
    this.source = source;
    this.cacheRows = cacheRows;
    this.writes = writes;
  }

  @Override
  public AttentionSite attention(Sites recording, AttentionSite site) {
    if (site.segments().equals(source.segments())) {
      return adapter() instanceof CachingHooks caching ? caching.adapter().attention(recording, site) : super.attention(recording, site);
    }
    if (!site.segments().equals(source.cross()) && !site.segments().equals(source.crossFirst()) && !site.segments().equals(source.crossLast())) {
      return super.attention(recording, site);
    }
    AttentionSite adapted = adapter() instanceof CachingHooks caching ? caching.adapter().attention(recording, site) : super.attention(recording, site);
    Value keys = cached(recording.graph(), adapted.keys(), site.module() + ".cache.keys");
    Value values = cached(recording.graph(), adapted.values(), site.module() + ".cache.values");
    return writes ? adapted : new AttentionSite(site.module(), keys, values, adapted.segments());
  }

  private Value cached(Graph graph, Value x, String name) {
    Value state = graph.program().state(name, Shape.of(cacheRows, x.shape().cols()));
    if (writes) {
      graph.appendRows(x, graph.program().table(CacheProgram.ENCODE + ".rows", source.ids().shape()), state);
    }
    return state;
  }
}
