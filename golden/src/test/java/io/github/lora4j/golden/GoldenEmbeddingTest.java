package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.sentences.SentenceEmbedder;
import io.github.lora4j.train.sentences.SentenceLoss;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Losses of sentence vectors as sentence-transformers computes them: loss, gradients and steps, and the vectors themselves. */
final class GoldenEmbeddingTest {

  private static final Set<String> KNOWN = Set.of("scale", "similarity", "negatives", "mini_batch_size", "distance", "margin", "dims", "weights",
      "directions", "partition_mode");

  @TestFactory
  Stream<DynamicTest> losses() {
    return TestedBackends.each(on -> {
      Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
      for (Path dir : GoldenCases.directories("embedding")) {
        JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
        expected.path("runs").forEach(run -> checks.put("%s: %s on %s".formatted(GoldenCases.name(dir), run.path("key").asText(), on),
            () -> new Run(dir, expected, run).check(on)));
        expected.path("pools").forEach(pool -> checks.put("%s: %s on %s".formatted(GoldenCases.name(dir), pool.path("key").asText(), on),
            () -> pool(dir, expected, pool, on)));
      }
      return GoldenCases.tests("embedding", checks);
    });
  }

  private static SentenceEmbedder.Pooling pooling(JsonNode name) {
    return switch (name.isTextual() ? name.asText() : name.toString()) {
      case "mean" -> SentenceEmbedder.Pooling.MEAN;
      case "cls" -> SentenceEmbedder.Pooling.CLS;
      case "lasttoken" -> SentenceEmbedder.Pooling.LAST;
      case String other -> throw GoldenCases.notYet("pooling " + other);
    };
  }

  private static void pool(Path dir, JsonNode expected, JsonNode pool, TestedBackends on) {
    SentenceEmbedder.Pooling pooling = pooling(pool.path("pooling"));
    if (!pool.path("padding").asText().equals("right")) {
      throw GoldenCases.notYet("texts padded on the left, of which only the vectors of another padding are trained");
    }
    Architecture architecture = GoldenCases.supported(() -> ModelDirectory.open(dir).architecture());
    RecordedTask task = new SentenceEmbedder(architecture, pooling, pool.path("normalize").asBoolean(), SentenceLoss.MULTIPLE_NEGATIVES, 2);
    try (Checkpoint recorded = Checkpoint.open(dir.resolve("expected.safetensors")); Backend backend = on.open();
        LoadedAdapter adapter = PeftFormat.load(dir.resolve("adapter"), task.description())) {
      Sequence[] texts = column(recorded, 0);
      TokenizedData batch = new TokenizedData(IntStream.range(0, texts.length / 2)
          .mapToObj(i -> new Example(List.of(texts[2 * i], texts[2 * i + 1]), Target.PAIR)).toList());
      try (GoldenSteps ours = new GoldenSteps(dir, task, adapter, adamW(0, adapter), List.of(batch), backend)) {
        float[] want = Numbers.floats(recorded, pool.path("key").asText() + ".value");
        List<float[]> rows = ours.measured(batch);
        float[] got = new float[rows.size() * rows.getFirst().length];
        for (int i = 0; i < rows.size(); i++) {
          System.arraycopy(rows.get(i), 0, got, i * rows.getFirst().length, rows.getFirst().length);
        }
        Numbers.assertClose(Arrays.copyOf(want, got.length), got, 1e-4 * Numbers.max(want), pool.path("key").asText());
      }
    }
  }

  private static OptimizerSpec adamW(double decay, LoadedAdapter adapter) {
    return GoldenSteps.adamW(0.9, 0.999, 1e-8, decay, 0, adapter.adapter().groups().size());
  }

  /** The texts of a column, without their padding. */
  private static Sequence[] column(Checkpoint recorded, int column) {
    String name = "column%d.".formatted(column);
    int rows = recorded.info(name + "input_ids").shape().getFirst().intValue();
    float[] ids = Numbers.floats(recorded, name + "input_ids");
    float[] mask = Numbers.floats(recorded, name + "attention_mask");
    int width = ids.length / rows;
    Sequence[] texts = new Sequence[rows];
    for (int i = 0; i < rows; i++) {
      int length = 0;
      while (length < width && mask[i * width + length] == 1) {
        length++;
      }
      for (int t = length; t < width; t++) {
        if (mask[i * width + t] != 0) {
          throw GoldenCases.notYet("masks with holes");
        }
      }
      int[] tokens = new int[length];
      for (int t = 0; t < length; t++) {
        tokens[t] = (int) ids[i * width + t];
      }
      texts[i] = new Sequence(tokens, new int[length], false);
    }
    return texts;
  }

  private record Run(Path dir, JsonNode expected, JsonNode run) {

