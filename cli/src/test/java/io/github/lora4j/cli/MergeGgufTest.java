package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An encoder with its adapter as one GGUF file. */
class MergeGgufTest {

  @TempDir
  private Path dir;
  private Path model;

  private Path train(String task) throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    Path run = dir.resolve("run");
    boolean pairs = task.equals("embedding");
    Path data = pairs ? TinyBert.pairs(dir.resolve("data.tsv"), 20, 1) : TinyBert.tsv(dir.resolve("data.tsv"), 20, 1);
    Cli.ok("train", "--task", task, "--model", model, "--output", run, "--data.train", data, "--data.text", pairs ? "query" : "sentence",
        pairs ? "--data.text_pair" : "--data.label", pairs ? "answer" : "mood", "--optimizer.learning_rate", "1e-2", "--batch_size", 4, "--epochs", 2,
        "--adapter.target_modules", "query,output.dense");
    return run;
  }

  private void nothingWritten() throws IOException {
    try (Stream<Path> files = Files.list(dir)) {
      assertTrue(files.noneMatch(file -> file.getFileName().toString().contains("merged") || file.getFileName().toString().startsWith(".lora4j")));
    }
  }

  @Test
  void itSaysWhatTheBaseSaysWithTheAdapter() throws IOException {
    Path run = train("embedding");
    MergeTest.same(run, dir.resolve("merged.gguf"), "merge", run, "--to", "gguf", "--output", dir.resolve("merged.gguf"));
    Cli.ok("merge", run, "--to", "gguf", "--dtype", "bf16", "--output", dir.resolve("half.gguf"));
    try (GgufFile file = GgufFile.open(dir.resolve("half.gguf"))) {
      assertEquals(GgmlType.BF16, file.tensor("blk.0.attn_q.weight").type());
      assertEquals(GgmlType.F32, file.tensor("blk.0.attn_q.bias").type());
      assertEquals(32, file.metadata().count("general.file_type"));
    }
  }

  @Test
  void whatCannotBeIsNamedAndNothingIsWritten() throws IOException {
    Path run = train("embedding");
    String[][] wrong = {{"--dtype", "f8", "--dtype f8"}, {"--dtype", "nf4", "GGUF has no such type"}, {"--touched", "x", "--touched x"}};
    for (String[] one : wrong) {
      Cli result = Cli.run("merge", run, "--to", "gguf", one[0], one[1], "--output", dir.resolve("merged.gguf"));
      assertEquals(2, result.code(), result.out() + result.err());
      assertTrue(result.err().contains(one[2]), result.err());
      nothingWritten();
    }
    Cli name = Cli.run("merge", run, "--to", "gguf", "--output", dir.resolve("merged.bin"));
    assertTrue(name.code() == 2 && name.err().contains("must end in .gguf"), name.err());
    Cli touched = Cli.run("merge", run, "--touched", "f16", "--output", dir.resolve("merged"));
    assertTrue(touched.code() == 2 && touched.err().contains("--to gguf only"), touched.err());
    Path there = Files.writeString(dir.resolve("there.gguf"), "mine");
    assertEquals(2, Cli.run("merge", run, "--to", "gguf", "--output", there).code());
    assertEquals("mine", Files.readString(there));
    Files.delete(model.resolve("vocab.txt"));
    Cli vocabulary = Cli.run("merge", run, "--to", "gguf", "--output", dir.resolve("merged.gguf"));
    assertTrue(vocabulary.code() == 2 && vocabulary.err().contains("vocabulary"), vocabulary.err());
    nothingWritten();
  }

  @Test
  void aNumberThatIsNotFiniteIsNamed() throws IOException {
    Path run = train("embedding");
    Path broken = dir.resolve("broken.safetensors");
    try (Checkpoint base = Checkpoint.open(model)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      base.names().forEach(name -> writer.add(base.info(name), data -> {
        base.read(name, base.info(name).dtype(), data);
        if (name.equals("encoder.layer.0.attention.self.key.weight")) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, 3, Float.NaN);
        }
      }));
      writer.write(broken);
    }
    Files.move(broken, model.resolve("model.safetensors"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Cli result = Cli.run("merge", run, "--to", "gguf", "--output", dir.resolve("merged.gguf"));
    assertEquals(3, result.code(), result.out() + result.err());
    assertTrue(result.err().contains("element 3 of encoder.layer.0.attention.self.key.weight"), result.err());
    nothingWritten();
  }

  @Test
  void aClassifierHasNoSuchForm() throws IOException {
    Path run = train("classification");
    Cli result = Cli.run("merge", run, "--to", "gguf", "--output", dir.resolve("merged.gguf"));
    assertEquals(2, result.code(), result.out() + result.err());
    assertTrue(result.err().contains("write safetensors instead"), result.err());
    assertFalse(Files.exists(dir.resolve("merged.gguf")));
  }
}
