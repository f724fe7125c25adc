package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.language.CausalText;
import io.github.lora4j.train.language.ChatText;
import io.github.lora4j.train.language.Writing;
import io.github.lora4j.train.recipe.Schedule;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.rows.RowFormat;
import io.github.lora4j.train.tasks.TrainingTask;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Supervised fine-tuning as TRL's SFTTrainer did it, step for step: losses, rates, gradient norms, first gradients, parameters at the end. */
final class GoldenSftTest {

  @TestFactory
  Stream<DynamicTest> steps() {
    return TestedBackends.each(on -> {
      Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
      for (Path dir : GoldenCases.directories("sft")) {
        checks.put(GoldenCases.name(dir) + ": steps on " + on, () -> steps(dir, on));
      }
      return GoldenCases.tests("sft", checks);
    });
  }

  @TestFactory
  Stream<DynamicTest> rowsBecomeTheSameTokensAndLabels() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories("sft")) {
      // Rows that TRL packed are its own order of documents; here documents of a batch are apart without one.
      if (!GoldenCases.json(dir.resolve("expected.json")).path("settings").path("packing").asBoolean()) {
        checks.put(GoldenCases.name(dir) + ": prepared", () -> prepared(dir));
      }
    }
    return GoldenCases.tests("sft", checks);
  }

  private static void prepared(Path dir) {
    JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
    JsonNode settings = expected.path("settings");
    Path tokenizer = dir.resolve("tokenizer");
    List<Row> rows = DataFile.read(dir.resolve("data.jsonl"), new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.empty(), 0,
        Optional.of(new DataSpec.Typed(List.of(), List.of()))));
    RowFormat format = rows.getFirst().typed().orElseThrow().format();
    boolean plain = expected.path("chat_template_used").isNull();
    boolean answers = settings.path("assistant_only_loss").asBoolean() || settings.path("completion_only_loss_used").asBoolean();
    TrainingTask task = format == RowFormat.TEXT ? new CausalText() : new ChatText(answers ? "all" : "text", new Writing(plain ? "none" : "", "", "",
        false), "truncate", "nll");
    int longest = settings.path("max_length").isInt() ? settings.path("max_length").asInt() : Integer.MAX_VALUE;
    RowReader reader = new RowReader(dir.resolve("data.jsonl"), Tokenizer.load(tokenizer), longest, List.of(), true, ModelTexts.of(tokenizer));
    List<Example> examples = rows.stream().flatMap(row -> task.examples(row, reader).stream()).toList();
    assertEquals(expected.path("prepared").size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      JsonNode want = expected.path("prepared").get(i);
      assertArrayEquals(GoldenSteps.ints(want.path("input_ids")), examples.get(i).sequences().getFirst().ids(), "ids of row " + i);
      Target.TokenLabels labels = (Target.TokenLabels) examples.get(i).target();
      int[] wanted = GoldenSteps.ints(want.path("labels"));
      int[] ours = IntStream.range(0, labels.ids().length).map(t -> labels.counted()[t] ? labels.ids()[t] : -100).toArray();
      assertArrayEquals(Arrays.copyOfRange(wanted, 1, wanted.length), Arrays.copyOfRange(ours, 1, ours.length), "labels of row " + i);
    }
  }

  private static void steps(Path dir, TestedBackends on) {
    JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
    JsonNode settings = expected.path("settings");
    String loss = settings.path("loss_type").asText();
    CausalLm.TokenLoss tokenLoss = switch (loss) {
      case "nll", "chunked_nll" -> CausalLm.TokenLoss.NLL;
      case "dft" -> CausalLm.TokenLoss.DFT;
      default -> throw GoldenCases.notYet("loss_type " + loss);
    };
    CausalLm task = GoldenCases.supported(() -> new CausalLm(ModelDirectory.open(dir).architecture(), tokenLoss));
    List<List<TokenizedData>> batches = batches(expected);
    int steps = settings.path("max_steps").asInt();
    Schedule schedule = Schedule.of(Schedule.Kind.valueOf(settings.path("lr_scheduler_type").asText().toUpperCase(Locale.ROOT)),
        settings.path("warmup_steps").asInt(), steps, settings.path("learning_rate").asDouble(), Schedule.Decay.NONE);
    try (Checkpoint recorded = Checkpoint.open(dir.resolve("expected.safetensors")); Backend backend = on.open();
        LoadedAdapter adapter = PeftFormat.load(dir.resolve("adapter"), task.description())) {
      OptimizerSpec optimizer = GoldenSteps.adamW(settings.path("adam_beta1").asDouble(), settings.path("adam_beta2").asDouble(),
          settings.path("adam_epsilon").asDouble(), settings.path("weight_decay").asDouble(), settings.path("max_grad_norm").asDouble(),
          adapter.adapter().groups().size());
      try (GoldenSteps ours = new GoldenSteps(dir, task, adapter, optimizer, batches.stream().flatMap(List::stream).toList(), backend)) {
        for (int step = 0; step < steps; step++) {
          JsonNode want = expected.path("steps").get(step);
          accuracy(ours, batches.get(step), want, step);
          ours.accumulate(batches.get(step));
          if (step == 0) {
            double norm = want.path("grad_norm").asDouble();
            double clip = settings.path("max_grad_norm").asDouble();
            GoldenSteps.close(recorded, "grad.", ours.gradients(), clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1);
          }
          double rate = settings.path("learning_rate").asDouble() * schedule.factor(step);
          assertEquals(want.path("learning_rate").asDouble(), rate, 1e-12, "rate of step " + step);
          float[] report = ours.apply(rate);
          GoldenSteps.close(want.path("loss").asDouble(), report[0], "loss of step " + step);
          assertEquals(want.path("grad_norm").asDouble(), report[1], 1e-3 * want.path("grad_norm").asDouble(), "gradient norm of step " + step);
        }
        GoldenSteps.close(recorded, "after.", ours.parameters(), 1);
      }
    }
  }

  /** The share of tokens whose likeliest prediction is right, which TRL means over micro-batches. */
  private static void accuracy(GoldenSteps ours, List<TokenizedData> microBatches, JsonNode want, int step) {
    if (microBatches.size() == 1) {
      double right = ours.measured(microBatches.getFirst()).stream().mapToDouble(row -> row[0]).average().orElseThrow();
      assertEquals(want.path("mean_token_accuracy").asDouble(), right, 1e-6, "token accuracy of step " + step);
    }
  }

  /** The micro-batches of each step. */
  private static List<List<TokenizedData>> batches(JsonNode expected) {
    List<List<TokenizedData>> steps = new ArrayList<>();
    for (JsonNode batch : expected.path("batches")) {
      while (steps.size() <= batch.path("step").asInt()) {
        steps.add(new ArrayList<>());
      }
      List<int[]> ids = new ArrayList<>();
      List<Target> targets = new ArrayList<>();
      for (int row = 0; row < batch.path("input_ids").size(); row++) {
        int[] all = GoldenSteps.ints(batch.path("input_ids").get(row));
        int[] labels = GoldenSteps.ints(batch.path("labels").get(row));
        int[] real = batch.has("attention_mask") ? GoldenSteps.ints(batch.path("attention_mask").get(row)) : new int[0];
        int length = real.length == 0 ? all.length : (int) Arrays.stream(real).filter(one -> one == 1).count();
        // Where positions begin anew, another document does.
        int[] positions = batch.has("position_ids") ? GoldenSteps.ints(batch.path("position_ids").get(row)) : IntStream.range(0,
            all.length).toArray();
        for (int from = 0, to; from < length; from = to) {
          to = from + 1;
          while (to < length && positions[to] != 0) {
            to++;
          }
          ids.add(Arrays.copyOfRange(all, from, to));
          targets.add(Target.TokenLabels.of(Arrays.copyOfRange(labels, from, to)));
        }
      }
      steps.get(batch.path("step").asInt()).add(TokenizedData.of(ids, ids.stream().map(row -> new int[row.length]).toList(), targets));
    }
    return steps;
  }
}
