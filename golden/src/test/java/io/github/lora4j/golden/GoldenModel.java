package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.MaskedLm;
import io.github.lora4j.train.recorded.QuestionAnswering;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.recorded.SequenceToSequence;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.recorded.TokenClassifier;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.vector.Loss;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** One recorded model: its task, its batches, the tensors that were recorded. */
final class GoldenModel implements AutoCloseable {

  /** What a model does, by the end of its class name. */
  enum Kind {
    CLASSES("ForSequenceClassification"), NEXT_TOKEN("ForCausalLM"), MASKED_TOKENS("ForMaskedLM"),
    LABELLED_TOKENS("ForTokenClassification"), ANSWER("ForQuestionAnswering"), FROM_SOURCE("ForConditionalGeneration");

    private final String ending;

    Kind(String ending) {
      this.ending = ending;
    }

    static Optional<Kind> of(String modelClass) {
      String name = modelClass.equals("GPT2LMHeadModel") ? "GPT2ForCausalLM" : modelClass;
      return Arrays.stream(values()).filter(kind -> name.endsWith(kind.ending)).findFirst();
    }

    /** Whether labels are tokens, padded like the text. */
    boolean ofTokens() {
      return this == NEXT_TOKEN || this == MASKED_TOKENS || this == LABELLED_TOKENS;
    }
  }

  final Path dir;
  final JsonNode expected;
  final Checkpoint tensors;
  final Kind kind;
  final RecordedTask task;
  final ModelDescription description;
  final int steps;
  final int rows;
  final int length;
  private final float[] ids;
  private final float[] mask;
  private final float[] types;
  private final float[] labels;

  GoldenModel(Path dir, JsonNode expected) {
    this(dir, expected, Checkpoint.open(dir.resolve("expected.safetensors")));
  }

  /** Another model directory for which the same was recorded. */
  GoldenModel(Path dir, JsonNode expected, Checkpoint recorded) {
    this.dir = dir;
    this.expected = expected;
    tensors = recorded;
    List<Long> shape = tensors.info("batch.input_ids").shape();
    steps = shape.get(0).intValue();
    rows = shape.get(1).intValue();
    length = shape.get(2).intValue();
    ids = Numbers.floats(tensors, "batch.input_ids");
    mask = Numbers.floats(tensors, "batch.attention_mask");
    types = tensors.names().contains("batch.token_type_ids") ? Numbers.floats(tensors, "batch.token_type_ids") : new float[ids.length];
    kind = Kind.of(expected.path("model_class").asText()).orElseThrow();
    labels = kind == Kind.ANSWER ? answers() : Numbers.floats(tensors, "batch.labels");
    task = task(ModelDirectory.open(dir).architecture());
    int longest = batch(0, false).stream().mapToInt(row -> row.ids.length).max().orElse(0);
    if (longest > task.maxPositions()) {
      throw GoldenCases.notYet("sequences of %d tokens are longer than the %d that lora4j computes of this model".formatted(longest,
          task.maxPositions()));
    }
    description = task.description();
  }

  private RecordedTask task(Architecture architecture) {
    return switch (kind) {
      case NEXT_TOKEN -> new CausalLm(architecture);
      case FROM_SOURCE -> new SequenceToSequence(architecture);
      case ANSWER -> new QuestionAnswering(architecture);
      case MASKED_TOKENS -> new MaskedLm(architecture);
      case LABELLED_TOKENS -> new TokenClassifier(architecture, tensors.info("base.logits").shape().getLast().intValue());
      case CLASSES -> {
        int outputs = tensors.info("base.logits").shape().get(1).intValue();
        boolean classes = !tensors.info("batch.labels").dtype().isFloat();
        Loss loss = classes ? Loss.CROSS_ENTROPY : outputs == 1 ? Loss.MSE : Loss.BCE_WITH_LOGITS;
        yield new SequenceClassifier(architecture, outputs, loss);
      }
    };
  }

  /** Start, end and the padded length, which Hugging Face's loss of answers runs over. */
  private float[] answers() {
    float[] starts = Numbers.floats(tensors, "batch.start_positions");
    float[] ends = Numbers.floats(tensors, "batch.end_positions");
    float[] all = new float[3 * starts.length];
    for (int i = 0; i < starts.length; i++) {
      all[3 * i] = starts[i];
      all[3 * i + 1] = ends[i];
      all[3 * i + 2] = length;
    }
    return all;
  }

  /**
   * A row of a batch without its padding.
   *
   * @param at where its tokens lie in the padded row
   * @param source what the text is made from; empty where it is not
   * @param looked tokens that are looked at: those behind are padding that a loss sees
   * @param comparable whether what the head reads is a token, not padding
   */
  private record Row(int[] ids, int[] types, int[] at, int[] positions, int[] source, int looked, Target target, boolean comparable) {}

