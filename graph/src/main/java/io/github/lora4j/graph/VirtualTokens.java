package io.github.lora4j.graph;


/**
 * Learnt tokens that an adapter puts before every sequence. Whoever packs sequences leaves room for them and writes the tables that are
 * declared here; see {@link PrefixTables}.
 *
 * @param rows tokens that are embedded and pass through the model (prompt tuning)
 * @param keys tokens that are only keys and values of every attention (prefix tuning); the text's positions start behind them
 */
public record VirtualTokens(int rows, int keys) {

  /** None. */
  public static final VirtualTokens NONE = new VirtualTokens(0, 0);

  /** Name of the table that says for each token which row of a prompt it is: −1 for the tokens of the text [tokens, 1]. */
  public static final String PROMPT_IDS = "prompt.ids";

  static final String KEY_TOKENS = "prefix.tokens";
  static final String KEY_IDS = "prefix.ids";
  static final String INVERSE = "prefix.inverse";
  static final String SEGMENTS = ".prefix";

  /** Positions that they take. */
  public int total() {
    return rows + keys;
  }

  /**
   * Puts rows of two tables before the keys and the values of every segment.
   *
   * @param keys [prefix, keys' columns]
   * @param values [prefix, keys' columns]
   */
  public static SiteHooks.AttentionSite prepend(Graph graph, SiteHooks.AttentionSite site, Value keys, Value values) {
    ProgramBuilder program = graph.program();
    RowAxis rows = program.axis("prefix.rows", site.keys().shape().rows() + keys.shape().rows() * site.segments().shape().rows());
    Value ids = program.table(KEY_IDS, Shape.of(rows, 1));
    Value tokens = program.table(KEY_TOKENS, Shape.of(rows, 1));
    Value inverse = program.table(INVERSE, site.keys().shape().withCols(1));
    Value k = graph.gather(site.keys(), tokens, inverse, graph.embedding(keys, ids));
    Value v = graph.gather(site.values(), tokens, inverse, graph.embedding(values, ids));
    return new SiteHooks.AttentionSite(site.module(), k, v, program.table(site.segments().name() + SEGMENTS, site.segments().shape()));
  }
}
