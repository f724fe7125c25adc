package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;

/**
 * A number for each row that says which of several variants computes it, so that sequences of one batch may use different adapters:
 * integer slots {@code choices.<axis>} [rows, 1], declared by whoever reads them and written with the batch. 0 is what a row gets that says
 * nothing.
 */
public final class RowChoices {

  private static final String PREFIX = "choices.";

  private final RowAxis tokens;
  private final RowAxis sequences;
  private final List<RowAxis> beside;
  private Optional<Program> known = Optional.empty();
  private Optional<Value> ofTokens = Optional.empty();
  private Optional<Value> ofSequences = Optional.empty();

  /**
   * The host side for a batch whose rows lie on these axes.
   *
   * @param beside axes whose choices somebody else writes, see {@link #find}
   */
  public RowChoices(RowAxis tokens, RowAxis sequences, RowAxis... beside) {
    this.tokens = tokens;
    this.sequences = sequences;
    this.beside = List.of(beside);
  }

  /** The choices of the rows of an axis, declared if they are not yet. */
  public static Value declare(ProgramBuilder program, RowAxis axis) {
    return program.table(PREFIX + axis.name(), Shape.of(axis, 1));
  }

  /** The choices of the rows of an axis, if a program reads them. */
  public static Optional<Value> find(Program program, RowAxis axis) {
    return program.slot(PREFIX + axis.name());
  }

  /**
   * Writes the choices that the program reads.
   *
   * @param mixed whether some are not 0
   * @throws ConfigException when they are not but the program reads none, or when it reads those of rows that only it knows
   */
  @SuppressWarnings("ReferenceEquality") // The very program: comparing two op by op would take longer than looking again.
  public void write(Executable to, int[] tokenChoices, int tokenCount, int[] sequenceChoices, int sequenceCount, boolean mixed) {
    if (known.filter(program -> program == to.program()).isEmpty()) {
      look(to.program());
    }
    if (mixed && ofTokens.isEmpty() && ofSequences.isEmpty()) {
      throw new ConfigException("the batch names an adapter for each sequence, but this program has one adapter for all rows: open "
          + "the session with a set of adapters");
    }
    if (ofTokens.isPresent()) {
      to.write(ofTokens.get(), tokenChoices, tokenCount);
    }
    if (ofSequences.isPresent()) {
      to.write(ofSequences.get(), sequenceChoices, sequenceCount);
    }
  }

  private void look(Program program) {
    ofTokens = program.slot(PREFIX + tokens.name());
    ofSequences = program.slot(PREFIX + sequences.name());
    List<String> others = program.slots().keySet().stream().filter(name -> name.startsWith(PREFIX))
        .filter(name -> !name.equals(PREFIX + tokens.name()) && !name.equals(PREFIX + sequences.name()))
        .filter(name -> beside.stream().noneMatch(axis -> name.equals(PREFIX + axis.name()))).sorted().toList();
    if (!others.isEmpty()) {
      throw new ConfigException("adapters chosen row by row sit on rows of %s, which a batch does not write (it writes %s and %s)"
          .formatted(others, tokens.name(), sequences.name()));
    }
    known = Optional.of(program);
  }
}
