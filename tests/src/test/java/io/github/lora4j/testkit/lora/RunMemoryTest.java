package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.ForwardingAdapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.testkit.TinyBert;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.session.MemoryForecast;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run holds beside its program, above all one that trains the whole model: it is known before, and saving adds one tensor. */
class RunMemoryTest {

  private static final TaskProgram.Capacity CAPACITY = new TaskProgram.Capacity(40, 6, 12);
  private static final OptimizerSpec SGD = new OptimizerSpec(OptimizerSpec.Kind.SGD, 0, 0, 0, List.of(0.0, 0.0), 0);

  @TempDir
  private Path dir;
  private final Backend backend = new CpuBackend(KernelProvider.select("vector"), new Workers(1));
  private RecordedTask task;
  private Adapter full;
  private Adapter lora;

  @BeforeEach
  void model() {
    task = new SequenceClassifier(ModelDirectory.open(TinyBert.copyTo(dir.resolve("model"))).architecture(), 3, Loss.CROSS_ENTROPY);
    full = AdapterMethod.named("full").create(Map.of("task_type", "SEQ_CLS"), task.description());
    lora = AdapterMethod.named("lora").create(Map.of("r", 4, "target_modules", List.of("query"), "task_type", "SEQ_CLS"), task.description());
  }

  @AfterEach
  void close() {
    backend.close();
  }

  @Test
  void anAdapterIsWrittenTensorByTensor() {
    List<String> read = new ArrayList<>();
    AtomicReference<MemorySegment> last = new AtomicReference<>(MemorySegment.NULL);
    try (AdapterValues values = AdapterValues.from(full.parameters(), (p, target) -> {
      assertFalse(last.get().byteSize() > 0 && last.get().scope().isAlive(), p.slot() + " is asked for while the one before it is still held");
      last.set(target);
      read.add(p.slot());
      target.fill((byte) read.size());
    }, () -> { })) {
      PeftFormat.save(dir.resolve("adapter"), full, values);
    }
    assertEquals(full.parameters().stream().map(AdapterParameter::slot).sorted().toList(), read.stream().sorted().toList());
    try (LoadedAdapter saved = PeftFormat.load(dir.resolve("adapter"), task.description())) {
      assertEquals((byte) 1, saved.values().get(read.getFirst()).get(ValueLayout.JAVA_BYTE, 0));
      assertEquals((byte) read.size(), saved.values().get(read.getLast()).get(ValueLayout.JAVA_BYTE, 3));
    }
  }

  @Test
  void whatIsSavedIsReadWhereTheProgramHasIt() {
    try (Checkpoint base = Checkpoint.open(dir.resolve("model"));
        Session session = Session.open(new Session.Setup(task, List.of(base), CAPACITY, WeightFormat.F32, 1).training(SGD),
            full, backend); AdapterValues here = session.trained();
        LoadedAdapter saved = session.withDrawn(session.onUntouchedBase(here))) {
      String bias = "classifier.bias";
      float[] values = {3, 1, 2};
      session.executable().write(session.task().program().slot(bias).orElseThrow(), values, 3);
      MemorySegment copy = MemorySegment.ofArray(new float[3]);
      saved.values().copyTo(bias, copy);
      assertEquals(-1, copy.mismatch(MemorySegment.ofArray(values)), "it was copied before it was asked for");
    }
  }

  @Test
  void aRunSavesFromTheProgramItself() {
    PreparedRun made = new TrainedRuns(dir.resolve("runs")).prepared("full", "full");
    String bias = "classifier.bias";
    TrainingRun[] running = {null};
    Adapter watched = new ForwardingAdapter(made.adapter()) {
      @Override
      public LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start) {
        Executable executable = running[0].session().executable();
        executable.write(executable.program().slot(bias).orElseThrow(), new float[] {3, 1, 2}, 3);
        return super.onUntouchedBase(values, start);
      }
    };
    try (TrainingRun run = TrainingRun.open(new PreparedRun(made.recipe(), made.directory(), made.program(), watched, made.train(), made.eval(),
        made.notes()), Resume.NO)) {
      running[0] = run;
      run.train();
    }
    try (LoadedAdapter saved = PeftFormat.load(made.recipe().output().resolve("adapter"), made.program().description())) {
      assertArrayEquals(new float[] {3, 1, 2}, saved.values().get(bias).toArray(ValueLayout.JAVA_FLOAT), "the run had copied its parameters before");
    }
  }

  private Map<String, Long> beside(Adapter adapter, boolean given, int microBatches) {
    TaskProgram program = TaskProgram.record(task, adapter, CAPACITY, SGD);
    List<Backend.Allocation> all = MemoryForecast.of(backend, program.program(), CompileOptions.DEFAULT, adapter, given, microBatches,
        _ -> false);
    Map<String, Long> parts = all.stream().collect(Collectors.toMap(Backend.Allocation::purpose, Backend.Allocation::bytes));
    backend.forecast(program.program(), CompileOptions.DEFAULT).forEach(a -> assertEquals(a.bytes(), parts.remove(a.purpose())));
    return parts;
  }

  @Test
  void theForecastCountsWhatLiesBesideTheProgram() {
    long largest = full.parameters().stream().mapToLong(p -> p.elements() * Float.BYTES).max().orElseThrow();
    long all = full.parameters().stream().mapToLong(p -> Memory.align(p.elements() * Float.BYTES)).sum();
    Map<String, Long> whole = beside(full, false, 1);
    assertEquals(largest, whole.get(MemoryForecast.FILES));
    assertTrue(whole.get(MemoryForecast.JAVA) > 50L << 20, whole::toString);
    assertTrue(whole.get(MemoryForecast.COMPILING) > 20L << 20, whole::toString);
    assertEquals(3, whole.size(), whole::toString);

    // Three sums wait at most: of 4, of 2 and of 1 micro-batches.
    long sums = beside(full, false, 8).get(MemoryForecast.SUMS);
    assertTrue(sums >= 3 * all && sums < 3 * all + 1000, sums + " bytes, expected three times " + all);

    assertEquals(largest, beside(full, true, 1).get(MemoryForecast.FILES), "values of a small model lie in memory while Java takes less than later");
    long own = lora.parameters().stream().filter(p -> !p.ofBase()).mapToLong(p -> Memory.align(p.elements() * Float.BYTES)).sum();
    long files = beside(lora, false, 1).get(MemoryForecast.FILES);
    assertTrue(files > 0 && files <= own, files + " bytes for an adapter of " + own);
  }

  @Test
  void theRefusalNamesTheParts() {
    List<Backend.Allocation> forecast = List.of(new Backend.Allocation("activations", 5L << 20), new Backend.Allocation("trainable GRADIENTS",
        7L << 20), new Backend.Allocation(MemoryForecast.SUMS, 2L << 20), new Backend.Allocation(MemoryForecast.FILES, 3L << 20),
        new Backend.Allocation(MemoryForecast.JAVA, 200L << 20));
    MemoryForecast.requireRoom(forecast, 217L << 20);
    String message = assertThrows(ResourceException.class, () -> MemoryForecast.requireRoom(forecast, (217L << 20) - 1)).getMessage();
    assertTrue(message.startsWith("this needs 217 MB of memory, the machine (or its container) has 216 MB: 12 MB for the program (largest: "
        + "trainable GRADIENTS 7 MB, activations 5 MB), sums of micro-batches 2 MB, loading and saving 3 MB, Java itself 200 MB. "), message);
    assertTrue(message.contains("gradient_accumulation"), message);
  }
}
