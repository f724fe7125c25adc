package io.github.lora4j.testkit.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.BaseNorm;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraMethod;
import io.github.lora4j.lora.LoraPlus;
import io.github.lora4j.lora.ModelDescription;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Ten steps of PyTorch's optimizers on fc2(tanh(fc1(x))) with PEFT's adapters on both layers: losses, gradients, their norms,
 * parameters after every step, and the moments at the end.
 */
class GoldenOptimTest {

  private static final List<String> MODULES = List.of("fc1", "fc2");

  @TestFactory
  Stream<DynamicTest> referenceF64() {
    return cases(new ReferenceKernels(DType.F64));
  }

  @TestFactory
  Stream<DynamicTest> vector() {
    return cases(KernelProvider.select("auto"));
  }

  private static Stream<DynamicTest> cases(Kernels kernels) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles("optim")) {
      JsonNode expected = GoldenCases.json(file);
      if (expected.has("multipliers")) {
        continue; // a table of learning rates: GoldenSchedulesTest
      }
      checks.put(GoldenCases.name(file), () -> {
        Path tensors = file.resolveSibling(GoldenCases.name(file) + ".safetensors");
        try (CpuBackend backend = new CpuBackend(kernels, new Workers(2)); Checkpoint t = Checkpoint.open(tensors);
            Case c = new Case(expected, t, backend)) {
          c.check();
        }
      });
    }
    return GoldenCases.tests("optim on " + kernels.describe(), checks);
  }

  /** What lora4j does of what a case asks for. */
  private static OptimizerSpec spec(JsonNode expected, int groups) {
    JsonNode o = expected.path("groups").get(0);
    OptimizerSpec.Kind kind = switch (expected.path("optimizer").asText()) {
      case "AdamW" -> OptimizerSpec.Kind.ADAMW;
      case "Adam" -> OptimizerSpec.Kind.ADAM;
      case "SGD" -> OptimizerSpec.Kind.SGD;
      default -> throw GoldenCases.notYet("optimizer " + expected.path("optimizer").asText());
    };
    for (String variant : List.of("amsgrad", "nesterov", "maximize")) {
      if (o.path(variant).asBoolean()) {
        throw GoldenCases.notYet("optimizer variant " + variant);
      }
    }
    if (o.path("dampening").asDouble() != 0) {
      throw GoldenCases.notYet("optimizer variant dampening");
    }
    boolean sgd = kind == OptimizerSpec.Kind.SGD;
    return new OptimizerSpec(kind, sgd ? o.path("momentum").asDouble() : o.path("betas").get(0).asDouble(),
        sgd ? 0 : o.path("betas").get(1).asDouble(), o.path("eps").asDouble(),
        IntStream.range(0, groups).mapToObj(g -> group(expected, g).path("weight_decay").asDouble()).toList(), expected.path("clip").asDouble(0));
  }

  /** A recorded group; one for all where the optimizer was not LoRA+'s. */
  private static JsonNode group(JsonNode expected, int index) {
    JsonNode all = expected.path("groups");
    return all.get(Math.min(index, all.size() - 1));
  }

  /** A recorded training. */
  private static final class Case implements AutoCloseable {
    private final JsonNode expected;
    private final Checkpoint tensors;
    private final OptimizerSpec spec;
    private final int groups;
    private final Executable executable;
    private final Value x;
    private final Value labels;
    private final Value hyper;
    private final Value count;
    private final Value report;

    Case(JsonNode expected, Checkpoint tensors, CpuBackend backend) {
      this.expected = expected;
      this.tensors = tensors;
      if (tensors.info("x").shape().size() != 4 || !tensors.info("x").dtype().isFloat() || tensors.names().contains("base.emb.weight")) {
        throw GoldenCases.notYet("LoRA on an embedding");
      }
      List<ModuleInfo> modules = MODULES.stream().map(name -> {
        List<Long> weight = tensors.info("base." + name + ".weight").shape();
        return new ModuleInfo(name, ModuleInfo.Kind.LINEAR, Math.toIntExact(weight.get(1)), Math.toIntExact(weight.get(0)),
            tensors.names().contains("base." + name + ".bias"));
      }).toList();
      Adapter adapter = adapter(expected, ModelDescription.of("mlp", modules));
      groups = adapter.groups().size();
      spec = spec(expected, groups);

      ProgramBuilder builder = new ProgramBuilder();
      RowAxis rows = builder.axis("rows", Math.toIntExact(tensors.info("x").shape().get(2)));
      x = builder.input("x", Shape.of(rows, modules.getFirst().in()));
      boolean classes = expected.path("loss").asText().equals("cross_entropy");
      labels = classes ? builder.table("labels", Shape.of(rows, 1)) : builder.input("labels", Shape.of(rows, modules.getLast().out()));
      Loss loss = classes ? Loss.CROSS_ENTROPY : Loss.MSE;
      assertTrue(classes || expected.path("loss").asText().equals("mse_loss"), expected.path("loss").asText());

      Graph graph = builder.entry("accumulate");
      Sites sites = new Sites(graph, adapter, Optional.empty());
      Value hidden = graph.activate(Activation.TANH, sites.linear("fc1", x, modules.getFirst().out(), modules.getFirst().bias()));
      Value rowLoss = graph.loss(loss, sites.linear("fc2", hidden, modules.getLast().out(), modules.getLast().bias()), labels);
      Value lossSum = builder.state("lossSum", Shape.vector(1));
      count = builder.state("count", Shape.vector(1));
      graph.addSum(rowLoss, lossSum);
      graph.countTargets(Optional.of(loss), labels, count);
      graph.backward(rowLoss);
      hyper = builder.input("hyper", Shape.vector(groups + 2));
      report = builder.state("report", Shape.vector(3));
      builder.entry("apply").optimizerStep(spec, hyper, lossSum, count, report);
      adapter.recordPrepare(builder);
      executable = backend.compile(builder.build(), CompileOptions.DEFAULT);
      load(adapter);
    }

    private static Adapter adapter(JsonNode expected, ModelDescription model) {
      try {
        Adapter adapter = new LoraMethod().create(LoraConfig.ofPeft(GoldenCases.map(expected.path("lora"))), model);
        if (expected.path("groups").size() == 1) {
          return adapter;
        }
        JsonNode rates = expected.path("lrs_per_group").get(0);
        LoraPlus plus = new LoraPlus(adapter, rates.get(2).asDouble() / rates.get(0).asDouble(), rates.get(1).asDouble());
        grouped(expected, plus);
        return plus;
      } catch (ConfigException e) {
        if (!e.getMessage().contains("not supported yet")) {
          throw e;
        }
        throw GoldenCases.notYet(e.getMessage());
      }
    }

    /** Each parameter lies in the group that PEFT, or the authors' code, put it in. */
    private static void grouped(JsonNode expected, Adapter adapter) {
      List<Set<String>> groups = new ArrayList<>();
      adapter.groups().forEach(group -> groups.add(new TreeSet<>()));
      adapter.parameters().forEach(p -> groups.get(p.group()).add(p.slot()));
      for (int g = 0; g < groups.size(); g++) {
        Set<String> recorded = new TreeSet<>();
        expected.path("groups").get(g).path("params").forEach(name -> recorded.add(GoldenCases.slot(name.asText())));
        assertEquals(recorded, groups.get(g), adapter.groups().get(g).name());
      }
    }

    private void load(Adapter adapter) {
      executable.program().slots().values().forEach(slot -> {
        switch (slot.role()) {
          case FROZEN -> {
            BaseNorm norm = adapter.baseNorms().get(slot.name());
            if (norm == null) {
              write(slot, "base." + slot.name());
            } else {
              float[] norms = norm.of(MemorySegment.ofArray(Numbers.floats(tensors, "base." + norm.weight())));
              executable.write(slot, norms, norms.length);
            }
          }
          case TRAINABLE -> write(slot, recorded("init.", slot));
          default -> { }
        }
      });
    }

    private void write(Value slot, String tensor) {
      float[] values = Numbers.floats(tensors, tensor);
      executable.write(slot, values, values.length);
    }

    void check() {
      assertEquals(names("init."), names("after."), "everything recorded as initialised is trained");
      TreeSet<String> slots = new TreeSet<>();
      ranges().forEach(range -> slots.add(recorded("init.", range.value()).substring(5)));
      assertEquals(names("init."), slots, "trainable parameters");
      int steps = expected.path("losses").size();
      assertTrue(steps > 0);
      for (int step = 0; step < steps; step++) {
        step(step);
      }
      boolean sgd = spec.kind() == OptimizerSpec.Kind.SGD;
      moments(Executable.Arena.MOMENT1, sgd ? "state.momentum_buffer." : "state.exp_avg.");
      if (!sgd) {
        moments(Executable.Arena.MOMENT2, "state.exp_avg_sq.");
      }
    }

    private void step(int step) {
      String at = " of step " + step;
      int micro = Math.toIntExact(tensors.info("x").shape().get(1));
      if (executable.program().entries().containsKey(Adapter.PREPARE)) {
        executable.run(Adapter.PREPARE);
      }
      assertEquals(expected.path("accumulation").asInt(), micro, "micro-batches");
      for (int m = 0; m < micro; m++) {
        float[] rows = slice("x", step * micro + m, micro);
        executable.write(x, rows, rows.length);
        float[] targets = slice("target", step * micro + m, micro);
        if (labels.integer()) {
          int[] ids = new int[targets.length];
          Arrays.setAll(ids, i -> (int) targets[i]);
          executable.write(labels, ids, ids.length);
        } else {
          executable.write(labels, targets, targets.length);
        }
        executable.run("accumulate");
      }
      double norm = expected.path("grad_norms_before_clip").get(step).asDouble();
      double clip = spec.maxNorm() == 0 ? 1 : Math.min(1, spec.maxNorm() / (norm + 1e-6));
      double counted = executable.floats(count)[0];
      for (ParameterLayout.Range range : ranges()) {
        float[] got = executable.floats(range.gradient());
        for (int i = 0; i < got.length; i++) {
          got[i] = (float) (got[i] / counted * clip);
        }
        float[] want = slice(recorded("grad.", range.value()), step, 1);
        Numbers.assertClose(want, got, 1e-4 * Numbers.max(want), range.gradient().name() + at);
      }

      float[] rates = new float[groups + 2];
      JsonNode recorded = expected.path("lrs_per_group").get(step);
      for (int g = 0; g < groups; g++) {
        rates[g] = (float) recorded.get(Math.min(g, recorded.size() - 1)).asDouble();
      }
      rates[groups] = (float) (1 - Math.pow(spec.beta1(), step + 1));
      rates[groups + 1] = (float) (1 - Math.pow(spec.beta2(), step + 1));
      executable.write(hyper, rates, rates.length);
      executable.run("apply");

      float[] reported = executable.floats(report);
      double loss = expected.path("losses").get(step).asDouble();
      assertEquals(loss, reported[0], 1e-5 * loss, "loss" + at);
      assertEquals(norm, reported[1], 1e-4 * norm, "gradient norm" + at);
      for (ParameterLayout.Range range : ranges()) {
        float[] want = slice(recorded("after.", range.value()), step, 1);
        Numbers.assertClose(want, executable.floats(range.value()), 1e-4 * Numbers.max(want), range.value().name() + " after" + at);
      }
    }

    private void moments(Executable.Arena arena, String prefix) {
      MemorySegment all = executable.arena(arena);
      boolean wide = executable.floatType() == DType.F64;
      for (ParameterLayout.Range range : ranges()) {
        float[] want = Numbers.floats(tensors, recorded(prefix, range.value()));
        float[] got = new float[want.length];
        for (int i = 0; i < got.length; i++) {
          long at = range.offset() + i;
          got[i] = wide ? (float) all.getAtIndex(ValueLayout.JAVA_DOUBLE, at) : all.getAtIndex(ValueLayout.JAVA_FLOAT, at);
        }
        Numbers.assertClose(want, got, 1e-4 * Numbers.max(want), arena + " of " + range.value().name());
      }
    }

    private List<ParameterLayout.Range> ranges() {
      return executable.program().parameters().ranges();
    }

    private TreeSet<String> names(String prefix) {
      TreeSet<String> names = new TreeSet<>();
      tensors.names().stream().filter(n -> n.startsWith(prefix)).forEach(n -> names.add(n.substring(prefix.length())));
      return names;
    }

    /** The recorded tensor of a slot: PEFT puts the adapter's name before the last part. */
    private String recorded(String prefix, Value slot) {
      return prefix + "base_model.model." + slot.name().replaceFirst("\\.weight$", ".default.weight")
          .replaceFirst("lora_magnitude_vector$", "lora_magnitude_vector.default.weight");
    }

    /** Part of a tensor whose first axis, or first two with {@code second}, count steps and micro-batches. */
    private float[] slice(String tensor, int index, int second) {
      float[] all = Numbers.floats(tensors, tensor);
      int n = all.length / (Math.toIntExact(tensors.info(tensor).shape().getFirst()) * second);
      return Arrays.copyOfRange(all, index * n, (index + 1) * n);
    }

    @Override
    public void close() {
      executable.close();
    }
  }
}
