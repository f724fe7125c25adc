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
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * Sentence vectors, from pairs of texts: that belong together, or of which a score or label says how much they do.
 *
 * @param pooling "mean", "cls" or "last"; empty: as the model's files say, else mean
 * @param learning what pairs teach
 */
public record Embedding(@Meaning("Sentence vectors by mean, cls or last; as the model's 1_Pooling/config.json says if not given.") String pooling,
    Learning learning) implements TrainingTask {

  private static final Map<String, SentenceLoss.Kind> LOSSES = Map.of("multiple_negatives", SentenceLoss.Kind.MULTIPLE_NEGATIVES,
      "cosent", SentenceLoss.Kind.COSENT, "angle", SentenceLoss.Kind.ANGLE, "cosine_similarity", SentenceLoss.Kind.COSINE_SIMILARITY,
      "contrastive", SentenceLoss.Kind.CONTRASTIVE);

  /**
   * What pairs teach, by the names of sentence-transformers.
   *
   * @param sentenceLoss multiple_negatives: pairs belong together; cosent, angle, cosine_similarity: data.label is a score; contrastive: it is 1 or 0
   * @param similarityScale factor on similarities
   * @param contrastiveMargin of contrastive, on cosine distance
   * @param symmetric whether the second text is to find the first, too
   * @param matryoshkaDims lengths that vectors may be cut to, such as "384,128"; empty: they are not to be cut
   */
  public record Learning(
      @Meaning("multiple_negatives (pairs that belong together), cosent, angle or cosine_similarity (data.label is a score), contrastive (1 or 0).")
      String sentenceLoss,
      @Meaning("Factor on similarities in multiple_negatives, cosent and angle.") double similarityScale,
      @Meaning("Cosine distance from which on contrastive leaves texts alone that do not belong together.") double contrastiveMargin,
      @Meaning("Whether multiple_negatives also looks for the first text by the second.") boolean symmetric,
      @Meaning("Lengths that vectors may be cut to, each of which is learnt: \"384,128,64\" (Matryoshka).") String matryoshkaDims) {

    /** Multiple negatives. */
    public Learning() {
      this("multiple_negatives", SentenceLoss.MULTIPLE_NEGATIVES.scale(), 0.5, false, "");
    }

    /** Checks names and numbers. */
    public Learning {
      if (!LOSSES.containsKey(sentenceLoss)) {
        throw new ConfigException("sentence_loss must be one of %s, got \"%s\"".formatted(String.join(", ", new TreeSet<>(LOSSES.keySet())),
            sentenceLoss));
      }
      if (!(similarityScale > 0 && Double.isFinite(similarityScale) && contrastiveMargin > 0 && Double.isFinite(contrastiveMargin))) {
        throw new ConfigException("similarity_scale and contrastive_margin must be positive, got %s and %s".formatted(similarityScale,
            contrastiveMargin));
      }
      cuts(matryoshkaDims);
    }

    private static List<SentenceLoss.Cut> cuts(String dims) {
      List<SentenceLoss.Cut> cuts = new ArrayList<>();
      for (String dim : dims.isBlank() ? new String[0] : dims.strip().replaceAll("^\\[|]$", "").split(",")) {
        if (!dim.strip().matches("[1-9]\\d{0,6}")) {
          throw new ConfigException("matryoshka_dims must be lengths such as \"384,128,64\", got \"%s\"".formatted(dims));
        }
        cuts.add(new SentenceLoss.Cut(Integer.parseInt(dim.strip()), 1));
      }
      return cuts;
    }

    private SentenceLoss loss() {
      return new SentenceLoss(Objects.requireNonNull(LOSSES.get(sentenceLoss)), similarityScale, SentenceLoss.Measure.COSINE, contrastiveMargin, symmetric,
          cuts(matryoshkaDims));
    }
  }

  /** The model's own pooling, and multiple negatives. */
  public Embedding() {
    this("", new Learning());
  }

  /** Checks the names. */
  public Embedding {
    if (!List.of("", "mean", "cls", "last").contains(pooling)) {
      throw new ConfigException("pooling must be mean, cls or last, got \"%s\"".formatted(pooling));
    }
    learning.loss();
  }

  @Override
  public String name() {
    return "embedding";
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    List<String> problems = new ArrayList<>();
    if (columns.textPair().isEmpty()) {
      problems.add("task embedding needs data.text_pair: the column of the text that belongs to data.text");
    }
    if (scored() && columns.label().isEmpty()) {
      problems.add("sentence_loss %s needs data.label: the column that says how much the texts belong together".formatted(learning.sentenceLoss));
    }
    return problems;
  }

  private boolean scored() {
    return learning.loss().scored();
  }

  /** Whether pairs of a batch are compared with one another. */
  private boolean compares() {
    SentenceLoss.Kind kind = learning.loss().kind();
    return kind == SentenceLoss.Kind.MULTIPLE_NEGATIVES || kind == SentenceLoss.Kind.COSENT || kind == SentenceLoss.Kind.ANGLE;
  }

  @Override
  public int smallestBatch() {
    return compares() ? 2 : 1;
  }

  @Override
  public TrainingTask settled(ModelDirectory model) {
    Optional<String> own = SentenceFiles.pooling(model.path());
    if (own.isPresent() && !pooling.isEmpty() && !own.get().equals(pooling)) {
      throw new ConfigException(("pooling is %s, but %s says %s: its vectors were trained that way. Leave pooling out, or change that file if "
          + "it is wrong").formatted(pooling, model.path().resolve(SentenceFiles.POOLING), own.get()));
    }
    return new Embedding(pooling.isEmpty() ? own.orElse("mean") : pooling, learning);
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
    return new SentenceEmbedder(model.architecture(), how, true, learning.loss(), 2);
  }

  /** A text alone where it is only to be embedded. */
  @Override
  public Example example(Row row, RowReader reader) {
    List<Sequence> sequences = new ArrayList<>(List.of(reader.sequence(row.text())));
    if (reader.labelled() || row.pair().isPresent()) {
      sequences.add(reader.sequence(reader.pair(row)));
    }
    return new Example(sequences, !reader.labelled() ? Target.NONE : scored() ? new Target.Numbers(score(row, reader)) : Target.PAIR);
  }

  private float score(Row row, RowReader reader) {
    float score = Regression.number(row, reader);
    boolean fits = switch (learning.loss().kind()) {
      case CONTRASTIVE -> score == 0 || score == 1;
      case COSINE_SIMILARITY -> score >= -1 && score <= 1;
      case MULTIPLE_NEGATIVES, COSENT, ANGLE, TRIPLET -> true;
    };
    if (!fits) {
      throw reader.wrong(row, "label %s: sentence_loss %s takes %s".formatted(row.labels(), learning.sentenceLoss,
          learning.loss().kind() == SentenceLoss.Kind.CONTRASTIVE ? "1 and 0" : "scores from -1 to 1 (divide those of STS by 5)"));
    }
    return score;
  }

  @Override
  public List<String> notes(List<Example> examples) {
    if (scored()) {
      return List.of();
    }
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
    return scored() ? Similarity.ofPairs(judged, targets) : Retrieval.ofPairs(judged);
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
