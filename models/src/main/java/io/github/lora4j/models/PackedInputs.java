package io.github.lora4j.models;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The input slots of a packed batch: sequences lie one after another on the {@code tokens} axis, without padding.
 *
 * @param all ids, positions and attention of all tokens
 * @param ranges (start, length) of each sequence's text [sequences, 2]
 * @param first each sequence's first token
 * @param last each sequence's last token
 * @param randomness dropout keys: (example ordinal, position) of tokens, of sequences and, where there are any, of sources; (seed low, seed high, step)
 * @param byLength what a recording asked for by {@link #byLength}
 */
public record PackedInputs(Tokens all, Value ranges, Chosen first, Chosen last, Sites.Randomness randomness, Limits limits, ByLength byLength) {

  /**
   * What sequences may be.
   *
   * @param maxLength the longest sequence allowed; what is before a token, padding included, is less
   * @param firstPosition position of a sequence's first token
   * @param vocabulary ids are below it
   * @param sourceTokens tokens of all sources of a batch; 0: as many as texts may have, if a model asks for sources
   */
  public record Limits(int maxLength, int firstPosition, int vocabulary, int sourceTokens) {

    /** Of texts that are made from nothing, or from no more than they are. */
    public Limits(int maxLength, int firstPosition, int vocabulary) {
      this(maxLength, firstPosition, vocabulary, 0);
    }
  }

  /**
   * All tokens.
   *
   * @param ids token ids [tokens, 1]
   * @param positions position of each token in its sequence [tokens, 1]
   * @param types segment id of each token (sentence A or B) [tokens, 1]
   * @param segments attention segments over all tokens [sequences, 5]
   */
  public record Tokens(RowAxis axis, RowAxis sequences, Value ids, Value positions, Value types, Value segments) {}

  /**
   * One token of each sequence.
   *
   * @param rows its row [sequences, 1]
   * @param inverse for each token the sequence whose chosen one it is, or −1 [tokens, 1]
   * @param positions its position [sequences, 1]
   * @param segments attention segments in which only these tokens query: one query row per sequence, all its keys [sequences, 5]
   */
  public record Chosen(Value rows, Value inverse, Value positions, Value segments) {}

  /** Declares the slots of a model whose positions start at 0, for any ids. */
  public static PackedInputs declare(ProgramBuilder program, int maxTokens, int maxSequences, int maxLength) {
    return declare(program, maxTokens, maxSequences, new Limits(maxLength, 0, Integer.MAX_VALUE));
  }

  /** Declares the slots; entries of one program share them. */
  public static PackedInputs declare(ProgramBuilder program, int maxTokens, int maxSequences, Limits limits) {
    RowAxis tokens = program.axis("tokens", maxTokens);
    RowAxis sequences = program.axis("sequences", maxSequences);
    Tokens all = new Tokens(tokens, sequences, program.table("ids", Shape.of(tokens, 1)), program.table("positions", Shape.of(tokens, 1)),
        program.table("types", Shape.of(tokens, 1)), program.table("segments", Shape.of(sequences, 5)));
    Value ranges = program.table("ranges", Shape.of(sequences, 2));
    Chosen first = chosen(program, "first", tokens, sequences);
    Chosen last = chosen(program, "last", tokens, sequences);
    List<Value> keys = new ArrayList<>(List.of(program.table("tokenKeys", Shape.of(tokens, 2)), program.table("sequenceKeys", Shape.of(sequences, 2))));
    if (limits.sourceTokens > 0) {
      keys.add(program.table("sourceKeys", Shape.of(program.axis(Source.AXIS, limits.sourceTokens), 2)));
    }
    Sites.Randomness randomness = new Sites.Randomness(keys, program.table("random", Shape.of(1, 3)));
    return new PackedInputs(all, ranges, first, last, randomness, limits, new ByLength(program, new LinkedHashMap<>(), 0, 0));
  }

  private static Chosen chosen(ProgramBuilder program, String name, RowAxis tokens, RowAxis sequences) {
    return new Chosen(program.table(name, Shape.of(sequences, 1)), program.table(name + "Inverse", Shape.of(tokens, 1)),
        program.table(name + "Positions", Shape.of(sequences, 1)), program.table(name + "Segments", Shape.of(sequences, 5)));
  }

  /** Numbers of a token by its position and the length of its sequence. */
  @FunctionalInterface
  public interface LengthTable {
    /** Writes a token's numbers from {@code at} on. */
    void write(int position, int length, float[] into, int at);
  }

  /**
   * Tables that the host fills for each batch.
   *
   * @param fixed the length that all sequences count as having, so that the tables are constants; 0: each has its own
   * @param border those up to this long count as having this length, so that the constants have two parts; 0: all count as having the fixed one
   */
  public record ByLength(ProgramBuilder program, Map<Value, LengthTable> tables, int fixed, int border) {

    /** The number of each token's row [tokens, 1], declared with the first table. */
    public static final String ROWS = "tokenRows";
    /** The same of constants with two parts, by the axis of the tokens. */
    private static final String PARTS = "lengthRows.";
  }

  /**
   * Numbers of each token [tokens, columns] that depend on how long its sequence is, so that no constant holds them.
   *
   * @param name of the slot; asked for again, the same
   */
  public Value byLength(String name, int columns, LengthTable table) {
    if (byLength.fixed > 0) {
      int parts = byLength.border > 0 ? 2 : 1;
      return byLength.program.constant(name, Shape.of(parts * maxLength(), columns), () -> {
        float[] values = new float[parts * maxLength() * columns];
        for (int p = 0; p < parts * maxLength(); p++) {
          table.write(p % maxLength(), p < (parts - 1) * maxLength() ? byLength.border : byLength.fixed, values, p * columns);
        }
        return values;
      });
    }
    byLength.program.table(ByLength.ROWS, Shape.of(tokens(), 1));
    Value slot = byLength.program.input(name, Shape.of(tokens(), columns));
    byLength.tables.putIfAbsent(slot, table);
    return slot;
  }

  /**
   * The same slots for sequences that all count as this long: what a cache of keys needs, since keys that were turned by the angles of a shorter
   * sequence do not fit those of a longer one.
   */
  public PackedInputs ofLength(int length) {
    return ofLength(length, 0);
  }

  /** The same where those up to a border count as having that length. */
  public PackedInputs ofLength(int length, int border) {
    return new PackedInputs(all, ranges, first, last, randomness, limits, new ByLength(byLength.program, new LinkedHashMap<>(), length, border));
  }

  /**
   * The slot that says for the rows wanted where they lie in constants with two parts, if these were recorded with a border: its position, and for a
   * sequence beyond the border {@link #maxLength} more.
   */
  public Optional<Value> parts(Rows rows, Program program) {
    return program.slot(partsName(rows));
  }

  private String partsName(Rows rows) {
    return ByLength.PARTS + (rows == Rows.ALL ? tokens().name() : rows.name());
  }

  /** The rows wanted in a table of {@link #byLength}. */
  public Value rows(Rows rows) {
    if (byLength.fixed > 0) {
      return byLength.border > 0 ? byLength.program.table(partsName(rows), positions(rows).shape()) : positions(rows);
    }
    return rows == Rows.ALL ? byLength.program.table(ByLength.ROWS, Shape.of(tokens(), 1)) : chosen(rows).rows;
  }

  /**
   * The texts that those of a batch are made from: a source for each sequence, on an axis of its own.
   *
   * @param segments attention segments over the sources [sequences, 5]
   * @param cross attention segments in which each sequence's tokens query the keys of its source [sequences, 5]; then its first, its last alone
   */
  public record Source(RowAxis axis, Value ids, Value positions, Value segments, Value cross, Value crossFirst, Value crossLast) {

    /** Slot of the sources' ids, by which a program says that it reads sources. */
    public static final String IDS = "sourceIds";

    private static final String AXIS = "sourceTokens";

    /** Attention segments in which the rows wanted query. */
    public Value cross(Rows rows) {
      return switch (rows) {
        case ALL -> cross;
        case FIRST -> crossFirst;
        case LAST -> crossLast;
        case MEAN -> throw new IllegalArgumentException("a mean of tokens queries nothing");
      };
    }
  }

  /** The sources, declared when a model that reads them asks first. */
  public Source source() {
    ProgramBuilder program = byLength.program;
    RowAxis axis = program.axis(Source.AXIS, limits.sourceTokens > 0 ? limits.sourceTokens : tokens().capacity());
    Shape table = Shape.of(sequences(), 5);
    return new Source(axis, program.table(Source.IDS, Shape.of(axis, 1)), program.table("sourcePositions", Shape.of(axis, 1)),
        program.table("sourceSegments", table), program.table("cross", table), program.table("crossFirst", table),
        program.table("crossLast", table));
  }

  /**
   * Which rows a convolution over the tokens of each sequence sees, itself in the middle.
   *
   * @param indices the token that each sees at each place of the kernel, or −1 [tokens, taps]
   * @param inverse the token that sees each at each place, or −1 [tokens, taps]
   */
  public record Around(Value indices, Value inverse) {
    static final String PREFIX = "around.";
    static final String INVERSE = ".inverse";
  }

  /** The neighbours of each token, declared when a model asks first; {@code taps} is odd. */
  public Around around(int taps) {
    Shape shape = Shape.of(tokens(), taps);
    return new Around(byLength.program.table(Around.PREFIX + taps, shape), byLength.program.table(Around.PREFIX + taps + Around.INVERSE, shape));
  }

  /** Whether a model asked for {@link #source}. */
  public boolean hasSource() {
    return byLength.program.find(Source.IDS).isPresent();
  }

  /** The axis of all tokens. */
  public RowAxis tokens() {
    return all.axis;
  }

  /** The axis of the sequences. */
  public RowAxis sequences() {
    return all.sequences;
  }

  /** The longest sequence allowed. */
  public int maxLength() {
    return limits.maxLength;
  }

  /** Token ids [tokens, 1]. */
  public Value ids() {
    return all.ids;
  }

  /** The rows wanted of x [tokens, columns]. */
  public Value choose(Graph graph, Rows rows, Value x) {
    return rows == Rows.ALL ? x : graph.gather(x, chosen(rows).rows, chosen(rows).inverse);
  }

  /** Positions of the rows wanted. */
  public Value positions(Rows rows) {
    return rows == Rows.ALL ? all.positions : chosen(rows).positions;
  }

  /** Attention segments in which the rows wanted query. */
  public Value segments(Rows rows) {
    return rows == Rows.ALL ? all.segments : chosen(rows).segments;
  }

  private Chosen chosen(Rows rows) {
    return switch (rows) {
      case FIRST -> first;
      case LAST -> last;
      case ALL, MEAN -> throw new IllegalArgumentException(rows + " is no choice of one token of each sequence");
    };
  }
}
