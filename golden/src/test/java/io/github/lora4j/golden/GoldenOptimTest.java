package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.ScatterTables;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoraPlus;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.plain.LoraFa;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.testkit.TestedBackends;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Loss;
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
public class GoldenOptimTest {

  @TestFactory
  Stream<DynamicTest> agree() {
    return TestedBackends.each(GoldenOptimTest::cases);
  }

  private static Stream<DynamicTest> cases(TestedBackends on) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Map.Entry<Path, JsonNode> read : GoldenCases.read("optim", checks).entrySet()) {
      Path file = read.getKey();
      JsonNode expected = read.getValue();
      if (expected.has("multipliers")) {
        continue; // a table of learning rates: GoldenSchedulesTest
      }
      checks.put(GoldenCases.name(file) + ": on " + on, () -> {
        Path tensors = file.resolveSibling(GoldenCases.name(file) + ".safetensors");
        try (Backend backend = on.open(); Checkpoint t = Checkpoint.open(tensors);
            Case c = new Case(expected, t, backend)) {
          c.check();
        }
      });
    }
    return GoldenCases.tests("optim", checks);
  }

  /** What lora4j does of what a case asks for. */
  private static OptimizerSpec spec(JsonNode expected, int groups) {
    JsonNode o = expected.path("groups").get(0);
    OptimizerSpec.Kind kind = switch (expected.path("optimizer").asText()) {
      case "AdamW" -> o.path("amsgrad").asBoolean() ? OptimizerSpec.Kind.AMSGRAD : OptimizerSpec.Kind.ADAMW;
      case "LoraFAOptimizer" -> OptimizerSpec.Kind.LORAFA;
      case "Adam" -> OptimizerSpec.Kind.ADAM;
      case "SGD" -> OptimizerSpec.Kind.SGD;
      default -> throw GoldenCases.notYet("optimizer " + expected.path("optimizer").asText());
    };
    for (String variant : List.of("nesterov", "maximize")) {
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

  /** The layers second(tanh(norm(first(mean of embedding(x))))), the embedding and the norm only where there are such weights. */
  private record Layers(Optional<ModuleInfo> embedding, ModuleInfo first, Optional<ModuleInfo> norm, ModuleInfo second) {

    static Layers of(Checkpoint tensors) {
      Map<String, List<Long>> weights = new LinkedHashMap<>();
      tensors.names().stream().filter(name -> name.startsWith("base.") && name.endsWith(".weight"))
          .forEach(name -> weights.put(name.substring("base.".length(), name.length() - ".weight".length()), tensors.info(name).shape()));
      Optional<ModuleInfo> norm = weights.entrySet().stream().filter(w -> w.getValue().size() == 1).findFirst()
          .map(w -> ModuleInfo.layerNorm(w.getKey(), Math.toIntExact(w.getValue().getFirst())));
      Map<String, Tensor> matrices = new LinkedHashMap<>();
      weights.forEach((name, shape) -> {
        if (shape.size() == 2) {
          matrices.put(name + ".weight", new Tensor(shape, DType.F32, new float[0]));
          if (tensors.names().contains("base." + name + ".bias")) {
            matrices.put(name + ".bias", new Tensor(shape, DType.F32, new float[0]));
          }
        }
      });
      boolean ids = !tensors.info("x").dtype().isFloat();
      List<ModuleInfo> modules = Perceptron.of(matrices, ids ? 0 : Math.toIntExact(tensors.info("x").shape().getLast())).modules();
      int linears = modules.size() - (ids ? 1 : 0);
      if (linears != 2) {
        throw GoldenCases.notYet("a perceptron of %d layers".formatted(linears));
      }
      return new Layers(ids ? Optional.of(modules.getFirst()) : Optional.empty(), modules.get(modules.size() - 2), norm, modules.getLast());
    }

    List<ModuleInfo> all() {
      return Stream.of(embedding, Optional.of(first), norm, Optional.of(second)).flatMap(Optional::stream).toList();
    }
  }

  /** A recorded training. */
  private static final class Case implements AutoCloseable {
    private final JsonNode expected;
    private final Checkpoint tensors;
    private final OptimizerSpec spec;
    private final int groups;
    private final Executable executable;
    private final Adapter adapter;
    private final Optional<ScatterTables> scatter;
    private final Value x;
    private final Value labels;
    private final Value hyper;
    private final Value count;
    private final Value report;

    Case(JsonNode expected, Checkpoint tensors, Backend backend) {
      this.expected = expected;
      this.tensors = tensors;
      Layers layers = Layers.of(tensors);
      boolean embeds = layers.embedding().isPresent();
      ModuleInfo fc1 = layers.first();
      ModuleInfo fc2 = layers.second();
      List<ModuleInfo> modules = layers.all();
      adapter = adapter(expected, ModelDescription.of("mlp", modules));
      groups = adapter.groups().size();
      spec = spec(expected, groups);

      ProgramBuilder builder = new ProgramBuilder();
      int batch = Math.toIntExact(tensors.info("x").shape().get(2));
      int each = Math.toIntExact(tensors.info("x").shape().get(3));
      RowAxis rows = builder.axis("rows", batch);
      x = embeds ? builder.table("x", Shape.of(builder.axis("ids", batch * each), 1)) : builder.input("x", Shape.of(rows, fc1.in()));
      boolean classes = expected.path("loss").asText().equals("cross_entropy");
      if (!classes && !expected.path("loss").asText().equals("mse_loss")) {
        throw GoldenCases.notYet("loss " + expected.path("loss").asText());
      }
      labels = classes ? builder.table("labels", Shape.of(rows, 1)) : builder.input("labels", Shape.of(rows, fc2.out()));
      Loss loss = classes ? Loss.CROSS_ENTROPY : Loss.MSE;

      Graph graph = builder.entry("accumulate");
      Sites sites = new Sites(graph, adapter);
      Value input = x;
      if (embeds) {
        ModuleInfo embedding = layers.embedding().get();
        Value found = sites.embedding(embedding.name(), x, embedding.in(), embedding.out());
        input = graph.rangeMean(found, builder.table("ranges", Shape.of(rows, 2)));
      }
      Value hidden = sites.linear(fc1.name(), input, fc1.out(), fc1.bias());
      hidden = graph.activate(Activation.TANH, layers.norm().isPresent() ? sites.layerNorm(layers.norm().get().name(), hidden, 1e-5) : hidden);
      Value rowLoss = graph.loss(loss, sites.linear(fc2.name(), hidden, fc2.out(), fc2.bias()), labels);
      Value lossSum = builder.state("lossSum", Shape.vector(1));
      count = builder.state("count", Shape.vector(1));
      graph.addSum(rowLoss, lossSum);
      graph.countTargets(loss, labels, count);
      graph.backward(rowLoss);
      hyper = builder.input("hyper", Shape.vector(groups + 2));
      report = builder.state("report", Shape.vector(3));
      Graph apply = builder.entry("apply");
      adapter.recordBeforeUpdate(apply, count);
      apply.optimizerStep(spec, hyper, lossSum, count, report);
      adapter.recordPrepare(builder);
      executable = backend.compile(builder.build(), CompileOptions.DEFAULT);
      if (embeds) {
        int[] ranges = new int[2 * batch];
        Arrays.setAll(ranges, i -> i % 2 == 0 ? i / 2 * each : each);
        executable.write(executable.program().slot("ranges").orElseThrow(), ranges, ranges.length);
      }
      scatter = ScatterTables.of(executable.program(), x);
      load();
    }

    private static Adapter adapter(JsonNode expected, ModelDescription model) {
      try {
        Adapter adapter = new LoraMethod().create(LoraConfig.ofPeft(GoldenCases.map(expected.path("lora"))), model);
        if (expected.path("groups").size() == 1) {
          return expected.path("optimizer").asText().equals("LoraFAOptimizer") ? new LoraFa(adapter) : adapter;
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

    private void load() {
      Map<String, float[]> constants = constants();
      executable.program().slots().values().forEach(slot -> {
        switch (slot.role()) {
          case FROZEN -> {
            if (constants.containsKey(slot.name())) {
              executable.write(slot, constants.get(slot.name()), constants.get(slot.name()).length);
              return;
            }
            if (adapter.frozen(slot.name())) {
              write(slot, recorded("init.", slot));
              return;
            }
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

    /** What follows from the values that training starts from. */
    private Map<String, float[]> constants() {
      try (AdapterValues values = new AdapterValues(adapter.parameters())) {
        adapter.parameters().forEach(p -> {
          float[] start = Numbers.floats(tensors, recorded("init.", p.slot()));
          MemorySegment.copy(start, 0, values.get(p.slot()), ValueLayout.JAVA_FLOAT, 0, start.length);
        });
        return adapter.constants(values);
      }
    }

    private void write(Value slot, String tensor) {
      float[] values = stored(slot, Numbers.floats(tensors, tensor));
      executable.write(slot, values, values.length);
    }

    void check() {
      TreeSet<String> fixed = names("init.");
      fixed.removeAll(names("after."));
      TreeSet<String> frozen = new TreeSet<>();
      adapter.parameters().stream().filter(p -> adapter.frozen(p.slot())).forEach(p -> frozen.add(recorded("init.",
          p.slot()).substring(5)));
      assertEquals(fixed, frozen, "recorded as initialised and never trained");
      TreeSet<String> slots = new TreeSet<>();
      ranges().forEach(range -> slots.add(recorded("init.", range.value()).substring(5)));
      assertEquals(names("after."), slots, "trainable parameters");
      int steps = expected.path("losses").size();
      assertTrue(steps > 0);
      for (int step = 0; step < steps; step++) {
        step(step);
      }
      boolean sgd = spec.kind() == OptimizerSpec.Kind.SGD;
      if (names("state.").isEmpty()) {
        return; // PEFT's LoRA-FA keeps its moments by names of its own, not by parameter
      }
      if (spec.kind() == OptimizerSpec.Kind.AMSGRAD) {
        moments(Executable.Arena.MOMENT2_MAX, "state.max_exp_avg_sq.");
      }
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
        if (x.integer()) {
          int[] ids = integers(rows);
          executable.write(x, ids, ids.length);
          scatter.ifPresent(tables -> tables.write(executable, ids, ids.length));
        } else {
          executable.write(x, rows, rows.length);
        }
        float[] targets = slice("target", step * micro + m, micro);
        if (labels.integer()) {
          int[] ids = integers(targets);
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
        float[] want = stored(range.value(), slice(recorded("grad.", range.value()), step, 1));
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
        float[] want = stored(range.value(), slice(recorded("after.", range.value()), step, 1));
        boolean bf16 = spec.kind() == OptimizerSpec.Kind.LORAFA;
        Numbers.assertClose(want, executable.floats(range.value()), bf16 ? rates[range.group()] * 0x1p-7 : 1e-4 * Numbers.max(want),
            range.value().name() + " after" + at);
        if (bf16) {
          // PEFT multiplied the gradient in bfloat16, which the machine had; steps agree to its 8 bits, so each starts where PEFT's did.
          executable.write(range.value(), want, want.length);
        }
      }
    }

    private void moments(Executable.Arena arena, String prefix) {
      MemorySegment all = executable.arena(arena);
      boolean wide = executable.floatType() == DType.F64;
      for (ParameterLayout.Range range : ranges()) {
        float[] want = stored(range.value(), Numbers.floats(tensors, recorded(prefix, range.value())));
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

    private static int[] integers(float[] values) {
      int[] ids = new int[values.length];
      Arrays.setAll(ids, i -> (int) values[i]);
      return ids;
    }

    /** A tensor in the layout of the program. */
    private float[] stored(Value slot, float[] values) {
      return adapter.parameters().stream().filter(p -> p.slot().equals(slot.name())).findFirst().map(p -> {
        float[] program = new float[values.length];
        p.toProgram(MemorySegment.ofArray(values), MemorySegment.ofArray(program));
        return program;
      }).orElse(values);
    }

    private String recorded(String prefix, Value slot) {
      return recorded(prefix, slot.name());
    }

    /** The recorded tensor of a slot: PEFT puts the adapter's name before the last part, and wraps what is adapted or trains whole. */
    private String recorded(String prefix, String slot) {
      String name = GoldenCases.bySlot(tensors.names(), prefix).get(slot);
      assertTrue(name != null, () -> "nothing is recorded as %s of %s".formatted(prefix, slot));
      return name;
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
