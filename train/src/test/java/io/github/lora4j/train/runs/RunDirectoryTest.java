package io.github.lora4j.train.runs;

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
import java.util.ArrayList;
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

  private static final RunIdentity RUN = new RunIdentity(Map.of("seed", "42", "steps", "10"), "cpu: 8 lanes");

  @TempDir
  Path temp;
  private Path path;
  private Path model;
  private final List<String> notes = new ArrayList<>();
  private CpuBackend backend;
  private Executable executable;
  private Value weight;

  @BeforeEach
  void compile() {
    path = temp.resolve("run");
    model = temp.resolve("model");
    try {
      Files.createDirectories(model);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
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

  private RunDirectory claimed(Resume resume) {
    RunDirectory run = RunDirectory.open(path, model, resume);
    run.claim();
    return run;
  }

  private Path save(RunDirectory run, int step, int keep) {
    return run.save(executable, List.of(), RUN, new Progress(step, false, Optional.empty(), Map.of("ranks", "3")), keep);
  }

  private Progress resume(RunDirectory run, RunIdentity identity) {
    return run.resume(executable, List.of(), identity, Resume.EXACTLY, notes::add);
  }

  private List<String> names() throws IOException {
    try (Stream<Path> entries = Files.list(path)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void oneRunAtATime() {
    try (RunDirectory run = claimed(Resume.NO)) {
      String message = refused(ConfigException.class, () -> RunDirectory.open(path, model, Resume.NO));
      assertTrue(message.contains(run.path().toString()) && message.contains("in use"), message);
      refused(ConfigException.class, () -> RunDirectory.open(path, model, Resume.EXACTLY));
    }
    claimed(Resume.NO).close();
  }

  @Test
  void nothingIsWrittenBeforeItIsClaimed() throws IOException {
    RunDirectory.open(path, model, Resume.NO).close();
    assertFalse(Files.exists(path));
    Files.createDirectories(path);
    RunDirectory.open(path, model, Resume.NO).close();
    assertEquals(List.of(), names());
  }

  @Test
  void aRunIsNotOverwritten() {
    try (RunDirectory run = claimed(Resume.NO)) {
      save(run, 4, 1);
    }
    String message = refused(ConfigException.class, () -> RunDirectory.open(path, model, Resume.NO));
    assertTrue(message.contains("holds a run already") && message.contains("--resume"), message);
    // The refusal leaves no lock behind.
    RunDirectory.open(path, model, Resume.EXACTLY).close();
  }

  /** Before anything is written: the user's own files, and the directory of the model. */
  @Test
  void otherFilesAreNotOverwritten() throws IOException {
    for (String mine : List.of("report.html", "metrics.jsonl", "recipe.yaml", "adapter", "checkpoint-7")) {
      path = Files.createDirectories(temp.resolve("mine-" + mine));
      Files.writeString(path.resolve(mine), "mine");
      Files.writeString(path.resolve("notes.txt"), "mine too");
      String message = refused(ConfigException.class, () -> RunDirectory.open(path, model, Resume.NO));
      assertTrue(message.contains(path + " holds " + mine + ", which is no run's"), message);
      assertTrue(refused(ConfigException.class, () -> RunDirectory.open(path, model, Resume.EXACTLY)).contains("nothing to resume"));
      assertEquals(Stream.of(mine, "notes.txt").sorted().toList(), names());
    }
    String message = refused(ConfigException.class, () -> RunDirectory.open(model, model, Resume.NO));
    assertTrue(message.contains("is the directory of the base model"), message);
    path = Files.createDirectories(temp.resolve("notes"));
    Files.writeString(path.resolve("notes.txt"), "mine");
    claimed(Resume.NO).close();
  }

  @Test
  void resumingNeedsARun() throws IOException {
    assertTrue(refused(ConfigException.class, () -> RunDirectory.open(path, model, Resume.EXACTLY)).contains("nothing to resume"));
    // A run that was killed before its first file: nothing is lost by starting.
    Files.createDirectories(path);
    try (RunDirectory run = claimed(Resume.EXACTLY)) {
      assertEquals(Progress.NONE, resume(run, RUN));
      assertEquals(List.of(path + " has no checkpoint yet: the run starts at its first step"), notes);
    }
  }

  @Test
  void aFileIsNoDirectory() throws IOException {
    Files.writeString(path, "x");
    assertTrue(refused(ResourceException.class, () -> RunDirectory.open(path, model, Resume.NO)).contains(path + " is a file"));
    path = path.resolve("below");
    assertTrue(refused(ResourceException.class, () -> claimed(Resume.NO)).contains(path.toString()));
  }

  @Test
  void aCheckpointBringsEverythingBack() {
    try (RunDirectory run = claimed(Resume.NO)) {
      set(1.5f);
      executable.arena(Executable.Arena.MOMENT1).fill((byte) 1);
      executable.arena(Executable.Arena.MOMENT2).fill((byte) 2);
      save(run, 4, 2);
    }
    set(9);
    executable.arena(Executable.Arena.MOMENT1).fill((byte) 0);
    executable.arena(Executable.Arena.MOMENT2).fill((byte) 0);
    try (RunDirectory run = claimed(Resume.EXACTLY)) {
      assertEquals(new Progress(4, false, Optional.empty(), Map.of("ranks", "3")), resume(run, RUN));
    }
    assertArrayEquals(new float[] {1.5f, 3, 4.5f}, executable.floats(weight));
    assertEquals(1, executable.arena(Executable.Arena.MOMENT1).get(java.lang.foreign.ValueLayout.JAVA_BYTE, 5));
    assertEquals(2, executable.arena(Executable.Arena.MOMENT2).get(java.lang.foreign.ValueLayout.JAVA_BYTE, 5));
  }

  /** The order of a {@code Map.of} is another in every JVM. */
  @Test
  void theSameRunWritesTheSameBytes() throws IOException {
    Map<String, String> settings = Map.of("b", "1", "d", "2", "a", "3", "c", "4", "f", "5", "e", "6", "h", "7", "g", "8");
    try (RunDirectory run = claimed(Resume.NO)) {
      Path checkpoint = run.save(executable, List.of(), new RunIdentity(settings, "k"), new Progress(1, false, Optional.empty(), settings), 1);
      String state = Files.readString(checkpoint.resolve("trainer_state.json")).replaceAll("[^a-h1-8]*\"([a-h])\" : \"([1-8])\"", "<$1$2>");
      assertEquals(2, state.split("<a3><b1><c4><d2><e6><f5><g8><h7>", -1).length - 1, state);
    }
  }

  @Test
  void theOldestGoFirst() throws IOException {
    try (RunDirectory run = claimed(Resume.NO)) {
      for (int step : new int[] {2, 9, 10, 100}) {
        set(step);
        save(run, step, 2);
      }
      assertEquals(List.of(10, 100), run.checkpoints());
      set(0);
      assertEquals(100, resume(run, RUN).step());
      assertEquals(100, executable.floats(weight)[0]);
      save(run, 100, 2);
      assertEquals(List.of(10, 100), run.checkpoints());
      assertEquals(List.of(".lock", "checkpoint-10", "checkpoint-100"), names());
    }
  }

  @Test
  void aCheckpointOfAnotherRunSaysWhatDiffers() {
    try (RunDirectory run = claimed(Resume.NO)) {
      save(run, 1, 2);
      String message = refused(ConfigException.class, () -> resume(run, new RunIdentity(Map.of("seed", "43", "batch_size", "8", "steps", "10",
          "training data", "abc"), "x")));
      assertTrue(message.contains("seed was 42, is now 43") && message.contains("training data was (not set), is now abc"), message);
      assertTrue(message.contains("batch_size was 32, is now 8"), "what a run did not say yet was the default: " + message);
      assertFalse(message.contains("steps was"), message);
      message = refused(ConfigException.class, () -> resume(run, new RunIdentity(Map.of("seed", "42"), "x")));
      assertTrue(message.contains("steps was 10, is now (not set)"), message);
      RunIdentity elsewhere = new RunIdentity(RUN.settings(), "cpu: 4 lanes");
      message = refused(ConfigException.class, () -> resume(run, elsewhere));
      assertTrue(message.contains("computed by \"cpu: 8 lanes\", here it would be \"cpu: 4 lanes\"") && message.contains("--other-kernels"), message);
      assertEquals(1, run.resume(executable, List.of(), elsewhere, Resume.ON_OTHER_KERNELS, notes::add).step());
    }
  }

  /** Any flipped bit, cut or missing file of the newest is named, and the one before is taken up; it goes when the next is in place. */
  @Test
  void damageIsNoticedAndTheOneBeforeTaken() throws IOException {
    try (RunDirectory run = claimed(Resume.NO)) {
      set(3);
      save(run, 3, 1);
      set(6);
      save(run, 6, 2);
      for (String file : List.of("state.safetensors", "trainer_state.json", "checksums.json")) {
        Path damaged = path.resolve("checkpoint-6").resolve(file);
        byte[] good = Files.readAllBytes(damaged);
        for (int kind = 0; kind < 3 + good.length; kind++) {
          Files.write(damaged, switch (kind) {
            case 0 -> new byte[0];
            case 1 -> java.util.Arrays.copyOf(good, good.length - 1);
            default -> flipped(good, kind - 2);
          });
          if (kind == 2 + good.length) {
            Files.delete(damaged);
          }
          notes.clear();
          assertEquals(3, resume(run, RUN).step(), file + " " + kind);
          assertEquals(3, executable.floats(weight)[0]);
          assertTrue(notes.size() == 1 && notes.getFirst().contains("checkpoint-6") && notes.getFirst().endsWith("going back to checkpoint-3"),
              notes.toString());
        }
        Files.write(damaged, good);
        assertEquals(6, resume(run, RUN).step());
      }
      Files.delete(path.resolve("checkpoint-6").resolve("checksums.json"));
      save(run, 4, 1);
      assertEquals(List.of(4), run.checkpoints());
      Files.write(path.resolve("checkpoint-4").resolve("state.safetensors"), new byte[8]);
      String message = refused(FormatException.class, () -> resume(run, RUN));
      assertTrue(message.contains("no checkpoint is whole") && message.contains("checkpoint-4"), message);
      save(run, 4, 1);
      assertEquals(4, resume(run, RUN).step());
    }
  }

  private static byte[] flipped(byte[] good, int at) {
    byte[] bytes = good.clone();
    if (at < bytes.length) {
      bytes[at] ^= 1;
    }
    return bytes;
  }

  @Test
  void aCheckpointOfAnotherShapeIsNamed() {
    try (RunDirectory run = claimed(Resume.NO)) {
      save(run, 1, 2);
      try (Executable larger = executable(33)) {
        String message = refused(FormatException.class, () -> run.resume(larger, List.of(), RUN, Resume.EXACTLY, notes::add));
        assertTrue(message.contains("parameters has 16 elements, expected 48"), message);
      }
    }
  }

  /** What a writer that was killed has left goes with the next run, and what it was about to replace comes back. */
  @Test
  void leftoversOfAKillAreClearedUp() throws IOException {
    try (RunDirectory run = claimed(Resume.NO)) {
      save(run, 5, 1);
    }
    Path dead = Files.createDirectory(path.resolve(".lora4j-00000000000000ab.tmp"));
    Files.createDirectory(dead.resolve("old"));
    Files.move(path.resolve("checkpoint-5"), dead.resolve("old").resolve("checkpoint-5"));
    Files.createDirectories(dead.resolve("new"));
    Files.writeString(dead.resolve("new").resolve("state.safetensors"), "half");
    try (RunDirectory run = claimed(Resume.EXACTLY)) {
      assertEquals(5, resume(run, RUN).step());
      assertEquals(List.of(".lock", "checkpoint-5"), names());
    }
  }
}
