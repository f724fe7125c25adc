package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.Packer;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/** Training steps on batches as TRL fed them: micro-batches of examples, packed as training packs them. */
final class GoldenSteps implements AutoCloseable {

  private final Session session;
  private final Packer packer;
  private final OptimizerSpec optimizer;
  private int done;

  /**
   * Opens the model of a case.
   *
   * @param batches all that will be fed, for the room they need
   */
  GoldenSteps(Path model, RecordedTask task, LoadedAdapter adapter, OptimizerSpec optimizer, List<TokenizedData> batches, Backend backend) {
    this.optimizer = optimizer;
    session = open(model, task, adapter.adapter(), Optional.of(adapter.values()), Optional.of(optimizer), batches, backend);
    packer = new Packer(task, session);
  }

  /** Of a session that is open. */
  GoldenSteps(Session session, RecordedTask task, OptimizerSpec optimizer) {
    this.session = session;
    this.optimizer = optimizer;
    packer = new Packer(task, session);
  }

  /** A session with room for these batches. */
  static Session open(Path model, RecordedTask task, Adapter adapter, Optional<AdapterValues> values, Optional<OptimizerSpec> optimizer,
      List<TokenizedData> batches, Backend backend) {
    int tokens = batches.stream().mapToInt(batch -> (int) batch.tokens()).max().orElseThrow();
    int sequences = batches.stream().mapToInt(batch -> batch.sequences().size()).max().orElseThrow();
    int longest = batches.stream().mapToInt(TokenizedData::longest).max().orElseThrow();
    try (Checkpoint base = Checkpoint.open(model)) {
      TaskProgram.Capacity capacity = new TaskProgram.Capacity(tokens + 3, sequences + (sequences & 1) + 2, longest, true);
      return Session.open(new Session.Setup(task, List.of(base), capacity, WeightStorage.F32, 1, values, optimizer), adapter, backend);
    }
  }

  static OptimizerSpec adamW(double beta1, double beta2, double eps, double decay, double clip, int groups) {
    return new OptimizerSpec(OptimizerSpec.Kind.ADAMW, beta1, beta2, eps, Collections.nCopies(groups, decay), clip);
  }

  /** Runs the micro-batches of a step, up to the update. */
  void accumulate(List<TokenizedData> microBatches) {
    session.prepare();
    for (TokenizedData batch : microBatches) {
      int[] order = IntStream.range(0, batch.size()).toArray();
      packer.together(batch, order, 0, batch.size());
      assertEquals(batch.size(), packer.fill(batch, order, 0, batch.size(), 0, 0));
      session.executable().run("accumulate");
    }
  }

  /** What the loss judges of a batch, as metrics see it, before the update. */
  List<float[]> measured(TokenizedData batch) {
    int[] order = IntStream.range(0, batch.size()).toArray();
    packer.together(batch, order, 0, batch.size());
    packer.fill(batch, order, 0, batch.size(), 0, 0);
    session.executable().run(TaskProgram.EVALUATE);
    return packer.kept(session.executable().floats(session.task().evaluated().orElseThrow().judged()),
        session.task().evaluated().orElseThrow().judged().shape().cols());
  }

  /** The loss of each example of a batch. */
  float[] rowLosses(TokenizedData batch) {
    measured(batch);
    return session.executable().floats(session.task().evaluated().orElseThrow().rowLoss());
  }

  /** Updates; returns loss and gradient norm. */
  float[] apply(double rate) {
    Executable executable = session.executable();
    int groups = session.adapter().groups().size();
    float[] hyper = new float[groups + 2];
    java.util.Arrays.fill(hyper, 0, groups, (float) rate);
    done++;
    hyper[groups] = (float) (1 - Math.pow(optimizer.beta1(), done));
    hyper[groups + 1] = (float) (1 - Math.pow(optimizer.beta2(), done));
    executable.write(session.task().program().slot(TaskProgram.HYPER).orElseThrow(), hyper, hyper.length);
    executable.run("apply");
    return executable.floats(session.task().program().slot(TaskProgram.REPORT).orElseThrow());
  }

  /** The gradients that are summed so far, divided by what was counted. */
  Map<String, float[]> gradients() {
    double count = session.executable().floats(session.task().program().slot("count").orElseThrow())[0];
    return floats(ParameterLayout.Range::gradient, 1 / count);
  }

  /** The parameters. */
  Map<String, float[]> parameters() {
    return floats(ParameterLayout.Range::value, 1);
  }

  private Map<String, float[]> floats(java.util.function.Function<ParameterLayout.Range, Value> of, double factor) {
    Map<String, float[]> all = new HashMap<>();
    for (ParameterLayout.Range range : session.task().program().parameters().ranges()) {
      float[] values = session.executable().floats(of.apply(range));
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (values[i] * factor);
      }
      all.put(range.value().name(), values);
    }
    return all;
  }

  /** Compares with recorded tensors, to a part of each one's largest value. */
  static void close(Checkpoint recorded, String prefix, Map<String, float[]> ours, double factor) {
    Map<String, String> names = GoldenCases.bySlot(recorded.names(), prefix);
    assertEquals(names.keySet(), ours.keySet(), prefix);
    double largest = names.values().stream().mapToDouble(name -> Numbers.max(Numbers.floats(recorded, name))).max().orElseThrow();
    names.forEach((slot, name) -> {
      float[] want = Numbers.floats(recorded, name);
      float[] got = ours.get(slot).clone();
      for (int i = 0; i < got.length; i++) {
        got[i] = (float) (got[i] * factor);
      }
      Numbers.assertClose(want, got, 1e-4 * Math.max(Numbers.max(want), 1e-3 * largest), name);
    });
  }

  /** A relative tolerance of 1e-4, as absolute where a number is small. */
  static void close(double want, double got, String what) {
    assertEquals(want, got, 1e-4 * Math.max(Math.abs(want), 1e-2), what);
  }

  static int[] ints(JsonNode row) {
    return StreamSupport.stream(row.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @Override
  public void close() {
    session.close();
  }
}
