package io.github.lora4j.bench;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.TokenListener;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Decoding of one sequence: tokens/s, and GB/s of weights beside those of a loop that only reads as many bytes with the same threads, interleaved.
 * Weights that a token reads are those of all linear modules, in blocks below the output layer only; the share is the median of ratios of
 * neighbours.
 *
 * <p>System properties: {@code shapes} (15M, 110M), {@code weights} (f32, bf16), comma-separated; {@code threads} (all processors),
 * {@code reps} (31), {@code tokens} (16) timed together, {@code context} (32) tokens before the first of them. Several threads are timed
 * by the wall, so nothing else should run.
 */
public final class DecodeSpeed {

  private DecodeSpeed() {}

  public static void main(String[] args) throws IOException {
    int threads = Integer.getInteger("threads", Workers.defaultThreads());
    System.out.printf("%s, %d thread(s)%n", KernelProvider.select("auto").describe(), threads);
    System.out.printf("%-6s %-6s %10s %10s %12s %12s %8s %18s%n", "shape", "weights", "MB", "tokens/s", "GB/s", "read GB/s", "share",
        "share, quartiles");
    for (String shape : System.getProperty("shapes", "15M,110M").split(",")) {
      Path directory = Files.createTempDirectory("decode");
      Model model = write(directory, shape.equals("15M") ? new int[] {288, 768, 6, 6, 256} : new int[] {768, 2048, 12, 12, 1024});
      try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(threads));
          Checkpoint weights = Checkpoint.open(directory)) {
        for (String format : System.getProperty("weights", "f32,bf16").split(",")) {
          measure(shape, model, weights, WeightFormats.named(format), backend);
        }
      } finally {
        Files.delete(directory.resolve("config.json"));
        Files.delete(directory.resolve("model.safetensors"));
        Files.delete(directory);
      }
    }
  }

  /** A Llama of random weights: hidden, inner, layers, heads, positions; 32,000 words, tied. */
  private static Model write(Path directory, int[] shape) throws IOException {
    Files.writeString(directory.resolve("config.json"), """
        {"model_type": "llama", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d,
         "vocab_size": 32000, "max_position_embeddings": %d, "rms_norm_eps": 1e-5, "tie_word_embeddings": true}
        """.formatted(Arrays.stream(shape).boxed().toArray()));
    Model model = Generator.model(ModelDirectory.open(directory).architecture());
    SafetensorsWriter writer = new SafetensorsWriter();
    SplittableRandom random = new SplittableRandom(1);
    for (ModuleInfo module : model.modules()) {
      boolean norm = module.name().endsWith("norm");
      boolean table = module.kind() == ModuleInfo.Kind.EMBEDDING;
      if (norm || table || module.kind() == ModuleInfo.Kind.LINEAR && !module.name().equals("lm_head")) {
        long rows = table ? module.in() : module.out();
        long cols = table ? module.out() : module.in();
        float[] values = new float[Math.toIntExact(norm ? rows : rows * cols)];
        for (int i = 0; i < values.length; i++) {
          values[i] = norm ? 1 : (float) (0.04 * (random.nextDouble() - 0.5));
        }
        writer.add(new TensorInfo(module.name() + ".weight", DType.F32, norm ? List.of(rows) : List.of(rows, cols)), MemorySegment.ofArray(values));
      }
    }
    writer.write(directory.resolve("model.safetensors"));
    return model;
  }

  private static void measure(String shape, Model model, Checkpoint weights, WeightFormat format, CpuBackend backend) {
    int context = Integer.getInteger("context", 32);
    int tokens = Integer.getInteger("tokens", 16);
    int reps = Integer.getInteger("reps", 31);
    // The output layer is the embedding, which blocks do not reach: it stays in F32.
    long bytes = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR).mapToLong(m -> m.out()
        * WeightFormats.rowBytes(m.name().equals("lm_head") && !(format instanceof Elements) ? WeightFormat.F32 : format, m.in())).sum();
    GenerationConfig config = GenerationSettings.of(Map.of());
    int[] prompt = new int[context];
    Arrays.setAll(prompt, i -> 100 + i);
    double[] speed = new double[reps];
    double[] read = new double[reps];
    double[] share = new double[reps];
    try (Generator generator = Generator.open(model, weights, GeneratorOptions.of(model.architecture()).weights(format), backend);
        Memory memory = new Memory("bench")) {
      MemorySegment array = memory.allocate(bytes, "as much as the weights");
      array.fill((byte) 1);
      MemorySegment sums = memory.allocate(64L * backend.workers().threads(), "sums");
      Sequence sequence = generator.add(Request.of(prompt, config));
      for (int i = -20; i < reps; i++) {
        generator.resume(sequence, Request.of(prompt, config));
        generator.step(TokenListener.NONE);
        long start = now(backend);
        for (int t = 0; t < tokens; t++) {
          GemvBandwidth.read(backend.workers(), array, sums);
        }
        long between = now(backend);
        for (int t = 0; t < tokens; t++) {
          generator.step(TokenListener.NONE);
        }
        long end = now(backend);
        if (i >= 0) {
          // What the loop reads is whole pieces.
          double whole = (bytes >> 20 << 20) / (double) bytes;
          read[i] = bytes * whole * tokens / (double) (between - start);
          speed[i] = bytes * tokens / (double) (end - between);
          share[i] = speed[i] / read[i];
        }
      }
    }
    double median = quantile(speed, 0.5);
    System.out.printf("%-6s %-6s %10.1f %10.1f %12.2f %12.2f %8.3f %9.3f to %.3f%n", shape, format.name(), bytes / 1e6, median * 1e9 / bytes, median,
        quantile(read, 0.5), quantile(share, 0.5), quantile(share, 0.25), quantile(share, 0.75));
  }

  /** One thread is timed by what it gets of the processor, so that work beside it counts less; several by the clock on the wall. */
  private static long now(CpuBackend backend) {
    return backend.workers().threads() == 1 ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
  }

  private static double quantile(double[] values, double q) {
    double[] sorted = Arrays.stream(values).sorted().toArray();
    return sorted[(int) Math.round(q * (sorted.length - 1))];
  }
}
