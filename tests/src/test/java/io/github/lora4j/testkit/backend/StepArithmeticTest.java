package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The arithmetic of whole training steps with LoRA on query and value, counted twice: as the program states it at capacity, and as the
 * executor asks the kernels for it with the rows that are live. Both are what the formula gives, so a gradient that nobody needs, a row that
 * is not there, or a product made twice fails here, however fast or busy the machine is.
 */
class StepArithmeticTest {

  private static final int WORDS = 37;
  private static final int CLASSES = 3;
  /** What the programs have room for, and what is there when they run. */
  private static final int SEQUENCES = 5;
  private static final int MAX_LENGTH = 12;
  private static final int TOKENS = 40;
  private static final int[] LENGTHS = {7, 12, 1, 5};

  /**
   * Sizes of a model and where it is adapted.
   *
   * @param inner width of queries: heads times their size
   * @param kv width of keys and of values
   * @param first the lowest adapted layer; all above it are adapted too
   */
  private record Model(int layers, int hidden, int inner, int kv, int feed, int feeds, int rank, int first) {

    /**
     * Multiply-adds of the layers. Attention has two products forward and backward two, scores and their gradient, and one more for each of q,
     * k, v. The lowest adapted layer hands nothing down: its gradient ends at the adapters, and keys have none.
     *
     * @param tokens rows of all layers
     * @param lastRows rows of the last layer's queries and of all that follows them
     * @param pairs of a query and a key in a layer
     * @param lastPairs in the last layer
     */
    long layers(long tokens, long lastRows, long pairs, long lastPairs) {
      long sum = 0;
      for (int i = 0; i < layers; i++) {
        long rows = i == layers - 1 ? lastRows : tokens;
        long met = i == layers - 1 ? lastPairs : pairs;
        long queryKeyValue = (long) hidden * (rows * inner + 2 * tokens * kv);
        long behind = rows * hidden * (inner + (long) feeds * feed);
        long down = rank * hidden * (rows + tokens);
        long up = rank * (rows * inner + tokens * kv);
        sum += queryKeyValue + 2 * met * inner + behind;
        if (i >= first) {
          // Forward, the gradients of B and of what B reads, and the gradient of A.
          sum += down + up + 2 * up + down;
          sum += behind + met * inner * (i > first ? 5 : 4);
          sum += i > first ? queryKeyValue + down : 0;
        }
      }
      return sum;
    }
  }

  private static long squares(int[] lengths) {
    return IntStream.of(lengths).mapToLong(length -> (long) length * length).sum();
  }

  /** The last layer computes the first token of each sequence only; the classifier trains, the pooler does not. */
  @ParameterizedTest
  @CsvSource({"1, 8, 2, 20, 2, 0", "3, 24, 3, 40, 4, 0", "3, 24, 3, 40, 4, 1", "4, 16, 4, 33, 8, 3"})
  void ofABert(int layers, int hidden, int heads, int feed, int rank, int first) {
    RecordedTask task = new SequenceClassifier(ModelConfig.of(Map.of("model_type", "bert", "vocab_size", WORDS, "hidden_size", hidden,
        "num_hidden_layers", layers, "num_attention_heads", heads, "intermediate_size", feed, "max_position_embeddings", MAX_LENGTH))
        .architecture(), CLASSES, Loss.CROSS_ENTROPY);
    Model model = new Model(layers, hidden, hidden, hidden, feed, 2, rank, first);
    long head = 2L * hidden * hidden + 3L * hidden * CLASSES;
    int live = IntStream.of(LENGTHS).sum();
    check(task, List.of("query", "value"), model, 2 * (model.layers(TOKENS, SEQUENCES, (long) TOKENS * MAX_LENGTH, (long) SEQUENCES * MAX_LENGTH)
        + SEQUENCES * head), 2 * (model.layers(live, LENGTHS.length, squares(LENGTHS), live) + LENGTHS.length * head));
  }

  /** All rows of all layers; logits where a next token is known. */
  @ParameterizedTest
  @CsvSource({"1, 8, 2, 1, 20, 2, 0", "3, 24, 3, 3, 40, 4, 0", "3, 24, 6, 2, 40, 4, 2", "2, 20, 4, 1, 28, 8, 0"})
  void ofALlama(int layers, int hidden, int heads, int kvHeads, int feed, int rank, int first) {
    int headDim = 6;
    RecordedTask task = new CausalLm(ModelConfig.of(Map.of("model_type", "llama", "vocab_size", WORDS, "hidden_size", hidden, "num_hidden_layers",
        layers, "num_attention_heads", heads, "num_key_value_heads", kvHeads, "head_dim", headDim, "intermediate_size", feed,
        "max_position_embeddings", MAX_LENGTH, "tie_word_embeddings", true)).architecture());
    Model model = new Model(layers, hidden, heads * headDim, kvHeads * headDim, feed, 3, rank, first);
    long head = 2L * hidden * WORDS;
    int live = IntStream.of(LENGTHS).sum();
    check(task, List.of("q_proj", "v_proj"), model, 2 * (model.layers(TOKENS, TOKENS, (long) TOKENS * MAX_LENGTH, (long) TOKENS * MAX_LENGTH)
        + TOKENS * head), 2 * (model.layers(live, live, squares(LENGTHS), squares(LENGTHS)) + (live - LENGTHS.length) * head));
  }

  private static void check(RecordedTask task, List<String> targets, Model model, long atCapacity, long live) {
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", model.rank, "target_modules", targets, "layers_to_transform",
        IntStream.range(model.first, model.layers).boxed().toList(), "task_type", task.taskType()),
        task.description());
    TaskProgram program = TaskProgram.record(task, adapter, new TaskProgram.Capacity(TOKENS, SEQUENCES, MAX_LENGTH),
        new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.01, 0.0), 0));
    assertEquals(atCapacity, program.program().entries().get("accumulate").flops(), "at capacity");
    CountingKernels kernels = new CountingKernels(KernelProvider.select("vector"));
    try (Workers workers = new Workers(2);
        Executable executable = new CpuBackend(kernels.counted(), workers).compile(program.program(), CompileOptions.DEFAULT)) {
      TaskProgram.load(executable, List.of((parameter, as, target) -> true));
      PackedBatch batch = new PackedBatch(program.in());
      Targets labels = task.targets(program.in(), program.program());
      for (int i = 0; i < LENGTHS.length; i++) {
        batch.add(new int[LENGTHS[i]], new int[LENGTHS[i]], i);
        labels.add(task.taskType().equals("CAUSAL_LM") ? Target.TokenLabels.of(new int[LENGTHS[i]]) : new Target.OneClass(0));
      }
      batch.write(executable, 1, 0);
      labels.write(executable);
      kernels.take();
      executable.run("accumulate");
      assertEquals(live, kernels.take(), "with " + LENGTHS.length + " sequences");
    }
  }
}
