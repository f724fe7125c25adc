package io.github.lora4j.models;

import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.List;

/**
 * The input slots of a packed batch: sequences lie one after another on the {@code tokens} axis, without padding.
 *
 * @param ids token ids [tokens, 1]
 * @param positions position of each token in its sequence [tokens, 1]
 * @param types segment id of each token (sentence A or B) [tokens, 1]
 * @param segments attention segments over all tokens [sequences, 5]
 * @param ranges (start, length) of each sequence's text [sequences, 2]
 * @param first row of each sequence's first token [sequences, 1]
 * @param firstInverse for each token the sequence it is the first token of, or −1 [tokens, 1]
 * @param firstSegments attention segments in which only first tokens query: one query row per sequence, all its keys [sequences, 5]
 * @param last row of each sequence's last token [sequences, 1]
 * @param lastInverse for each token the sequence it is the last token of, or −1 [tokens, 1]
 * @param lastPositions position of each sequence's last token [sequences, 1]
 * @param lastSegments attention segments in which only last tokens query; they see all of their sequence [sequences, 5]
 * @param tokenKeys dropout keys (example ordinal, position) [tokens, 2]
 * @param sequenceKeys dropout keys of rows on the sequences axis [sequences, 2]
 * @param random (seed low, seed high, step) [1, 3]
 * @param maxLength the longest sequence allowed
 * @param firstPosition position of a sequence's first token
 */
public record PackedInputs(RowAxis tokens, RowAxis sequences, Value ids, Value positions, Value types, Value segments, Value ranges,
    Value first, Value firstInverse, Value firstSegments, Value last, Value lastInverse, Value lastPositions, Value lastSegments, Value tokenKeys,
    Value sequenceKeys, Value random, int maxLength, int firstPosition) {

  /** Declares the slots of a model whose positions start at 0. */
  public static PackedInputs declare(ProgramBuilder program, int maxTokens, int maxSequences, int maxLength) {
    return declare(program, maxTokens, maxSequences, maxLength, 0);
  }

  /** Declares the slots; entries of one program share them. */
  public static PackedInputs declare(ProgramBuilder program, int maxTokens, int maxSequences, int maxLength, int firstPosition) {
    RowAxis tokens = program.axis("tokens", maxTokens);
    RowAxis sequences = program.axis("sequences", maxSequences);
    return new PackedInputs(tokens, sequences, program.table("ids", Shape.of(tokens, 1)), program.table("positions", Shape.of(tokens, 1)),
        program.table("types", Shape.of(tokens, 1)), program.table("segments", Shape.of(sequences, 5)),
        program.table("ranges", Shape.of(sequences, 2)), program.table("first", Shape.of(sequences, 1)),
        program.table("firstInverse", Shape.of(tokens, 1)), program.table("firstSegments", Shape.of(sequences, 5)),
        program.table("last", Shape.of(sequences, 1)), program.table("lastInverse", Shape.of(tokens, 1)),
        program.table("lastPositions", Shape.of(sequences, 1)), program.table("lastSegments", Shape.of(sequences, 5)),
        program.table("tokenKeys", Shape.of(tokens, 2)), program.table("sequenceKeys", Shape.of(sequences, 2)),
        program.table("random", Shape.of(1, 3)), maxLength, firstPosition);
  }

  /** What dropout needs. */
  public Sites.Randomness randomness() {
    return new Sites.Randomness(List.of(tokenKeys, sequenceKeys), random);
  }
}