    void check(TestedBackends on) {
      Architecture architecture = GoldenCases.supported(() -> ModelDirectory.open(dir).architecture());
      int columns = run.path("columns").asInt();
      RecordedTask task = new SentenceEmbedder(architecture, pooling(expected.path("pooling")), expected.path("normalize").asBoolean(), loss(), columns);
      String key = run.path("key").asText();
      JsonNode train = run.path("train");
      try (Checkpoint recorded = Checkpoint.open(dir.resolve("expected.safetensors")); Backend backend = on.open();
          LoadedAdapter adapter = PeftFormat.load(dir.resolve("adapter"), task.description())) {
        List<TokenizedData> batches = new ArrayList<>();
        if (train.isObject()) {
          train.path("columns_of_step").forEach(step -> batches.add(batch(recorded, GoldenSteps.ints(step))));
        } else {
          batches.add(batch(recorded, IntStream.range(0, columns).toArray()));
        }
        try (GoldenSteps ours = new GoldenSteps(dir, task, adapter, adamW(train.path("weight_decay").asDouble(0), adapter), batches, backend)) {
          for (int step = 0; step < batches.size(); step++) {
            ours.accumulate(List.of(batches.get(step)));
            if (step == 0) {
              // Some losses are the same as another's to the last bits, whose gradients are recorded once.
              GoldenSteps.close(recorded, run.path("same_as").asText(key) + ".grad.", ours.gradients(), 1);
            }
            float[] report = ours.apply(train.path("lr").asDouble(0));
            GoldenSteps.close(train.isObject() ? train.path("losses").get(step).asDouble() : run.path("loss").asDouble(), report[0],
                "loss of step " + step);
            if (train.isObject()) {
              double norm = train.path("grad_norms").get(step).asDouble();
              assertEquals(norm, report[1], 1e-3 * norm, "gradient norm of step " + step);
            }
          }
          if (train.isObject()) {
            GoldenSteps.close(recorded, key + ".after.", ours.parameters(), 1);
          }
        }
      }
    }

    private TokenizedData batch(Checkpoint recorded, int... columns) {
      Sequence[][] texts = Arrays.stream(columns).mapToObj(column -> column(recorded, column)).toArray(Sequence[][]::new);
      String labels = run.path("labels").isTextual() ? run.path("labels").asText() : "";
      float[] numbers = labels.isEmpty() ? new float[0] : Numbers.floats(recorded, labels);
      List<Example> examples = new ArrayList<>();
      for (int i = 0; i < texts[0].length; i++) {
        int row = i;
        examples.add(new Example(Arrays.stream(texts).map(column -> column[row]).toList(),
            labels.isEmpty() ? Target.PAIR : new Target.Numbers(numbers[i])));
      }
      return new TokenizedData(examples);
    }

    private SentenceLoss loss() {
      JsonNode settings = run.path("settings");
      settings.fieldNames().forEachRemaining(name -> {
        if (!KNOWN.contains(name)) {
          throw GoldenCases.notYet("setting " + name);
        }
      });
      double scale = settings.path("scale").asDouble(20);
      double margin = settings.path("margin").asDouble();
      return switch (run.path("loss_class").asText()) {
        case "MultipleNegativesRankingLoss", "CachedMultipleNegativesRankingLoss" -> negatives(settings, scale, List.of());
        case "MatryoshkaLoss" -> negatives(settings, scale, IntStream.range(0, settings.path("dims").size())
            .mapToObj(i -> new SentenceLoss.Cut(settings.path("dims").get(i).asInt(), settings.path("weights").path(i).asDouble(1))).toList());
        case "CoSENTLoss" -> of(SentenceLoss.Kind.COSENT, scale, SentenceLoss.Measure.COSINE, 0);
        case "AnglELoss" -> of(SentenceLoss.Kind.ANGLE, scale, SentenceLoss.Measure.COSINE, 0);
        case "CosineSimilarityLoss" -> of(SentenceLoss.Kind.COSINE_SIMILARITY, 1, SentenceLoss.Measure.COSINE, 0);
        case "TripletLoss" -> of(SentenceLoss.Kind.TRIPLET, 1, distance(settings), margin);
        case "ContrastiveLoss" -> of(SentenceLoss.Kind.CONTRASTIVE, 1, distance(settings), margin);
        case String other -> throw GoldenCases.notYet(other);
      };
    }

    private static SentenceLoss of(SentenceLoss.Kind kind, double scale, SentenceLoss.Measure measure, double margin) {
      return new SentenceLoss(kind, scale, measure, margin, false, List.of());
    }

    private static SentenceLoss negatives(JsonNode settings, double scale, List<SentenceLoss.Cut> cuts) {
      List<String> directions = new ArrayList<>();
      settings.path("directions").forEach(direction -> directions.add(direction.asText()));
      boolean symmetric = directions.size() == 2 && directions.containsAll(List.of("query_to_doc", "doc_to_query"))
          && settings.path("partition_mode").asText().equals("per_direction");
      if (!symmetric && !(directions.isEmpty() || directions.equals(List.of("query_to_doc")))) {
        throw GoldenCases.notYet("directions %s, %s".formatted(directions, settings.path("partition_mode").asText()));
      }
      SentenceLoss.Measure measure = switch (settings.path("similarity").asText("cos")) {
        case "cos" -> SentenceLoss.Measure.COSINE;
        case "dot" -> SentenceLoss.Measure.DOT;
        case String other -> throw GoldenCases.notYet("similarity " + other);
      };
      return new SentenceLoss(SentenceLoss.Kind.MULTIPLE_NEGATIVES, scale, measure, 0, symmetric, cuts);
    }

    private static SentenceLoss.Measure distance(JsonNode settings) {
      return switch (settings.path("distance").asText()) {
        case "cosine" -> SentenceLoss.Measure.COSINE;
        case "euclidean" -> SentenceLoss.Measure.EUCLIDEAN;
        case "manhattan" -> SentenceLoss.Measure.MANHATTAN;
        case String other -> throw GoldenCases.notYet("distance " + other);
      };
    }
  }
}
