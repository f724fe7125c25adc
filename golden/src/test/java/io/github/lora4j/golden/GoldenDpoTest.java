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
import io.github.lora4j.train.preference.GoodTask;
import io.github.lora4j.train.preference.PairLoss;
import io.github.lora4j.train.preference.PairTask;
import io.github.lora4j.train.preference.Reference;
import io.github.lora4j.train.preference.References;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.Session;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Preference training as TRL's DPOTrainer, KTOTrainer and ORPOTrainer did it, step for step. */
final class GoldenDpoTest {

  private static final Set<String> KNOWN = Set.of("loss_type", "beta", "label_smoothing", "loss_weights", "ld_alpha", "f_divergence_type",
      "desirable_weight", "undesirable_weight");

  @TestFactory
  Stream<DynamicTest> steps() {
    return TestedBackends.each(on -> {
      Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
      for (Path dir : GoldenCases.directories("dpo")) {
        JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
        expected.path("runs").forEach(run -> checks.put("%s: %s on %s".formatted(GoldenCases.name(dir), run.path("key").asText(), on),
            () -> new Run(dir, expected, run).check(on)));
      }
      return GoldenCases.tests("dpo", checks);
    });
  }

  private record Run(Path dir, JsonNode expected, JsonNode run) {

    void check(TestedBackends on) {
      Architecture architecture = GoldenCases.supported(() -> ModelDirectory.open(dir).architecture());
      JsonNode settings = run.path("settings");
      settings.fieldNames().forEachRemaining(name -> {
        if (!KNOWN.contains(name)) {
          throw GoldenCases.notYet("setting " + name);
        }
      });
      RecordedTask task = task(architecture, settings);
      RecordedTask plain = new PairTask(architecture, new PairLoss(PairLoss.Kind.SIGMOID, 1), Reference.NONE, PairTask.Own.NONE);
      List<TokenizedData> batches = batches();
      try (Checkpoint recorded = Checkpoint.open(dir.resolve("expected.safetensors")); Backend backend = on.open();
          LoadedAdapter adapter = PeftFormat.load(dir.resolve("adapter"), task.description())) {
        if (task instanceof PairTask pair && pair.reference() == Reference.GIVEN) {
          boolean start = run.path("reference").asText().contains("start");
          try (Session session = GoldenSteps.open(dir, plain, start ? adapter.adapter() : io.github.lora4j.lora.Adapter.BASE,
              start ? Optional.of(adapter.values()) : Optional.empty(), Optional.empty(), batches, backend)) {
            batches.replaceAll(batch -> References.against(plain, session, batch));
          }
        }
        JsonNode o = expected.path("optimizer");
        OptimizerSpec optimizer = GoldenSteps.adamW(o.path("betas").get(0).asDouble(), o.path("betas").get(1).asDouble(), o.path("eps").asDouble(),
            o.path("weight_decay").asDouble(), o.path("clip").asDouble(0), adapter.adapter().groups().size());
        try (GoldenSteps ours = new GoldenSteps(dir, task, adapter, optimizer, batches, backend)) {
          steps(ours, recorded, batches, o.path("lr").asDouble());
        }
      }
    }

    private void steps(GoldenSteps ours, Checkpoint recorded, List<TokenizedData> batches, double rate) {
      String key = run.path("key").asText();
      for (int step = 0; step < run.path("steps").size(); step++) {
        JsonNode want = run.path("steps").get(step);
        TokenizedData batch = batches.get(step);
        rewards(ours.measured(batch), want, step);
        if (step == 0) {
          for (String each : List.of(".per_pair_loss", ".per_row_loss")) {
            if (recorded.names().contains(key + each)) {
              float[] losses = Numbers.floats(recorded, key + each);
              // A mean over the batch's tokens is nobody's own: it is parted here by tokens, there evenly. The loss of the step has the sum.
              if (!run.path("settings").has("loss_weights")) {
                Numbers.assertClose(losses, ours.rowLosses(batch), 1e-4 * Math.max(Numbers.max(losses), 1e-2), key + each);
              }
            }
          }
        }
        ours.accumulate(List.of(batch));
        if (step == 0) {
          GoldenSteps.close(recorded, key + ".grad.", ours.gradients(), 1);
        }
        float[] report = ours.apply(rate);
        GoldenSteps.close(want.path("loss").asDouble(), report[0], "loss of step " + step);
        double norm = want.path("grad_norm").asDouble();
        assertEquals(norm, report[1], 1e-3 * norm, "gradient norm of step " + step);
      }
    }

    /** Mean rewards, margins and how often the better answer has the greater one. */
    private void rewards(List<float[]> measured, JsonNode want, int step) {
      if (!want.has("rewards/accuracies") || run.path("settings").has("ld_alpha")) {
        return;
      }
      double beta = run.path("settings").path("beta").asDouble();
      boolean means = expected.path("method").asText().equals("ORPO");
      double accuracy = 0;
      double margin = 0;
      int pairs = measured.size() / 2;
      for (int i = 0; i < pairs; i++) {
        float[] chosen = measured.get(2 * i);
        float[] rejected = measured.get(2 * i + 1);
        double difference = chosen[0] * (means ? chosen[1] : 1) - rejected[0] * (means ? rejected[1] : 1);
        accuracy += difference > 0 ? 1.0 / pairs : 0;
        margin += beta * difference / pairs;
      }
      assertEquals(want.path("rewards/accuracies").asDouble(), accuracy, 1e-6, "accuracy of step " + step);
      assertEquals(want.path("rewards/margins").asDouble(), margin, 1e-4 * Math.max(1, Math.abs(margin)), "margin of step " + step);
    }

