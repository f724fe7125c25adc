package io.github.lora4j.cli.bench;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.StepHook;
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
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A whole training step of an encoder or a decoder with LoRA on query and value, or of a DeBERTa with AdaLoRA: forward, backward, AdamW. Random weights, tokens and
 * labels, full-length sequences, so that the arithmetic is fixed.
 */
public final class TrainingStep implements AutoCloseable {

  /** What a model is, and what it learns here. */
  public enum Family {
    /** An encoder that classifies sequences. */
    BERT,
    /** A decoder with tied embedding that predicts every next token. */
    LLAMA,
    /** An encoder of DeBERTa-v3's form that classifies sequences, with AdaLoRA on all linear modules of its layers. */
    DEBERTA
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
      Map<String, Object> config = new HashMap<>(Map.of("model_type", type(), "vocab_size", words(), "hidden_size", hidden, "num_hidden_layers",
          layers, "num_attention_heads", heads, "intermediate_size", intermediate, "max_position_embeddings", 512, "rms_norm_eps", 1e-5,
          "tie_word_embeddings", true));
      if (family == Family.DEBERTA) {
        config.putAll(Map.of("relative_attention", true, "pos_att_type", "p2c|c2p", "position_buckets", 256, "share_att_key", true,
            "norm_rel_ebd", "layer_norm", "position_biased_input", false));
      }
      Architecture architecture = ModelConfig.of(config).architecture();
      return switch (family) {
        case BERT, DEBERTA -> new SequenceClassifier(architecture, 2, Loss.CROSS_ENTROPY);
        case LLAMA -> new CausalLm(architecture);
      };
    }

    private String type() {
      return switch (family) {
        case BERT -> "bert";
        case LLAMA -> "llama";
        case DEBERTA -> "deberta-v2";
      };
    }

    private int words() {
      return family == Family.LLAMA ? 32000 : 30522;
    }

    private Adapter adapter(RecordedTask task) {
      return switch (family) {
        case BERT -> lora(task, List.of("query", "value"));
        case LLAMA -> lora(task, List.of("q_proj", "v_proj"));
        case DEBERTA -> AdapterMethod.named("adalora").create(Map.of("init_r", rank, "target_r", Math.max(1, rank / 2), "tinit", 2, "tfinal", 100,
            "deltaT", 10, "total_step", PLANNED, "lora_alpha", 2 * rank, "target_modules", List.of("query_proj", "key_proj", "value_proj",
                "attention.output.dense", "intermediate.dense", "output.dense"), "task_type", task.taskType()), task.description());
      };
    }

    private Adapter lora(RecordedTask task, List<String> modules) {
      return AdapterMethod.named("lora").create(Map.of("r", rank, "lora_alpha", 2 * rank, "target_modules", modules, "task_type", task.taskType()),
          task.description());
    }

    int tokens() {
      return batch * length;
    }
  }

  /** Steps that AdaLoRA's schedule is made for. */
  private static final int PLANNED = 1000;
  /** Elements of a weight that are drawn at once. */
  private static final int DRAWN = 1 << 16;

  private final Executable executable;
  private final TaskProgram program;
  private final @Nullable StepHook hook;
  private final float[] hyper;
  private int steps;

  /** Compiles and fills a program; the caller closes the backend after this. */
  public TrainingStep(Shape shape, Backend backend) {
    this(shape, backend, CompileOptions.DEFAULT);
  }

  /** The same with frozen weights kept in some format. */
  public TrainingStep(Shape shape, Backend backend, CompileOptions options) {
    RecordedTask task = shape.task();
    boolean decoder = shape.family == Family.LLAMA;
    Adapter adapter = shape.adapter(task);
    hook = adapter.hook(PLANNED).orElse(null);
    hyper = new float[adapter.groups().size() + 2];
    Arrays.fill(hyper, 1e-3f);
    OptimizerSpec optimizer = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, Collections.nCopies(adapter.groups().size(), 0.01), 0);
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
    hyper[hyper.length - 2] = (float) (1 - Math.pow(0.9, steps));
    hyper[hyper.length - 1] = (float) (1 - Math.pow(0.999, steps));
    executable.write(program.program().slot(TaskProgram.HYPER).orElseThrow(), hyper, hyper.length);
    executable.run("apply");
    if (hook != null) {
      hook.afterUpdate(executable, steps);
      executable.run(TaskProgram.CLEAR);
    }
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
