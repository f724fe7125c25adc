package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run's directory: who may use it, and checkpoints that are whole or not there. */
class RunDirectoryTest {

  private static final Map<String, String> RUN = Map.of("seed", "42", "steps", "10");

  @TempDir
  Path temp;
  private Path path;
  private CpuBackend backend;
  private Executable executable;
  private Value weight;

  @BeforeEach
  void compile() {
    path = temp.resolve("run");
    backend = new CpuBackend(new ReferenceKernels(DType.F32), new Workers(1));
    executable = executable(3);
    weight = executable.program().slot("w").orElseThrow();
  }

  private Executable executable(int size) {
    ProgramBuilder builder = new ProgramBuilder();
    builder.trainable("w", Shape.vector(size), 0);
    OptimizerSpec adamw = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0), 0);
    builder.entry("apply").optimizerStep(adamw, builder.input("hyper", Shape.vector(3)), builder.state("lossSum", Shape.vector(1)),
        builder.state("count", Shape.vector(1)), builder.state("report", Shape.vector(3)));
    return backend.compile(builder.build(), CompileOptions.DEFAULT);
  }

  @AfterEach
  void close() {
    executable.close();
    backend.close();
  }

  private void set(float value) {
    executable.write(weight, new float[] {value, 2 * value, 3 * value}, 3);
  }

  private static String refused(Class<? extends Lora4jException> type, org.junit.jupiter.api.function.Executable action) {
    return assertThrows(type, action).getMessage();
  }

  @Test
  void oneRunAtATime() {
    try (RunDirectory run = RunDirectory.open(path, false)) {
      String message = refused(ConfigException.class, () -> RunDirectory.open(path, false));
      assertTrue(message.contains(run.path().toString()) && message.contains("in use"), message);
      refused(ConfigException.class, () -> RunDirectory.open(path, true));
    }
    RunDirectory.open(path, false).close();
  }

  @Test
  void aFinishedRunIsNotOverwritten() throws IOException {
    Files.createDirectories(path.resolve("adapter"));
    String message = refused(ConfigException.class, () -> RunDirectory.open(path, false));
    assertTrue(message.contains("--resume"), message);
    // The refusal leaves no lock behind.
    RunDirectory.open(path, true).close();
  }

  @Test
  void aFileIsNoDirectory() throws IOException {
    Files.writeString(path, "x");
    assertTrue(refused(ResourceException.class, () -> RunDirectory.open(path, false)).contains(path.toString()));
  }

  @Test
  void aCheckpointBringsEverythingBack() {
    try (RunDirectory run = RunDirectory.open(path, false)) {
      assertEquals(Optional.empty(), run.resume(executable, RUN, Optional.empty()));
      set(1.5f);
      executable.arena(Executable.Arena.MOMENT1).fill((byte) 1);
      executable.arena(Executable.Arena.MOMENT2).fill((byte) 2);
      run.save(executable, 4, RUN, 2, Optional.empty());
    }
    refused(ConfigException.class, () -> RunDirectory.open(path, false));
    set(9);
    executable.arena(Executable.Arena.MOMENT1).fill((byte) 0);
    executable.arena(Executable.Arena.MOMENT2).fill((byte) 0);
    try (RunDirectory run = RunDirectory.open(path, true)) {
      assertEquals(Optional.of(4), run.resume(executable, RUN, Optional.empty()));
    }
    assertArrayEquals(new float[] {1.5f, 3, 4.5f}, executable.floats(weight));
    assertEquals(1, executable.arena(Executable.Arena.MOMENT1).get(java.lang.foreign.ValueLayout.JAVA_BYTE, 5));
    assertEquals(2, executable.arena(Executable.Arena.MOMENT2).get(java.lang.foreign.ValueLayout.JAVA_BYTE, 5));
  }

  @Test
  void theOldestGoFirst() throws IOException {
    try (RunDirectory run = RunDirectory.open(path, false)) {
      for (int step : new int[] {2, 9, 10, 100}) {
        set(step);
        run.save(executable, step, RUN, 2, Optional.empty());
      }
      assertEquals(List.of(10, 100), run.checkpoints());
      set(0);
      assertEquals(Optional.of(100), run.resume(executable, RUN, Optional.empty()));
      assertEquals(100, executable.floats(weight)[0]);
      run.save(executable, 100, RUN, 2, Optional.empty());
      assertEquals(List.of(10, 100), run.checkpoints());
    }
    try (Stream<Path> files = Files.list(path)) {
      assertFalse(files.anyMatch(f -> f.toString().endsWith(".tmp")));
    }
  }

  @Test
  void aCheckpointOfAnotherRunSaysWhatDiffers() {
    try (RunDirectory run = RunDirectory.open(path, false)) {
      run.save(executable, 1, RUN, 2, Optional.empty());
      String message = refused(ConfigException.class, () -> run.resume(executable, Map.of("seed", "43", "batch_size", "8", "steps", "10"), Optional.empty()));
      assertTrue(message.contains("seed was 42, is now 43") && message.contains("batch_size was (not set), is now 8"), message);
      assertFalse(message.contains("steps was"), message);
      message = refused(ConfigException.class, () -> run.resume(executable, Map.of("seed", "42"), Optional.empty()));
      assertTrue(message.contains("steps was 10, is now (not set)"), message);
    }
  }

  @Test
  void brokenCheckpointsAreNamed() throws IOException {
    try (RunDirectory run = RunDirectory.open(path, false)) {
      Path checkpoint = run.save(executable, 1, RUN, 2, Optional.empty());
      try (Executable larger = executable(33)) {
        String message = refused(FormatException.class, () -> run.resume(larger, RUN, Optional.empty()));
        assertTrue(message.contains("parameters has 16 elements, expected 48"), message);
      }
      Path state = checkpoint.resolve("trainer_state.json");
      String good = Files.readString(state);
      for (String broken : List.of("", "{", "[]", "{\"format\": 99, \"step\": 1}", "{\"format\": 1, \"step\": \"x\"}")) {
        Files.writeString(state, broken);
        assertTrue(refused(FormatException.class, () -> run.resume(executable, RUN, Optional.empty())).contains(path.toString()), broken);
      }
      Files.writeString(state, good);
      Path arenas = checkpoint.resolve("state.safetensors");
      byte[] bytes = Files.readAllBytes(arenas);
      Files.write(arenas, java.util.Arrays.copyOf(bytes, bytes.length - 4));
      refused(FormatException.class, () -> run.resume(executable, RUN, Optional.empty()));
      Files.delete(arenas);
      refused(Lora4jException.class, () -> run.resume(executable, RUN, Optional.empty()));
    }
  }

  @Test
  void leftoversOfACrashAreNoCheckpoint() throws IOException {
    Files.createDirectories(path.resolve("checkpoint-5.tmp"));
    Files.writeString(path.resolve("checkpoint-5.tmp").resolve("state.safetensors"), "half");
    try (RunDirectory run = RunDirectory.open(path, false)) {
      assertEquals(Optional.empty(), run.resume(executable, RUN, Optional.empty()));
      run.save(executable, 5, RUN, 1, Optional.empty());
      assertEquals(List.of(5), run.checkpoints());
    }
  }
}
