package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.sentences.SentenceEmbedder;
import io.github.lora4j.train.sentences.SentenceLoss;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Sentence vectors, from pairs of texts that belong together: multiple-negatives ranking loss.
 *
 * @param pooling "mean", "cls" or "last"; empty: as the model's files say, else mean
 */
public record Embedding(@Meaning("Sentence vectors by mean, cls or last; as the model's 1_Pooling/config.json says if not given.") String pooling)
    implements TrainingTask {

  private static final double SCALE = 20;

  /** The model's own pooling. */
  public Embedding() {
    this("");
  }

  /** Checks the name. */
  public Embedding {
    if (!List.of("", "mean", "cls", "last").contains(pooling)) {
      throw new ConfigException("pooling must be mean, cls or last, got \"%s\"".formatted(pooling));
    }
  }

  @Override
  public String name() {
    return "embedding";
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    return columns.textPair().isPresent() ? List.of()
        : List.of("task embedding needs data.text_pair: the column of the text that belongs to data.text");
  }

  /** The other pairs of a batch are the wrong answers. */
  @Override
  public int smallestBatch() {
    return 2;
  }

  @Override
  public TrainingTask settled(ModelDirectory model) {
    Optional<String> own = SentenceFiles.pooling(model.path());
    if (own.isPresent() && !pooling.isEmpty() && !own.get().equals(pooling)) {
      throw new ConfigException(("pooling is %s, but %s says %s: its vectors were trained that way. Leave pooling out, or change that file if "
          + "it is wrong").formatted(pooling, model.path().resolve(SentenceFiles.POOLING), own.get()));
    }
    return new Embedding(pooling.isEmpty() ? own.orElse("mean") : pooling);
  }

  @Override
  public OptionalInt longest(ModelDirectory model) {
    return SentenceFiles.longest(model.path());
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    SentenceEmbedder.Pooling how = switch (pooling) {
      case "cls" -> SentenceEmbedder.Pooling.CLS;
      case "last" -> SentenceEmbedder.Pooling.LAST;
      case "", "mean" -> SentenceEmbedder.Pooling.MEAN;
      default -> throw new IllegalStateException(pooling);
    };
    return new SentenceEmbedder(model.architecture(), how, true, SentenceLoss.MULTIPLE_NEGATIVES, 2);
  }

  /** A text alone where it is only to be embedded. */
  @Override
  public Example example(Row row, RowReader reader) {
    List<Sequence> sequences = new ArrayList<>(List.of(reader.sequence(row.text())));
    if (reader.labelled() || row.pair().isPresent()) {
      sequences.add(reader.sequence(reader.pair(row)));
    }
    return new Example(sequences, reader.labelled() ? Target.PAIR : Target.NONE);
  }

  @Override
  public List<String> notes(List<Example> examples) {
    Set<List<Integer>> seconds = new HashSet<>();
    examples.forEach(example -> seconds.add(Arrays.stream(example.sequences().getLast().ids()).boxed().toList()));
    if (seconds.size() == 1) {
      throw new ConfigException(("the second text of all %,d pairs is the same: there are no wrong answers to learn from (is data.text_pair the "
          + "right column?)")
          .formatted(examples.size()));
    }
    int again = examples.size() - seconds.size();
    return again == 0 ? List.of()
        : List.of("%,d of %,d pairs have a second text that an earlier pair has, too: in one batch each counts as a wrong answer to the other"
        .formatted(again, examples.size()));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Retrieval.ofPairs(judged);
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return outputs.length == 2 ? new OfPair(outputs[0], outputs[1]) : new OfVector(outputs[0]);
  }

  private record OfVector(float[] vector) implements Prediction {
    @Override
    public String text() {
      List<String> numbers = new ArrayList<>();
      for (float x : vector) {
        numbers.add(Float.toString(x));
      }
      return String.join(" ", numbers);
    }

    @Override
    public Map<String, Object> fields() {
      return Map.of("vector", vector);
    }
  }

  private record OfPair(float[] first, float[] second) implements Prediction {
    private double similarity() {
      double sum = 0;
      for (int i = 0; i < first.length; i++) {
        sum += (double) first[i] * second[i];
      }
      return sum;
    }

    @Override
    public String text() {
      return String.format(Locale.ROOT, "%.6f", similarity());
    }

    @Override
    public Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("similarity", similarity());
      fields.put("vector", first);
      fields.put("vector_pair", second);
      return fields;
    }
  }
}
