package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The user's own ONNX file with the adapter in its weights. */
class MergeOnnxTest {

  @TempDir
  private Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void train() throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    run = dir.resolve("run");
    Path data = TinyBert.pairs(dir.resolve("data.tsv"), 20, 1);
    Cli.ok("train", "--task", "embedding", "--model", model, "--output", run, "--data.train", data, "--data.text", "query", "--data.text_pair",
        "answer", "--optimizer.learning_rate", "1e-2", "--batch_size", 4, "--epochs", 4, "--adapter.target_modules",
        "query,output.dense,word_embeddings");
  }

  /** Another copy of the model, in a type. */
  private Path typed(DType type) throws IOException {
    Path directory = copy("typed");
    try (Checkpoint base = Checkpoint.open(model)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      base.names().forEach(name -> writer.add(new TensorInfo(name, type, base.info(name).shape()), data -> base.read(name, type, data)));
      writer.write(directory.resolve("model.safetensors"));
    }
    return directory;
  }

  private Path copy(String name) throws IOException {
    Path directory = Files.createDirectories(dir.resolve(name));
    Files.copy(model.resolve("config.json"), directory.resolve("config.json"));
    Files.copy(model.resolve("vocab.txt"), directory.resolve("vocab.txt"));
    return directory;
  }

  /** However the file holds its weights, it gets the numbers that the merge into safetensors gives. */
  @ParameterizedTest
  @EnumSource(TinyOnnx.Form.class)
  void itsWeightsAreThoseOfTheMergedModel(TinyOnnx.Form form) throws IOException {
    Path base = form == TinyOnnx.Form.HALVES ? typed(DType.F16) : model;
    Path onnx = copy("onnx");
    TinyOnnx.write(base, onnx.resolve("encoder.onnx"), form);
    Path output = dir.resolve("merged");
    Cli.ok("merge", run, "--model", onnx, "--to", "onnx", "--output", output);
    Path plain = dir.resolve("plain");
    Cli.ok("merge", run, "--model", base, "--output", plain);
    try (Checkpoint expected = Checkpoint.open(plain); Checkpoint actual = Checkpoint.open(output.resolve("encoder.onnx"));
        Checkpoint before = Checkpoint.open(onnx); Arena arena = Arena.ofConfined()) {
      int changed = 0;
      for (String name : expected.names()) {
        TensorInfo info = expected.info(name);
        assertEquals(info.shape(), actual.info(name).shape(), name);
        assertEquals(before.info(name).dtype(), actual.info(name).dtype(), name);
        MemorySegment want = read(arena, expected, info);
        assertEquals(-1, want.mismatch(read(arena, actual, info)), name);
        changed += want.mismatch(read(arena, before, info)) < 0 ? 0 : 1;
      }
      assertEquals(expected.names(), actual.names());
      assertTrue(changed >= 5, "changed: " + changed);
    }
    if (form != TinyOnnx.Form.HALVES) {
      Cli.ok("merge", run, "--model", model, "--to", "onnx", "--onnx", onnx.resolve("encoder.onnx"), "--output", dir.resolve("named"));
      assertEquals(-1, Files.mismatch(output.resolve("encoder.onnx"), dir.resolve("named").resolve("encoder.onnx")));
      MergeTest.same(run, output, "inspect", output.resolve("encoder.onnx"));
    }
    assertTrue(Files.exists(output.resolve("vocab.txt")) && Files.exists(output.resolve("config.json")));
  }

  private static MemorySegment read(Arena arena, Checkpoint from, TensorInfo info) {
    MemorySegment values = arena.allocate(info.elements() * Float.BYTES, 8);
    from.read(info.name(), DType.F32, values);
    return values;
  }

  /** Refused with a message, and nothing is written. */
  private void refused(int code, String message, Object... options) throws IOException {
    Path output = dir.resolve("refused");
    Object[] arguments = new Object[options.length + 4];
    arguments[0] = "merge";
    System.arraycopy(options, 0, arguments, 1, options.length);
    arguments[options.length + 1] = "--to=onnx";
    arguments[options.length + 2] = "--output";
    arguments[options.length + 3] = output;
    Cli result = Cli.run(arguments);
    assertEquals(code, result.code(), result.out() + result.err());
    assertTrue(result.err().contains(message), result.err());
    assertFalse(Files.exists(output));
  }

  @Test
  void whatOneFileCannotHoldIsRefused() throws IOException {
    refused(2, "holds no .onnx file", run);
    Path onnx = copy("onnx");
    TinyOnnx.write(model, onnx.resolve("a.onnx"), TinyOnnx.Form.BYTES);
    refused(2, "leave out --dtype", run, "--model", onnx, "--dtype", "f16");
    TinyOnnx.write(model, onnx.resolve("b.onnx"), TinyOnnx.Form.BYTES);
    refused(2, "several .onnx files", run, "--model", onnx);
    TinyOnnx.quantised(onnx.resolve("q.onnx"));
    refused(3, "q.onnx is quantised: it computes with MatMulInteger", run, "--onnx", onnx.resolve("q.onnx"));
    TinyOnnx.shared(model, onnx.resolve("s.onnx"), "encoder.layer.0.output.dense.weight", "/other/MatMul");
    refused(2, "also read by", run, "--onnx", onnx.resolve("s.onnx"));
    TinyOnnx.shared(model, onnx.resolve("w.onnx"), "embeddings.word_embeddings.weight", "/cls/Transpose");
    refused(2, "/cls/Transpose", run, "--onnx", onnx.resolve("w.onnx"));
    Files.write(onnx.resolve("broken.onnx"), new byte[] {1, 2, 3});
    refused(3, "broken.onnx", run, "--onnx", onnx.resolve("broken.onnx"));
  }

  @Test
  void aHeadThatTheGraphLacksIsNamed() throws IOException {
    Path classifier = dir.resolve("classifier");
    Path data = TinyBert.tsv(dir.resolve("moods.tsv"), 20, 1);
    Cli.ok("train", "--task", "classification", "--model", model, "--output", classifier, "--data.train", data, "--data.text", "sentence",
        "--data.label", "mood", "--max_steps", 1);
    Path onnx = copy("onnx");
    TinyOnnx.write(model, onnx.resolve("a.onnx"), TinyOnnx.Form.BYTES);
    refused(2, "classifier.weight", classifier, "--model", onnx);
  }
}
