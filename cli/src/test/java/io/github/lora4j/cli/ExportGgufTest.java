package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An adapter as a GGUF file adds to the base what the merge adds, or says what it cannot hold. */
class ExportGgufTest {

  @TempDir
  private Path dir;
  private Path model;

  private Path train(String task, String settings) throws IOException {
    model = TinyBert.model(dir.resolve("model"), true);
    Path run = dir.resolve("run");
    boolean pairs = task.equals("embedding");
    Path data = pairs ? TinyBert.pairs(dir.resolve("data.tsv"), 20, 1) : TinyBert.tsv(dir.resolve("data.tsv"), 20, 1);
    List<Object> args = new ArrayList<>(List.of("train", "--task", task, "--model", model, "--output", run, "--data.train", data,
        "--optimizer.learning_rate", "1e-2", "--batch_size", 4, "--epochs", 4));
    args.addAll(pairs ? List.of("--data.text", "query", "--data.text_pair", "answer") : List.of("--data.text", "sentence", "--data.label", "mood"));
    args.addAll(List.of(settings.split(" ")));
    Cli.ok(args.toArray());
    return run;
  }

  /** base + alpha / rank · B·A is the merged weight, whatever the method and the ranks were. */
  @ParameterizedTest
  @ValueSource(strings = {"--adapter.r 3 --adapter.lora_alpha 5", "--adapter.r 3 --adapter.use_rslora true",
      "--method adalora --adapter.init_r 4 --adapter.target_r 2", "--method lora+ --adapter.r 2 --adapter.init_lora_weights pissa"})
  void itAddsWhatTheMergeAdds(String settings) throws IOException {
    Path run = train("embedding", settings + " --adapter.target_modules query,intermediate.dense");
    Path file = dir.resolve("adapter.gguf");
    assertTrue(Cli.ok("export", run, "--gguf", "--output", file).out().contains("GGUF adapter: " + file));
    Cli.ok("merge", run, "--output", dir.resolve("merged"));
    try (GgufFile gguf = GgufFile.open(file); Checkpoint base = Checkpoint.open(model); Checkpoint merged = Checkpoint.open(dir.resolve("merged"))) {
      assertEquals("bert", gguf.metadata().text("general.architecture"));
      int compared = 0;
      for (GgufTensor tensor : gguf.tensors()) {
        if (tensor.name().endsWith(".lora_a")) {
          String name = tensor.name().replace(".lora_a", "").replaceFirst("blk\\.(\\d+)\\.attn_q", "encoder.layer.$1.attention.self.query")
              .replaceFirst("blk\\.(\\d+)\\.ffn_up", "encoder.layer.$1.intermediate.dense");
          float[] a = floats(gguf, tensor.name());
          float[] b = floats(gguf, tensor.name().replace("lora_a", "lora_b"));
          int rank = tensor.shape().getFirst().intValue();
          int in = tensor.shape().getLast().intValue();
          float[] before = floats(base, name);
          float[] after = floats(merged, name);
          for (int i = 0; i < before.length; i++) {
            double sum = 0;
            for (int k = 0; k < rank; k++) {
              sum += (double) b[i / in * rank + k] * a[k * in + i % in];
            }
            assertEquals(after[i], before[i] + gguf.metadata().number("adapter.lora.alpha") / rank * sum, 2e-6, name);
          }
          compared++;
        }
      }
      assertTrue(compared > 0 && compared * 2 == gguf.tensors().size(), "modules: " + compared);
    }
  }

  private static float[] floats(GgufFile file, String name) {
    float[] values = new float[(int) file.tensor(name).elements()];
    file.read(name, 0, MemorySegment.ofArray(values));
    return values;
  }

  private static float[] floats(Checkpoint file, String name) {
    float[] values = new float[(int) file.info(name).elements()];
    file.read(name, io.github.lora4j.vector.DType.F32, MemorySegment.ofArray(values));
    return values;
  }

  /** By the name of what the format has no place for, with the way out; nothing is written. */
  @ParameterizedTest
  @CsvSource({"classification,--adapter.target_modules query,classifier.weight: a parameter of the base trained whole",
      "embedding,--adapter.target_modules query --adapter.use_dora true,DoRA",
      "embedding,--adapter.target_modules query --adapter.bias all,encoder.layer.0.attention.self.query.bias",
      "embedding,--adapter.target_modules query --adapter.lora_bias true,lora_bias",
      "embedding,--adapter.target_modules query --adapter.trainable_token_indices [3],trainable_token_indices",
      "embedding,--adapter.target_modules position_embeddings,position_embeddings: no tensor", "embedding,--method ia3,plain LoRA"})
  void whatTheFormatCannotHoldIsNamed(String task, String settings, String message) throws IOException {
    Path run = train(task, settings);
    Path file = dir.resolve("adapter.gguf");
    Cli refused = Cli.run("export", run, "--gguf", "--output", file);
    assertEquals(2, refused.code(), refused.out() + refused.err());
    assertTrue(refused.err().contains(message), refused.err());
    assertTrue(message.equals("plain LoRA") || refused.err().toLowerCase(java.util.Locale.ROOT).contains("merge the adapter"), refused.err());
    try (Stream<Path> files = Files.list(dir)) {
      assertFalse(files.anyMatch(f -> f.getFileName().toString().startsWith("adapter")));
    }
  }

  @Test
  void whatIsThereIsNotTouched() throws IOException {
    Path run = train("embedding", "--adapter.target_modules query");
    Path taken = Files.writeString(dir.resolve("taken.gguf"), "mine");
    Cli refused = Cli.run("export", run, "--gguf", "--output", taken);
    assertEquals(2, refused.code(), refused.err());
    assertTrue(refused.err().contains("exists already"), refused.err());
    assertEquals("mine", Files.readString(taken));
    Cli loralib = Cli.run("export", "--model", model, "--loralib", "x.pt", "--lora_alpha", 1, "--gguf", "--output", dir.resolve("other.gguf"));
    assertEquals(2, loralib.code(), loralib.err());
  }
}
