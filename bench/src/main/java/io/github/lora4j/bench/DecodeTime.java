package io.github.lora4j.bench;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.TokenListener;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * Greedy decoding of one sequence of a model on disk: for each line on stdin the seconds of some tokens behind a context, so that a peer's can be interleaved.
 * Arguments: model, weights (f32, f16, bf16), threads, tokens of context, tokens that are timed.
 */
public final class DecodeTime {

  private DecodeTime() {}

  public static void main(String[] args) throws IOException {
    int[] prompt = new int[Integer.parseInt(args[3])];
    Arrays.setAll(prompt, i -> 100 + i);
    int tokens = Integer.parseInt(args[4]);
    Path directory = Path.of(args[0]);
    Model model = Generator.model(ModelDirectory.open(directory).architecture());
    // No token may end it: the peer goes on as well.
    GenerationConfig config = GenerationSettings.of(Map.of());
    try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(Integer.parseInt(args[2])));
        Checkpoint weights = Checkpoint.open(directory);
        Generator generator = Generator.open(model, weights, GeneratorOptions.of(model.architecture()).weights(WeightFormats.named(args[1])), backend)) {
      Sequence sequence = generator.add(Request.of(prompt, config));
      System.out.println(backend.describe());
      System.out.flush();
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      while (in.readLine() != null) {
        generator.resume(sequence, Request.of(prompt, config));
        generator.step(TokenListener.NONE);
        long start = System.nanoTime();
        for (int t = 0; t < tokens; t++) {
          generator.step(TokenListener.NONE);
        }
        System.out.printf("%.6f%n", (System.nanoTime() - start) / 1e9);
        System.out.flush();
      }
    }
  }
}
