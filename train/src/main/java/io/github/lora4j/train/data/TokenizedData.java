package io.github.lora4j.train.data;

import io.github.lora4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/** Examples as token ids, ready to be packed. */
public record TokenizedData(List<Example> examples) {

  /** Copies the list. */
  public TokenizedData {
    examples = List.copyOf(examples);
  }

  /** Texts to be embedded or classified, whose targets are not known. */
  public static TokenizedData of(List<String> texts, Tokenizer tokenizer, int maxLength) {
    return new TokenizedData(texts.stream().map(text -> Example.of(Sequence.of(tokenizer.encode(text, maxLength)), Target.NONE)).toList());
  }

  /** Examples of one sequence each, from their token ids, sentence numbers and targets. */
  public static TokenizedData of(List<int[]> ids, List<int[]> types, List<? extends Target> targets) {
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) {
      examples.add(Example.of(new Sequence(ids.get(i), types.get(i), false), targets.get(i)));
    }
    return new TokenizedData(examples);
  }

  /** Number of examples. */
  public int size() {
    return examples.size();
  }

  /** The sequences of all examples in order. */
  public List<Sequence> sequences() {
    return examples.stream().flatMap(example -> example.sequences().stream()).toList();
  }

  /** What was read of all examples in order: their sequences, or the sources that those are made from. */
  public List<Sequence> texts() {
    return examples.stream().flatMap(example -> (example.sources().isEmpty() ? example.sequences() : example.sources()).stream()).toList();
  }

  /** Tokens of one example. */
  public int tokens(int example) {
    return examples.get(example).tokens();
  }

  /** Tokens of one example's sources. */
  public int sourceTokens(int example) {
    return examples.get(example).sourceTokens();
  }

  /** Tokens of all examples, those of sources included. */
  public long tokens() {
    return examples.stream().mapToLong(example -> example.tokens() + example.sourceTokens()).sum();
  }

  /** Tokens of the longest sequence or source. */
  public int longest() {
    return examples.stream().flatMap(example -> example.all().stream()).mapToInt(Sequence::length).max().orElse(0);
  }

  /** How many of {@link #texts} were cut to the length limit. */
  public long cut() {
    return texts().stream().filter(Sequence::cut).count();
  }

  /** A checksum of ids and targets, to recognise the data a checkpoint was trained on. */
  public long checksum() {
    CRC32 crc = new CRC32();
    for (Example example : examples) {
      for (Sequence sequence : example.sequences()) {
        for (int id : sequence.ids()) {
          update(crc, id);
        }
        update(crc, -1);
      }
      for (Sequence source : example.sources()) {
        for (int id : source.ids()) {
          update(crc, id);
        }
        update(crc, -2);
      }
    }
    examples.forEach(example -> example.target().words().forEach(word -> update(crc, word)));
    return crc.getValue();
  }

  private static void update(CRC32 crc, int word) {
    crc.update(word);
    crc.update(word >>> 8);
    crc.update(word >>> 16);
    crc.update(word >>> 24);
  }
}
