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

  /** Tokens of one example. */
  public int tokens(int example) {
    return examples.get(example).tokens();
  }

  /** Tokens of all examples. */
  public long tokens() {
    return examples.stream().mapToLong(Example::tokens).sum();
  }

  /** Tokens of the longest sequence. */
  public int longest() {
    return sequences().stream().mapToInt(Sequence::length).max().orElse(0);
  }

  /** Sequences that were cut to the length limit. */
  public long cut() {
    return sequences().stream().filter(Sequence::cut).count();
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