    private RecordedTask task(Architecture architecture, JsonNode settings) {
      double beta = settings.path("beta").asDouble();
      return switch (expected.path("method").asText()) {
        case "KTO" -> new GoodTask(architecture, Reference.STEP, beta, baseline(settings.path("loss_type").asText()),
            settings.path("desirable_weight").asDouble(1), settings.path("undesirable_weight").asDouble(1));
        case "ORPO" -> new PairTask(architecture, new PairLoss(PairLoss.Kind.ODDS_RATIO, beta), Reference.NONE, new PairTask.Own(1, true, 1));
        case "DPO" -> dpo(architecture, settings, beta);
        case String other -> throw GoldenCases.notYet("method " + other);
      };
    }

    private static boolean baseline(String loss) {
      return switch (loss) {
        case "kto" -> true;
        case "apo_zero_unpaired" -> false;
        case String other -> throw GoldenCases.notYet("loss_type " + other);
      };
    }

    private RecordedTask dpo(Architecture architecture, JsonNode settings, double beta) {
      double own = 0;
      String name = "";
      for (int i = 0; i < settings.path("loss_type").size(); i++) {
        double weight = settings.path("loss_weights").path(i).asDouble(1);
        if (settings.path("loss_type").get(i).asText().equals("sft")) {
          own = weight;
        } else if (name.isEmpty() && weight == 1) {
          name = settings.path("loss_type").get(i).asText();
        } else {
          throw GoldenCases.notYet("a mix of losses: " + settings.path("loss_type"));
        }
      }
      PairLoss.Kind kind;
      try {
        kind = PairLoss.Kind.valueOf(name.toUpperCase(Locale.ROOT));
      } catch (IllegalArgumentException e) {
        throw GoldenCases.notYet("loss_type " + name);
      }
      String divergence = settings.path("f_divergence_type").asText("reverse_kl");
      if (!List.of("reverse_kl", "js_divergence").contains(divergence)) {
        throw GoldenCases.notYet("f_divergence_type " + divergence);
      }
      // TRL ignores the smoothing of losses that have none.
      double smoothing = kind.smooths() ? settings.path("label_smoothing").asDouble(0) : 0;
      boolean before = own != 0 || !run.path("reference").asText().equals("adapter off");
      return new PairTask(architecture, new PairLoss(kind, beta, smoothing, 0, divergence.startsWith("js")),
          before ? Reference.GIVEN : Reference.STEP, new PairTask.Own(own, false, settings.path("ld_alpha").asDouble(1)));
    }

    private List<TokenizedData> batches() {
      List<TokenizedData> all = new ArrayList<>();
      for (JsonNode batch : run.path("batches").isArray() ? run.path("batches") : expected.path("batches")) {
        List<Example> examples = new ArrayList<>();
        boolean kto = batch.has("label");
        boolean orpo = batch.has("chosen_input_ids");
        int rows = batch.path(orpo ? "chosen_input_ids" : "input_ids").size();
        for (int i = 0; i < (kto || orpo ? rows : rows / 2); i++) {
          Row first = orpo ? labelled(batch, "chosen_", i) : row(batch, "", i);
          boolean alone = kto && !batch.has("KL_input_ids");
          Row second = orpo ? labelled(batch, "rejected_", i) : alone ? first : kto ? row(batch, "KL_", i) : row(batch, "", i + rows / 2);
          examples.add(new Example(List.of(first.sequence, second.sequence), new Target.Answers(List.of(first.labels, second.labels),
              !kto || batch.path("label").get(i).asBoolean() || batch.path("label").get(i).asInt() == 1)));
        }
        all.add(new TokenizedData(examples));
      }
      return all;
    }

    private record Row(Sequence sequence, Target.TokenLabels labels) {}

    private static Row labelled(JsonNode batch, String prefix, int row) {
      int[] counted = GoldenSteps.ints(batch.path(prefix + "labels").get(row));
      return row(batch, prefix, row, Arrays.stream(counted).map(label -> label == -100 ? 0 : 1).toArray());
    }

    private static Row row(JsonNode batch, String prefix, int row) {
      return row(batch, prefix, row, GoldenSteps.ints(batch.path(prefix + "completion_mask").get(row)));
    }

    private static Row row(JsonNode batch, String prefix, int row, int[] mask) {
      int[] real = GoldenSteps.ints(batch.path(prefix + "attention_mask").get(row));
      int length = (int) Arrays.stream(real).filter(one -> one == 1).count();
      int[] ids = Arrays.copyOf(GoldenSteps.ints(batch.path(prefix + "input_ids").get(row)), length);
      boolean[] counted = new boolean[length];
      for (int t = 0; t < length; t++) {
        counted[t] = mask[t] == 1;
      }
      return new Row(new Sequence(ids, new int[length], false), new Target.TokenLabels(ids, counted));
    }
  }
}
