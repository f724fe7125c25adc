package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterRecording;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;

/**
 * A decoder as two entries that share weights and caches: {@value #PREFILL} for pieces of several tokens, of which the last tokens alone reach the
 * head, and {@value #DECODE} for one token of each sequence. A model that makes a text from a source has {@value #ENCODE} before them, which fills
 * the cache of what is seen of sources.
 */
public record CacheProgram(Program program, Entry prefill, Entry decode, int cacheRows, VirtualTokens virtual, int border) {

  /** The entry for pieces of any length. */
  public static final String PREFILL = "prefill";
  /** The entry for pieces of one token. */
  public static final String DECODE = "decode";
  /** Slot of the cache's row of each key where an adapter puts a prefix before sequences. */
  static final String PREFIXED_ROWS = "prefill.prefixed";
  /** The entry for sources. */
  public static final String ENCODE = "encode";

  /**
   * What a run of an entry is told and gives.
   *
   * @param rows the cache's row for each token [tokens, 1]
   * @param logits of each piece's last token [pieces, vocabulary]
   */
  public record Entry(String name, PackedInputs in, Value rows, Value logits) {}

  /** Records both entries. */
  public static CacheProgram record(Model model, Adapter adapter, Capacity capacity) {
    ProgramBuilder program = new ProgramBuilder();
    PackedInputs pieces = PackedInputs.declare(program, capacity.batchTokens(), capacity.sequences(), new PackedInputs.Limits(capacity.maxLength(),
        model.architecture().firstPosition(), model.architecture().vocabSize(), capacity.sourceTokens(model))).ofLength(capacity.maxLength(), capacity.border(model));
    boolean sources = model.architecture().readsSource();
    if (sources) {
      model.hidden(new Sites(program.entry(ENCODE), new SourceHooks(adapter, pieces.source(), capacity.cacheRows(), true)), pieces, Rows.ALL);
    }
    Entry prefill = entry(PREFILL, program, model, adapter, pieces, Rows.LAST, capacity.cacheRows());
    Entry decode = entry(DECODE, program, model, WithoutVirtualTokens.of(adapter), singles(program, pieces), Rows.ALL, capacity.cacheRows());
    adapter.recordPrepare(program);
    Program built = sources ? Needed.of(program.build()) : program.build();
    AdapterRecording.requireRecorded(adapter, built);
    return new CacheProgram(built, prefill, decode, capacity.cacheRows(), adapter.virtualTokens(), capacity.border(model));
  }

  private static Entry entry(String name, ProgramBuilder program, Model model, Adapter adapter, PackedInputs in, Rows wanted, int cacheRows) {
    Graph graph = program.entry(name);
    Value rows = program.table(name + ".rows", in.ids().shape());
    Adapter caching = new CachingHooks(adapter, cacheRows, rows);
    Sites sites = new Sites(graph, model.architecture().readsSource() ? new SourceHooks(caching, in.source(), cacheRows, false) : caching);
    return new Entry(name, in, rows, graph.output("logits", model.logits(sites, model.hidden(sites, in, wanted))));
  }

  /** Inputs of which each token is a sequence's only one. */
  private static PackedInputs singles(ProgramBuilder program, PackedInputs of) {
    RowAxis sequences = of.sequences();
    PackedInputs.Tokens tokens = new PackedInputs.Tokens(sequences, sequences, program.table("decode.ids", Shape.of(sequences, 1)),
        program.table("decode.positions", Shape.of(sequences, 1)), program.table("decode.types", Shape.of(sequences, 1)),
        program.table("decode.segments", Shape.of(sequences, 5)));
    return new PackedInputs(tokens, of.ranges(), of.first(), of.last(), of.randomness(), of.limits(), of.byLength());
  }

  /**
   * What the program has room for.
   *
   * @param sequences sequences of a run
   * @param batchTokens tokens of a run
   * @param cacheRows tokens of all sequences, and as many of all sources
   * @param maxLength tokens of one sequence
   */
  public record Capacity(int sequences, int batchTokens, int cacheRows, int maxLength) {

    /** What sequences count as long for; 0 where none is, or where it does not matter. */
    public int border(Model model) {
      int border = model.architecture().lengthBorder().orElse(0);
      return border < maxLength ? border : 0;
    }

    /** Tokens of sources that are encoded at a time; 0 for a model that reads none. */
    int sourceTokens(Model model) {
      return model.architecture().readsSource() ? Math.max(batchTokens, maxLength) : 0;
    }
  }
}
