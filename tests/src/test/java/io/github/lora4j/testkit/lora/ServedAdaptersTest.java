package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.testkit.TinyBert;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tiny BERT that serves several adapters, each with a head of its own, from one compiled program; and trains one of them. */
class ServedAdaptersTest {

  private static final TaskProgram.Capacity CAPACITY = new TaskProgram.Capacity(40, 6, 12);
  private static final OptimizerSpec ADAMW = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.1, 0.0), 1);

  private static Path dir;

  private final SequenceClassifier task = new SequenceClassifier(ModelDirectory.open(dir).architecture(), 3, Loss.CROSS_ENTROPY);
  private final ModelDescription model = task.description();
  private final CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2));
  private final Checkpoint base = Checkpoint.open(dir);
  private final AdapterSet set = new AdapterSet(model);
  private final Map<String, LoadedAdapter> alone = new HashMap<>();
  private final TokenizedData data = data();

  @BeforeAll
  static void model(@TempDir Path temporary) {
    dir = TinyBert.copyTo(temporary.resolve("model"));
  }

  @BeforeEach
  void threeAdapters() {
    Map<String, Object> random = Map.of("init_lora_weights", false);
    adapter("sql", "lora", Map.of("r", 4, "target_modules", List.of("query", "value"), "task_type", "SEQ_CLS"), random);
    adapter("chat", "lora", Map.of("r", 2, "lora_alpha", 3, "target_modules", List.of("key", "dense"), "lora_bias", true,
        "exclude_modules", List.of("pooler.dense")), random);
    adapter("words", "lora", Map.of("r", 3, "use_rslora", true, "target_modules", List.of("word_embeddings", "query"),
        "task_type", "SEQ_CLS"), random);
  }

  private void adapter(String name, String method, Map<String, Object> settings, Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>(settings);
    all.putAll(more);
    Adapter adapter = AdapterMethod.named(method).create(all, model);
    AdapterValues values = new AdapterValues(adapter.parameters()).initialise(name.hashCode());
    values.readBase(base);
    Random random = new Random(name.hashCode());
    adapter.parameters().stream().filter(p -> p.ofBase() || p.slot().contains("embedding_A") || p.slot().endsWith("lora_E")).forEach(p -> {
      for (int i = 0; i < p.elements(); i++) {
        values.get(p.slot()).setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() / 4);
      }
    });
    alone.put(name, new LoadedAdapter(adapter, values));
    set.add(name, adapter, values);
  }

  @AfterEach
  void close() {
    set.close();
    alone.values().forEach(LoadedAdapter::close);
    base.close();
    backend.close();
  }

  /** Sequences of several lengths; more than one batch holds. */
  private static TokenizedData data() {
    Random random = new Random(5);
    List<int[]> ids = new ArrayList<>();
    List<Target> targets = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      ids.add(random.ints(2 + random.nextInt(10), 1, 97).toArray());
      targets.add(new Target.OneClass(random.nextInt(3)));
    }
    return TokenizedData.of(ids, ids.stream().map(s -> new int[s.length]).toList(), targets);
  }

  private Session open(Adapter adapter, Optional<AdapterValues> values, Optional<OptimizerSpec> optimizer) {
    return Session.open(new Session.Setup(task, List.of(base), CAPACITY, WeightStorage.F32, 1, values, optimizer), adapter, backend);
  }

  private float[][] separately(String name) {
    LoadedAdapter one = alone.get(name);
    try (Session session = open(one.adapter(), Optional.of(one.values()), Optional.empty())) {
      return session.predict(data);
    }
  }

  private float[][] plain() {
    try (Session session = open(Adapter.BASE, Optional.empty(), Optional.empty())) {
      return session.predict(data);
    }
  }

  private static void close(float[][] want, float[][] got) {
    for (int i = 0; i < want.length; i++) {
      assertArrayEquals(want[i], got[i], 2e-5f, "sequence " + i);
    }
  }

  @Test
  void aPackedBatchOfSeveralAdaptersIsTheSeparateRuns() {
    Map<String, float[][]> want = new HashMap<>(Map.of(AdapterSet.BASE, plain()));
    alone.keySet().forEach(name -> want.put(name, separately(name)));
    List<String> names = new ArrayList<>();
    for (int i = 0; i < data.size(); i++) {
      names.add(List.of("sql", "__base__", "words", "chat").get(i % 4));
    }
    try (Session session = open(set.recording(), Optional.empty(), Optional.empty())) {
      float[][] mixed = session.predict(data, set.choices(names));
      for (int i = 0; i < names.size(); i++) {
        assertArrayEquals(want.get(names.get(i))[i], mixed[i], names.get(i).equals(AdapterSet.BASE) ? 0 : 2e-5f, names.get(i) + " " + i);
        boolean differs = Math.abs(want.get(AdapterSet.BASE)[i][0] - mixed[i][0]) > 1e-3;
        assertEquals(!names.get(i).equals(AdapterSet.BASE), differs, "an adapter does something");
      }
      assertThrows(ConfigException.class, () -> session.predict(data, set.choices(List.of("sql"))), "a name for each sequence");
      assertArrayEquals(want.get(AdapterSet.BASE), session.predict(data, disabled(names)), "off is off for all");
    }
  }

  private int[] disabled(List<String> names) {
    return set.disable().choices(names);
  }

  @Test
  void oneProgramFollowsWhateverHappensToTheSet() {
    set.reserve(4, 6, TargetModules.UNSET);
    try (Session session = open(set.recording(), Optional.empty(), Optional.empty())) {
      close(separately("sql"), session.predict(data));
      set.activate("words");
      close(separately("words"), session.predict(data));
      set.disable();
      assertArrayEquals(plain(), session.predict(data), "bit for bit");
      set.enable().activate("chat").delete("words");
      close(separately("chat"), session.predict(data));
      adapter("late", "adalora", Map.of("init_r", 6, "target_r", 2, "target_modules", List.of("query", "key"), "task_type", "SEQ_CLS"),
          Map.of());
      set.activate("late");
      close(separately("late"), session.predict(data));
      LoadedAdapter sql = alone.get("sql");
      set.swap("late", sql.adapter(), sql.values());
      close(separately("sql"), session.predict(data));
    }
  }

  @Test
  void stackedAdaptersAreTheModelThatTheirMergeGives(@TempDir Path temp) {
    set.activate("chat", "sql");
    try (LoadedAdapter merging = set.merging()) {
      LoraMerge.write(base, UnaryOperator.identity(), model, merging.adapter(), merging.values(), temp.resolve("model.safetensors"));
    }
    try (Session session = open(set.recording(), Optional.empty(), Optional.empty());
        Checkpoint merged = Checkpoint.open(temp.resolve("model.safetensors"));
        Session one = Session.open(new Session.Setup(task, List.of(merged), CAPACITY, WeightFormat.F32, 1), Adapter.BASE, backend)) {
      close(one.predict(data), session.predict(data));
    }
  }

  @Test
  void programsWithoutASetRefuseNames() {
    int[] choices = new int[data.size()];
    choices[3] = 1;
    try (Session session = open(Adapter.BASE, Optional.empty(), Optional.empty())) {
      String message = assertThrows(ConfigException.class, () -> session.predict(data, choices)).getMessage();
      assertTrue(message.contains("one adapter for all rows"), message);
    }
    try (Session session = open(set.training("sql"), Optional.of(set.values("sql")), Optional.of(ADAMW))) {
      assertTrue(assertThrows(ConfigException.class, () -> session.predict(data, choices)).getMessage().contains("to be trained"));
    }
  }

  /** Members that are not active neither compute nor change: training is what it is without them. */
  @Test
  void oneTrainsAsIfItWereAlone() {
    byte[] before = bytes("words");
    float[][] want;
    try (Session session = open(alone.get("sql").adapter(), Optional.of(alone.get("sql").values()), Optional.of(ADAMW))) {
      train(session);
      want = session.predict(data);
    }
    try (Session session = open(set.training("sql"), Optional.of(set.values("sql")), Optional.of(ADAMW));
        Session served = open(set.recording(), Optional.empty(), Optional.empty())) {
      train(session);
      assertArrayEquals(want, session.predict(data));
      assertTrue(Math.abs(want[0][0] - served.predict(data)[0][0]) > 1e-4, "the set serves what it was given");
      try (AdapterValues trained = session.adapterValues()) {
        set.swap("sql", set.adapter("sql"), trained);
      }
      close(want, served.predict(data));
    }
    assertArrayEquals(before, bytes("words"));
  }

  /** Another active member computes, frozen, below the one that trains: as if it had been merged into the base model. */
  @Test
  void oneTrainsOnTopOfAnotherThatStays(@TempDir Path temp) {
    byte[] before = bytes("chat");
    set.activate("chat");
    try (LoadedAdapter merging = set.merging()) {
      LoraMerge.write(base, UnaryOperator.identity(), model, merging.adapter(), merging.values(), temp.resolve("model.safetensors"));
    }
    set.activate("sql", "chat");
    try (Checkpoint merged = Checkpoint.open(temp.resolve("model.safetensors"));
        Session on = Session.open(new Session.Setup(task, List.of(merged), CAPACITY, WeightFormat.F32, 1)
            .from(alone.get("sql").values()).training(ADAMW), alone.get("sql").adapter(), backend);
        Session session = open(set.training("sql"), Optional.of(set.values("sql")), Optional.of(ADAMW))) {
      for (int step = 0; step < 2; step++) {
        assertEquals(train(on), train(session), 1e-5);
      }
      float[][] want = on.predict(data);
      float[][] got = session.predict(data);
      for (int i = 0; i < want.length; i++) {
        assertArrayEquals(want[i], got[i], 1e-4f, "sequence " + i);
      }
    }
    assertArrayEquals(before, bytes("chat"));
  }

  private byte[] bytes(String name) {
    return set.values(name).get(set.adapter(name).parameters().getFirst().slot()).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  /** One step on the first batch; its loss. */
  private float train(Session session) {
    PackedBatch batch = new PackedBatch(session.task().in());
    Targets targets = task.targets(session.task().in(), session.task().program());
    for (int i = 0; batch.fits(data.tokens(i)); i++) {
      batch.add(data.sequences().get(i).ids(), data.sequences().get(i).types(), i);
      targets.add(data.examples().get(i).target());
    }
    session.prepare();
    batch.write(session.executable(), 0, 0);
    targets.write(session.executable());
    session.executable().run("accumulate");
    Value hyper = session.task().program().slot(TaskProgram.HYPER).orElseThrow();
    session.executable().write(hyper, new float[] {1e-2f, 1e-2f, 0.1f, 0.001f}, 4);
    session.executable().run("apply");
    return session.executable().floats(session.task().program().slot(TaskProgram.REPORT).orElseThrow())[0];
  }
}