  /**
   * Whether a training step means what was recorded: not where the first token of a row is predicted, or pooled, by padding before it; nor where a
   * loss sees DeBERTa's padding, which sees no key, so that it takes the mean of all rows, padding too, and hands its gradient to them.
   */
  boolean trains() {
    boolean blind = kind == Kind.ANSWER && task.model().architecture().modelType().startsWith("deberta");
    for (int step = 0; step < steps; step++) {
      for (Row row : batch(step, false)) {
        if (blind && row.at.length < length || row.at[row.at.length - 1] != row.at.length - 1) {
          return false;
        }
      }
    }
    return true;
  }

  private void write(Session session, int step, List<Row> rows) {
    PackedInputs in = session.task().in();
    packed(in, rows).write(session.executable(), 0, step);
    int[] positions = rows.stream().flatMapToInt(row -> Arrays.stream(row.positions)).toArray();
    if (Arrays.stream(positions).anyMatch(p -> p < 0)) {
      // Only a loss that sees RoBERTa's padding needs what no text has: the position of padding.
      int[] absolute = Arrays.stream(positions).map(p -> in.limits().firstPosition() + p).toArray();
      session.executable().write(in.positions(Rows.ALL), absolute, absolute.length);
    }
  }

  private PackedBatch packed(PackedInputs in, List<Row> rows) {
    PackedBatch batch = new PackedBatch(in);
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      batch.add(new PackedBatch.Sequence(row.ids, row.types, Arrays.stream(row.positions).map(p -> Math.max(p, 0)).toArray(), row.looked, i, 0,
          length));
      if (row.source.length > 0) {
        batch.source(row.source);
      }
    }
    return batch;
  }

  /** Runs "accumulate" on a recorded batch. */
  void accumulate(Session session, int step) {
    Targets targets = task.targets(session.task().in(), session.task().program());
    List<Row> rows = batch(step, kind == Kind.ANSWER);
    rows.forEach(row -> targets.add(row.target));
    write(session, step, rows);
    targets.write(session.executable());
    session.executable().run("accumulate");
  }

  /** Writes batch 0 for a program of one's own. */
  void write(PackedInputs in, Executable executable) {
    packed(in, batch(0, false)).write(executable, 0, 0);
  }

  /** Where the real tokens of each row of batch 0 lie in the padded row. */
  List<int[]> places() {
    return batch(0, false).stream().map(Row::at).toList();
  }

  /** Predicts batch 0. */
  private float[][] predict(Session session, List<Row> rows) {
    session.prepare();
    write(session, 0, rows);
    session.executable().run("predict");
    Value predictions = session.task().predictions();
    float[] all = session.executable().floats(predictions);
    boolean tokens = predictions.shape().sameRows(session.task().in().ids().shape());
    float[][] result = new float[rows.size()][];
    int at = 0;
    for (int i = 0; i < result.length; i++) {
      int end = at + (tokens ? rows.get(i).ids.length : 1) * predictions.shape().cols();
      result[i] = Arrays.copyOfRange(all, at, end);
      at = end;
    }
    return result;
  }

  /** Recorded tensors under our slot names. */
  Map<String, float[]> bySlot(String prefix) {
    Map<String, float[]> map = new LinkedHashMap<>();
    GoldenCases.bySlot(tensors.names(), prefix).forEach((slot, name) -> {
      float[] values = Numbers.floats(tensors, name);
      map.put(slot, slot.endsWith("lora_embedding_A") ? transposed(values, tensors.info(name).shape().getFirst().intValue()) : values);
    });
    return map;
  }

  /** Files hold an embedding's A as [r, entries], programs as a table. */
  private static float[] transposed(float[] values, int rows) {
    int columns = values.length / rows;
    float[] turned = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      turned[i % columns * rows + i / columns] = values[i];
    }
    return turned;
  }

  /**
   * A recorded batch without its padding, wherever that is.
   *
   * @param padded with the padding behind each row, which some losses see
   */
  private List<Row> batch(int step, boolean padded) {
    List<Row> result = new ArrayList<>();
    int width = labels.length / (steps * rows);
    for (int row = 0; kind == Kind.FROM_SOURCE && row < rows; row++) {
      result.add(made(step, row, width));
    }
    for (int row = 0; kind != Kind.FROM_SOURCE && row < rows; row++) {
      int first = (step * rows + row) * length;
      int[] real = IntStream.range(0, length).filter(t -> mask[first + t] == 1).toArray();
      int[] all = padded ? IntStream.concat(Arrays.stream(real), IntStream.range(0, length).filter(t -> mask[first + t] != 1)).toArray() : real;
      float[] own = Arrays.copyOfRange(labels, (step * rows + row) * width, (step * rows + row + 1) * width);
      if (kind.ofTokens()) {
        float[] kept = new float[all.length];
        for (int t = 0; t < all.length; t++) {
          kept[t] = own[all[t]];
        }
        own = kept;
      }
      result.add(new Row(Arrays.stream(all).map(t -> (int) ids[first + t]).toArray(), Arrays.stream(all).map(t -> (int) types[first + t]).toArray(),
          all, positions(first, all), new int[0], real.length, target(own), kind != Kind.CLASSES || !readsFirst() || real[0] == 0));
    }
    return result;
  }

  /** A text that is made from a source: Hugging Face feeds its decoder the labels one place on, behind a start token. */
  private Row made(int step, int row, int width) {
    int first = (step * rows + row) * length;
    int[] source = IntStream.range(0, length).filter(t -> mask[first + t] == 1).map(t -> (int) ids[first + t]).toArray();
    float[] own = Arrays.copyOfRange(labels, (step * rows + row) * width, (step * rows + row + 1) * width);
    int end = IntStream.range(0, width).filter(t -> own[t] != -100).max().orElseThrow() + 1;
    JsonNode config = GoldenCases.json(dir.resolve("config.json"));
    int[] text = IntStream.range(0, end).map(t -> t == 0 ? config.path("decoder_start_token_id").asInt()
        : own[t - 1] == -100 ? config.path("pad_token_id").asInt() : (int) own[t - 1]).toArray();
    int[] at = IntStream.range(0, end).toArray();
    return new Row(text, new int[end], at, at, source, end, target(Arrays.copyOf(own, end)), true);
  }

  /** The recorded labels of a row as the target of its task. */
  private Target target(float[] row) {
    return switch (kind) {
      case NEXT_TOKEN, MASKED_TOKENS, LABELLED_TOKENS, FROM_SOURCE -> Target.TokenLabels.of(IntStream.range(0,
          row.length).map(i -> (int) row[i]).toArray());
      case ANSWER -> new Target.Span((int) row[0], (int) row[1], (int) row[2]);
      case CLASSES -> !tensors.info("batch.labels").dtype().isFloat() ? new Target.OneClass((int) row[0]) : new Target.Numbers(row);
    };
  }

  /**
   * Hugging Face counts positions over the padding, where none are given; RoBERTa, whose first position is behind that of padding, over the
   * tokens alone, and gives padding the position before the first.
   */
  private int[] positions(int first, int[] tokens) {
    boolean counted = task.model().architecture().firstPosition() == 0;
    int[] positions = new int[tokens.length];
    for (int t = 0; t < tokens.length; t++) {
      positions[t] = counted ? tokens[t] : mask[first + tokens[t]] == 1 ? t : -1;
    }
    return positions;
  }

  private boolean readsFirst() {
    return task.model().architecture().rowsOf(task.model().head()) == Rows.FIRST;
  }

  /** Whether there are logits of this stage. */
  boolean recorded(String stage) {
    return tensors.names().contains(stage + (kind == Kind.ANSWER ? ".start_logits" : ".logits"));
  }

  /** Compares predictions of batch 0 with recorded logits of real tokens: of a causal model those behind each sequence's last token. */
  void close(String stage, Session session) {
    List<Row> batch = batch(0, false);
    float[][] got = predict(session, batch);
    if (kind == Kind.ANSWER) {
      float[] starts = Numbers.floats(tensors, stage + ".start_logits");
      float[] ends = Numbers.floats(tensors, stage + ".end_logits");
      float[] both = new float[2 * starts.length];
      for (int i = 0; i < both.length; i++) {
        both[i] = (i % 2 == 0 ? starts : ends)[i / 2];
      }
      tokens(stage, both, 2, batch, got);
      return;
    }
    float[] want = Numbers.floats(tensors, stage + ".logits");
    if (kind.ofTokens() || kind == Kind.FROM_SOURCE) {
      tokens(stage, want, tensors.info(stage + ".logits").shape().get(2).intValue(), batch, got);
      return;
    }
    int width = want.length / rows;
    for (int row = 0; row < rows; row++) {
      if (batch.get(row).comparable) {
        compare(stage, Arrays.copyOfRange(want, row * width, (row + 1) * width), got[row], Numbers.max(want));
      }
    }
  }

  private void tokens(String stage, float[] want, int width, List<Row> batch, float[][] got) {
    for (int row = 0; row < rows; row++) {
      int[] at = batch.get(row).at;
      int first = (kind == Kind.NEXT_TOKEN || kind == Kind.FROM_SOURCE) && got[row].length == width ? at.length - 1 : 0;
      int padded = want.length / rows / width;
      float[] real = new float[(at.length - first) * width];
      for (int t = first; t < at.length; t++) {
        System.arraycopy(want, (row * padded + at[t]) * width, real, (t - first) * width, width);
      }
      compare(stage, real, got[row], Numbers.max(want));
    }
  }

  private static void compare(String stage, float[] want, float[] got, double largest) {
    assertEquals(want.length, got.length, stage);
    Numbers.assertClose(want, got, 1e-4 * Math.max(1e-2, largest), stage + ".logits");
  }

  @Override
  public void close() {
    tensors.close();
  }
}
