package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.train.Session;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.MaskedLm;
import io.github.lora4j.train.recorded.QuestionAnswering;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.recorded.Targets;
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
final class GoldenModel {

  /** What a model does, by the end of its class name. */
  enum Kind {
    CLASSES("ForSequenceClassification"), NEXT_TOKEN("ForCausalLM"), MASKED_TOKENS("ForMaskedLM"),
    ANSWER("ForQuestionAnswering");

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
      return this == NEXT_TOKEN || this == MASKED_TOKENS;
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
    this.dir = dir;
    this.expected = expected;
    tensors = Checkpoint.open(dir.resolve("expected.safetensors"));
    List<Long> shape = tensors.info("batch.input_ids").shape();
    steps = shape.get(0).intValue();
    rows = shape.get(1).intValue();
    length = shape.get(2).intValue();
    ids = Numbers.floats(tensors, "batch.input_ids");
    mask = Numbers.floats(tensors, "batch.attention_mask");
    types = tensors.names().contains("batch.token_type_ids") ? Numbers.floats(tensors, "batch.token_type_ids") : new float[ids.length];
    kind = Kind.of(expected.path("model_class").asText()).orElseThrow();
    labels = kind == Kind.ANSWER ? answers() : Numbers.floats(tensors, "batch.labels");
    task = task(ModelDirectory.open(dir));
    description = new ModelDescription(task.modelType(), task.modules(), task.outputModule(), task.tied());
  }

  private RecordedTask task(ModelDirectory model) {
    return switch (kind) {
      case NEXT_TOKEN -> new CausalLm(model.architecture());
      case ANSWER -> new QuestionAnswering(model.architecture());
      case MASKED_TOKENS -> new MaskedLm(model.architecture());
      case CLASSES -> {
        int outputs = tensors.info("base.logits").shape().get(1).intValue();
        boolean classes = !tensors.info("batch.labels").dtype().isFloat();
        Loss loss = classes ? Loss.CROSS_ENTROPY : outputs == 1 ? Loss.MSE : Loss.BCE_WITH_LOGITS;
        yield new SequenceClassifier(model.architecture(), outputs, loss);
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

  /** Runs "accumulate" on a recorded batch. */
  void accumulate(Session session, int step) {
    PackedBatch batch = new PackedBatch(session.task().in());
    Targets targets = task.targets(session.task().in(), session.task().program());
    TokenizedData data = data(step);
    for (int i = 0; i < rows; i++) {
      int live = data.tokens(i);
      int tokens = kind == Kind.ANSWER ? length : live;
      int at = (step * rows + i) * length;
      batch.add(PackedBatch.Sequence.of(Arrays.copyOf(data.sequences().get(i).ids(), tokens),
          Arrays.copyOf(data.sequences().get(i).types(), tokens), i).looking(live));
      for (int t = live; t < tokens; t++) {
        assertEquals(0, ids[at + t], "padding's id, which the copy has");
      }
      targets.add(data.examples().get(i).target());
    }
    batch.write(session.executable(), 0, step);
    targets.write(session.executable());
    session.executable().run("accumulate");
  }

  /** Recorded tensors under our slot names. */
  Map<String, float[]> bySlot(String prefix) {
    Map<String, float[]> map = new LinkedHashMap<>();
    for (String name : tensors.names()) {
      if (name.startsWith(prefix)) {
        String slot = name.substring(prefix.length()).replace("base_model.model.", "").replace(".modules_to_save.default", "")
            .replace(".base_layer", "").replace(".default", "").replace("lora_magnitude_vector.weight", "lora_magnitude_vector");
        float[] values = Numbers.floats(tensors, name);
        map.put(slot, slot.endsWith("lora_embedding_A") ? transposed(values, tensors.info(name).shape().getFirst().intValue()) : values);
      }
    }
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

  /** The recorded labels of a row as the target of its task. */
  private Target target(float[] row, int live) {
    return switch (kind) {
      case NEXT_TOKEN, MASKED_TOKENS -> Target.TokenLabels.of(IntStream.range(0, live).map(i -> (int) row[i]).toArray());
      case ANSWER -> new Target.Span((int) row[0], (int) row[1], (int) row[2]);
      case CLASSES -> !tensors.info("batch.labels").dtype().isFloat() ? new Target.OneClass((int) row[0]) : new Target.Numbers(row);
    };
  }

  /** A recorded batch without its padding. */
  TokenizedData data(int step) {
    List<int[]> rowIds = new ArrayList<>();
    List<int[]> rowTypes = new ArrayList<>();
    List<Target> rowTargets = new ArrayList<>();
    int width = labels.length / (steps * rows);
    for (int row = 0; row < rows; row++) {
      int at = (step * rows + row) * length;
      int live = 0;
      while (live < length && mask[at + live] == 1) {
        live++;
      }
      for (int t = live; t < length; t++) {
        assertEquals(0, mask[at + t], "padding is on the right");
      }
      int[] a = new int[live];
      int[] b = new int[live];
      for (int t = 0; t < live; t++) {
        a[t] = (int) ids[at + t];
        b[t] = (int) types[at + t];
      }
      rowIds.add(a);
      rowTypes.add(b);
      rowTargets.add(target(Arrays.copyOfRange(labels, (step * rows + row) * width, (step * rows + row + 1) * width), live));
    }
    return TokenizedData.of(rowIds, rowTypes, rowTargets);
  }

  /** Compares predictions of batch 0 with recorded logits: of a causal model those behind each sequence's last token. */
  void close(String stage, float[][] got) {
    if (kind == Kind.ANSWER) {
      closeAnswers(stage, got);
      return;
    }
    float[] want = Numbers.floats(tensors, stage + ".logits");
    if (kind.ofTokens()) {
      int width = tensors.info(stage + ".logits").shape().get(2).intValue();
      TokenizedData data = data(0);
      for (int row = 0; row < rows; row++) {
        int live = data.tokens(row);
        int first = kind == Kind.NEXT_TOKEN ? live - 1 : 0;
        compare(stage, Arrays.copyOfRange(want, (row * length + first) * width, (row * length + live) * width), got[row], Numbers.max(want));
      }
    } else {
      int width = want.length / rows;
      for (int row = 0; row < rows; row++) {
        compare(stage, Arrays.copyOfRange(want, row * width, (row + 1) * width), got[row], Numbers.max(want));
      }
    }
  }

  private void closeAnswers(String stage, float[][] got) {
    float[] starts = Numbers.floats(tensors, stage + ".start_logits");
    float[] ends = Numbers.floats(tensors, stage + ".end_logits");
    for (int row = 0; row < rows; row++) {
      float[] want = new float[2 * data(0).tokens(row)];
      for (int i = 0; i < want.length; i++) {
        want[i] = (i % 2 == 0 ? starts : ends)[row * length + i / 2];
      }
      compare(stage, want, got[row], Math.max(Numbers.max(starts), Numbers.max(ends)));
    }
  }

  private static void compare(String stage, float[] want, float[] got, double largest) {
    assertEquals(want.length, got.length, stage);
    Numbers.assertClose(want, got, 1e-4 * Math.max(1e-2, largest), stage + ".logits");
  }
}
