package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.Initial;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Prefix tuning (Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation", ACL 2021) as PEFT's PREFIX_TUNING: learnt
 * keys and values before those of every sequence, in every layer. The text's positions start behind them. A program holds one table of keys
 * and one of values for each layer, [tokens, dim]; a file holds them side by side, [tokens, layers · 2 · dim].
 */
public final class PrefixAdapter implements Adapter {

  private static final Pattern LAYER = Pattern.compile("\\.(\\d+)\\.");

  /**
   * What a prefix is.
   *
   * @param dim columns of the keys
   * @param saved parameters of the base model that train
   */
  record Prefix(Map<String, Object> config, int tokens, int layers, int dim, List<AdapterParameter> saved) {

    AdapterParameter stored() {
      return VirtualTokenMethod.embeddings(tokens, 2 * layers * dim);
    }

    List<AdapterParameter> parameters(List<AdapterParameter> own) {
      List<AdapterParameter> all = new ArrayList<>(own);
      all.addAll(saved);
      return Collections.unmodifiableList(all);
    }
  }

  /** The prefix as a file holds it, which no program runs. */
  record Stored(Prefix prefix) implements Adapter {
    @Override
    public List<AdapterParameter> parameters() {
      return prefix.parameters(List.of(prefix.stored()));
    }

    @Override
    public Map<String, Object> peftConfig() {
      return prefix.config;
    }

    @Override
    public String basePrefix() {
      return VirtualTokenMethod.BASE;
    }

    @Override
    public Optional<LoadedAdapter> runnable(AdapterValues values) {
      PrefixAdapter adapter = new PrefixAdapter(prefix);
      AdapterValues split = new AdapterValues(adapter.parameters());
      adapter.copy(split, values, true);
      return Optional.of(new LoadedAdapter(adapter, split));
    }
  }

  private final Prefix prefix;
  private final List<AdapterParameter> tables = new ArrayList<>();

  PrefixAdapter(Prefix prefix) {
    this.prefix = prefix;
    for (int layer = 0; layer < prefix.layers; layer++) {
      for (String part : List.of("keys", "values")) {
        String slot = "prefix." + layer + "." + part;
        tables.add(new AdapterParameter(slot, slot, List.of((long) prefix.tokens, (long) prefix.dim), 0, new Initial.Normal(1)));
      }
    }
  }

  @Override
  public List<AdapterParameter> parameters() {
    return prefix.parameters(tables);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return prefix.config;
  }

  @Override
  public String basePrefix() {
    return VirtualTokenMethod.BASE;
  }

  @Override
  public VirtualTokens virtualTokens() {
    return new VirtualTokens(0, prefix.tokens);
  }

  @Override
  public AttentionSite attention(Sites recording, AttentionSite site) {
    Matcher matcher = LAYER.matcher(site.module());
    if (!matcher.find()) {
      return site;
    }
    int layer = Integer.parseInt(matcher.group(1));
    return VirtualTokens.prepend(recording.graph(), site, tables.get(2 * layer).declare(recording),
        tables.get(2 * layer + 1).declare(recording));
  }

  @Override
  public Optional<LoadedAdapter> stored(AdapterValues values) {
    Stored form = new Stored(prefix);
    AdapterValues joined = new AdapterValues(form.parameters());
    copy(values, joined, false);
    return Optional.of(new LoadedAdapter(form, joined));
  }

  private void copy(AdapterValues split, AdapterValues joined, boolean toSplit) {
    long row = prefix.dim * (long) Float.BYTES;
    MemorySegment all = joined.get(VirtualTokenMethod.EMBEDDINGS);
    for (int table = 0; table < tables.size(); table++) {
      MemorySegment one = split.get(tables.get(table).slot());
      for (int t = 0; t < prefix.tokens; t++) {
        MemorySegment side = all.asSlice((t * (long) tables.size() + table) * row, row);
        MemorySegment own = one.asSlice(t * row, row);
        (toSplit ? own : side).copyFrom(toSplit ? side : own);
      }
    }
    for (AdapterParameter p : prefix.saved) {
      (toSplit ? split : joined).get(p.slot()).copyFrom((toSplit ? joined : split).get(p.slot()));
    }
  }
}
