package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code inspect} prints comes from files that nobody vouches for. */
class InspectTest {

  @TempDir
  private Path dir;

  /** Time that grew with the square of the tensors took 152 s. */
  @Test
  void manyTensorsAreListedInLittleTime() {
    SafetensorsWriter writer = new SafetensorsWriter();
    for (int i = 0; i < 80_000; i++) {
      writer.add(new TensorInfo("layer." + i + ".weight", DType.U8, List.of(1L)), MemorySegment.ofArray(new byte[1]));
    }
    Path file = dir.resolve("many.safetensors");
    writer.write(file);
    assertTimeoutPreemptively(Duration.ofSeconds(30), () -> assertTrue(Cli.ok("inspect", file).out().contains("80000 tensors, 80,000 bytes")));
  }

  @Test
  void namesAndMetadataDoNotActOnTheTerminal() {
    Path file = dir.resolve("a.safetensors");
    new SafetensorsWriter().metadata("k\u001b[2J", "v\u0007" + "x".repeat(1_000_000))
        .add(new TensorInfo("w\u001b]0;owned\u0007\nnext", DType.U8, List.of(1L)), MemorySegment.ofArray(new byte[1])).write(file);
    plain(Cli.ok("inspect", file).out());
  }

  @Test
  void norDoAnAdaptersSettings() throws IOException {
    Files.writeString(dir.resolve("adapter_config.json"), """
        {"peft_type": "LORA", "task_type": "\\u001b[2J", "base_model_name_or_path": "\\u009b31m", "r": 8, "revision": "\\u001b[31m"}""");
    new SafetensorsWriter().add(new TensorInfo("w\u001b[2J", DType.F32, List.of(1L)), MemorySegment.ofArray(new float[1]))
        .write(dir.resolve("adapter_model.safetensors"));
    plain(Cli.ok("inspect", dir).out());
  }

  @Test
  void norDoesARun() throws IOException {
    Files.writeString(dir.resolve("recipe.yaml"), "model: \"\u001b[2J\"\nseed: 1\n");
    Files.writeString(dir.resolve("metrics.jsonl"), "{\"event\":\"\u001b[31m\"}\n");
    Cli shown = Cli.ok("inspect", dir);
    plain(shown.out());
    assertTrue(shown.out().contains("\\u001b[2J\"\nseed: 1\n"), shown.out());
  }

  private static void plain(String out) {
    assertFalse(out.chars().anyMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\r'), out);
    assertTrue(out.contains("\\u001b"), out);
    assertTrue(out.length() < 10_000, () -> out.length() + " characters");
  }
}
