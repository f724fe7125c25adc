package io.github.lora4j.cli.bench;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A whole training step of an encoder or a decoder with LoRA on query and value: forward, backward, AdamW. Random weights, tokens and
 * labels, full-length sequences, so that the arithmetic is fixed.
 */
public final class TrainingStep implements AutoCloseable {

  /** What a model is, and what it learns here. */
  public enum Family {
    /** An encoder that classifies sequences. */
    BERT,
    /** A decoder with tied embedding that predicts every next token. */
    LLAMA
  }

  /**
   * A model's sizes and its batch.
   *
   * @param batch sequences
   * @param length tokens of each
   * @param rank of LoRA
   */
  public record Shape(String name, Family family, int layers, int hidden, int heads, int intermediate, int batch, int length, int rank) {

    /** The shape of all-MiniLM-L6-v2. */
    public static Shape minilm(int batch, int length) {
      return new Shape("minilm", Family.BERT, 6, 384, 12, 1536, batch, length, 8);
    }

    /** The shape of BERT-base. */
    public static Shape bertBase(int batch, int length) {
      return new Shape("bert-base", Family.BERT, 12, 768, 12, 3072, batch, length, 8);
    }

    /** The shape of stories15M, a Llama with 32,000 words. */
    public static Shape stories15m(int batch, int length) {
      return new Shape("stories15m", Family.LLAMA, 6, 288, 6, 768, batch, length, 8);
    }

    private RecordedTask task() {
      Map<String, ?> config = Map.of("model_type", family == Family.BERT ? "bert" : "llama", "vocab_size", words(), "hidden_size", hidden,
          "num_hidden_layers", layers, "num_attention_heads", heads, "intermediate_size", intermediate, "max_position_embeddings", 512,
          "rms_norm_eps", 1e-5, "tie_word_embeddings", true);
      Architecture architecture = ModelConfig.of(config).architecture();
      return switch (family) {
        case BERT -> new SequenceClassifier(architecture, 2, Loss.CROSS_ENTROPY);
        case LLAMA -> new CausalLm(architecture);
      };
    }

    private int words() {
      return family == Family.BERT ? 30522 : 32000;
    }

    int tokens() {
      return batch * length;
    }
  }

  /** Elements of a weight that are drawn at once. */
  private static final int DRAWN = 1 << 16;

  private final Executable executable;
  private final TaskProgram program;
  private int steps;

  /** Compiles and fills a program; the caller closes the backend after this. */
  public TrainingStep(Shape shape, Backend backend) {
    this(shape, backend, CompileOptions.DEFAULT);
  }

  /** The same with frozen weights kept in some format. */
  public TrainingStep(Shape shape, Backend backend, CompileOptions options) {
    RecordedTask task = shape.task();
    boolean decoder = shape.family == Family.LLAMA;
    Adapter adapter = AdapterMethod.named("lora").create(Map.of("r", shape.rank, "lora_alpha", 2 * shape.rank, "target_modules",
        decoder ? List.of("q_proj", "v_proj") : List.of("query", "value"), "task_type", task.taskType()),
        task.description());
    OptimizerSpec optimizer = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.01, 0.0), 0);
    program = TaskProgram.record(task, adapter, new TaskProgram.Capacity(shape.tokens(), shape.batch, shape.length),
        optimizer);
    executable = backend.compile(program.program(), options);
    Random random = new Random(7);
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(7)) {
      TaskProgram.load(executable, List.of((parameter, as, target) -> {
        boolean own = adapter.parameters().stream().anyMatch(p -> p.slot().equals(parameter.name()) && !p.ofBase());
        if (own) {
          MemorySegment.copy(values.get(parameter.name()), 0, target, 0, target.byteSize());
          return true;
        }
        boolean one = parameter.name().endsWith("LayerNorm.weight") || parameter.name().endsWith("norm.weight");
        draw(random, one, parameter, as, target);
        return true;
      }));
    } catch (RuntimeException | Error e) {
      executable.close();
      throw e;
    }
    PackedBatch packed = new PackedBatch(program.in());
    Targets targets = task.targets(program.in(), program.program());
    for (int i = 0; i < shape.batch; i++) {
      int[] ids = random.ints(shape.length, 0, shape.words()).toArray();
      packed.add(ids, new int[shape.length], i);
      targets.add(decoder ? Target.TokenLabels.of(ids) : new Target.OneClass(i % 2));
    }
    packed.write(executable, 7, 0);
    targets.write(executable);
  }

  /** Draws a weight in pieces of whole rows, or fills it with ones. */
  private static void draw(Random random, boolean ones, Value parameter, WeightFormat as, MemorySegment target) {
    int cols = parameter.shape().cols();
    int rows = parameter.shape().rows();
    int atOnce = Math.max(1, Math.min(rows, DRAWN / cols));
    float[] drawn = new float[atOnce * cols];
    for (int row = 0; row < rows; row += atOnce) {
      int count = Math.min(atOnce, rows - row);
      for (int i = 0; i < count * cols; i++) {
        drawn[i] = ones ? 1 : (random.nextFloat() - 0.5f) * 0.07f;
      }
      WeightFormats.encode(as, count, cols, new Elements(DType.F32), MemorySegment.ofArray(drawn),
          target.asSlice(row * WeightFormats.rowBytes(as, cols), count * WeightFormats.rowBytes(as, cols)));
    }
  }

  /** Makes a step and reads its loss; seconds it took. */
  public double step() {
    long start = System.nanoTime();
    executable.run("accumulate");
    steps++;
    Value hyper = program.program().slot(TaskProgram.HYPER).orElseThrow();
    executable.write(hyper, new float[] {1e-3f, 1e-3f, (float) (1 - Math.pow(0.9, steps)), (float) (1 - Math.pow(0.999, steps))}, 4);
    executable.run("apply");
    executable.floats(program.program().slot(TaskProgram.REPORT).orElseThrow());
    return (System.nanoTime() - start) / 1e9;
  }

  /** Multiply-add arithmetic of one step. */
  public long flops() {
    return program.program().entry("accumulate").flops();
  }

  /** What runs. */
  public Executable executable() {
    return executable;
  }

  @Override
  public void close() {
    executable.close();
  }
}
