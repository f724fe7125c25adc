package io.github.lora4j.train.session;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The base model of a run: found, and its limits kept. */
public final class BaseModel {

  private BaseModel() {}

  /** The model in a directory. */
  public static ModelDirectory open(Path directory) {
    if (!Files.exists(directory) && directory.toString().matches("[\\w.-]+/[\\w.-]+")) {
      throw new FormatException(("%s is not a directory. If it is the name of a model on Hugging Face's hub: nothing is downloaded here; fetch it "
          + "first, for example by `hf download %s --local-dir %s`, and give that directory").formatted(directory, directory,
          directory.getFileName()));
    }
    return ModelDirectory.open(directory);
  }

  /**
   * Tokens after which a text is cut.
   *
   * @param wanted the recipe's; 0: the model's own
   * @param own the model's, where its room is not less
   */
  public static int maxLength(int wanted, int own, RecordedTask program, Adapter adapter) {
    int virtual = adapter.virtualTokens().total();
    int room = program.maxPositions() - virtual;
    if (wanted > room || room < 1) {
      throw new ConfigException("data.max_length is %d but the model has positions for %d tokens%s".formatted(wanted, program.maxPositions(),
          virtual == 0 ? "" : ", of which %d are the adapter's virtual ones (num_virtual_tokens)".formatted(virtual)));
    }
    return wanted == 0 ? Math.min(room, own) : wanted;
  }

  /**
   * That texts were cut, if any were.
   *
   * @param what which texts, with a blank behind it
   */
  public static Optional<String> cut(long cut, long texts, String what, int maxLength) {
    return cut == 0 ? Optional.empty() : Optional.of("%,d of %,d %stexts were longer than %d tokens and were cut (data.max_length)"
        .formatted(cut, texts, what, maxLength));
  }

  /**
   * Refuses tokens that the model has no embedding for.
   *
   * @throws FormatException naming the token, its id and the rows there are
   */
  public static void requireTokens(ModelDirectory directory, Tokenizer tokenizer, TokenizedData data) {
    Architecture architecture = directory.architecture();
    int rows = architecture.vocabSize();
    int types = architecture.typeVocabSize();
    for (Sequence sequence : data.sequences()) {
      for (int id : sequence.ids()) {
        if (id >= rows) {
          throw new FormatException(("%s: the tokenizer's token \"%s\" has the id %d, but config.json gives the embedding %d rows (vocab_size); "
              + "the tokenizer files belong to another model, or tokens were added and the embedding not resized").formatted(directory.path(),
              tokenizer.token(id), id, rows));
        }
      }
      for (int type : sequence.types()) {
        if (type >= types) {
          throw new FormatException("%s: the tokenizer numbers a text %d, but config.json has embeddings for %d sentence numbers (type_vocab_size)"
              .formatted(directory.path(), type, types));
        }
      }
    }
  }
}
