package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Layers that are computed again: the same gradients to the bit, in less memory. */
class RecomputeTest {

  private static final int LAYERS = 6;
  private static final int WORDS = 61;
  private static final int SEQUENCES = 5;
  private static final int LENGTH = 24;

  private static RecordedTask task(String family) {
    Map<String, Object> config = new HashMap<>(Map.of("model_type", family, "vocab_size", WORDS, "tie_word_embeddings", true));
    config.putAll(family.equals("gpt2") ? Map.of("n_embd", 16, "n_layer", LAYERS, "n_head", 2, "n_positions", 64)
        : Map.of("hidden_size", 16, "num_hidden_layers", LAYERS, "num_attention_heads", 2, "intermediate_size", 40, "max_position_embeddings", 64));
    return new CausalLm(ModelConfig.of(config).architecture());
  }

  private static TaskProgram program(RecordedTask task, Adapter adapter, boolean recomputes) {
    OptimizerSpec optimizer = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.01, 0.0), 0);
    return TaskProgram.record(task, adapter, new TaskProgram.Capacity(SEQUENCES * LENGTH, SEQUENCES, LENGTH).recomputing(recomputes),
        optimizer);
  }

  private static Adapter adapter(RecordedTask task, List<String> modules) {
    return AdapterMethod.named("lora").create(Map.of("r", 3, "lora_alpha", 6, "lora_dropout", modules.contains("lm_head") ? 0.0 : 0.3,
        "target_modules", modules, "task_type", task.taskType()), task.description());
  }

  /** Parameters after some steps, with dropout and batches of different sizes. */
  private static byte[] trained(RecordedTask task, List<String> modules, boolean recomputes, int threads) {
    Adapter adapter = adapter(task, modules);
    TaskProgram program = program(task, adapter, recomputes);
    try (Backend backend = Backend.open("cpu", threads); Executable run = backend.compile(program.program(), CompileOptions.DEFAULT);
        AdapterValues values = new AdapterValues(adapter.parameters()).initialise(7)) {
      Random random = new Random(3);
      TaskProgram.load(run, List.of((parameter, as, target) -> {
        if (adapter.parameters().stream().anyMatch(p -> p.slot().equals(parameter.name()))) {
          MemorySegment.copy(values.get(parameter.name()), 0, target, 0, target.byteSize());
        } else {
          for (long i = 0; i < parameter.shape().elements(); i++) {
            target.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.4f);
          }
        }
        return true;
      }));
      Targets targets = task.targets(program.in(), program.program());
      for (int step = 0; step < 4; step++) {
        PackedBatch packed = new PackedBatch(program.in());
        targets.clear();
        for (int i = 0; i < SEQUENCES - step; i++) {
          int[] ids = random.ints(LENGTH - 3L * i - step, 0, WORDS).toArray();
          packed.add(ids, new int[ids.length], i);
          targets.add(Target.TokenLabels.of(ids));
        }
        packed.write(run, 7, step);
        targets.write(run);
        run.run("accumulate");
        run.write(program.program().slot(TaskProgram.HYPER).orElseThrow(), new float[] {1e-2f, 1e-2f, 0.1f, 0.1f}, 4);
        run.run("apply");
        assertTrue(Float.isFinite(run.floats(program.program().slot(TaskProgram.REPORT).orElseThrow())[0]));
      }
      return run.arena(Executable.Arena.PARAMETERS).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  @Test
  void gradientsAreTheSameToTheBit() {
    Map<String, List<List<String>>> modules = Map.of("gpt2", List.of(List.of("c_attn"), List.of("mlp.c_fc", "wte")), "llama",
        List.of(List.of("q_proj", "v_proj"), List.of("down_proj", "embed_tokens"), List.of("gate_proj", "lm_head")));
    modules.forEach((family, choices) -> choices.forEach(choice -> {
      RecordedTask task = task(family);
      byte[] kept = trained(task, choice, false, 2);
      assertArrayEquals(kept, trained(task, choice, true, 2), family + choice);
      assertArrayEquals(kept, trained(task, choice, true, 1), family + choice + " on one thread");
    }));
  }

  @Test
  void activationsTakeLess() {
    RecordedTask task = task("llama");
    Adapter adapter = adapter(task, List.of("q_proj", "v_proj"));
    long[] bytes = new long[2];
    long[] flops = new long[2];
    try (Backend backend = Backend.open("cpu", 1)) {
      for (int i = 0; i < 2; i++) {
        TaskProgram program = program(task, adapter, i == 1);
        flops[i] = program.program().entry("accumulate").flops();
        bytes[i] = backend.forecast(program.program(), CompileOptions.DEFAULT).stream().filter(a -> a.purpose().equals("activations")).findFirst()
            .orElseThrow().bytes();
      }
    }
    assertTrue(bytes[1] < 0.5 * bytes[0], "activations of %d layers: %,d bytes kept, %,d computed again".formatted(LAYERS, bytes[0], bytes[1]));
    assertTrue(flops[1] < 1.5 * flops[0], "at most a forward pass more: %,d against %,d".formatted(flops[1], flops[0]));
  }

  /** What only the end of a layer is made for is not computed again. */
  @Test
  void whatNoGradientReadsIsLeftOut() {
    RecordedTask task = task("llama");
    Adapter adapter = adapter(task, List.of("q_proj"));
    String text = program(task, adapter, true).program().describe();
    String accumulate = text.substring(text.indexOf("accumulate:"), text.indexOf("apply:"));
    assertEquals(LAYERS, products(accumulate, "mlp.down_proj"), "nothing reads a layer's last product again");
    assertEquals(2 * LAYERS - 1, products(accumulate, "mlp.gate_proj"), "the gate's gradient needs it; the last layer's are kept");
  }

  private static long products(String text, String module) {
    return text.lines().filter(line -> line.contains(" Linear ") && line.contains(module + ".weight[")).count();
  }

  /** A recording that is not the same the second time has other gradients, or none. */
  @Test
  void aRecordingThatChangesIsRefused() {
    ProgramBuilder builder = new ProgramBuilder();
    RowAxis rows = builder.axis("rows", 4);
    Graph graph = builder.entry("train");
    graph.recompute("layer.");
    Value x = graph.linear(builder.input("x", Shape.of(rows, 3)), builder.trainable("w", Shape.of(3, 3), 0));
    int[] times = {0};
    Value y = graph.region("layer.0", () -> graph.activate(times[0]++ == 0 ? Activation.TANH : Activation.SILU, x));
    Value z = graph.region("layer.1", () -> graph.activate(Activation.TANH, y));
    Value loss = graph.loss(Loss.MSE, z, builder.input("labels", Shape.of(rows, 3)));
    String message = assertThrows(ConfigException.class, () -> graph.backward(loss)).getMessage();
    assertTrue(message.contains("layer.0") && message.contains("recompute"), message);
  }
}
