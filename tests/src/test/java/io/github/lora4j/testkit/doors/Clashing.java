package io.github.lora4j.testkit.doors;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Binder;
import io.github.lora4j.graph.Gradients;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBinder;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Services that take the name of another, or are wrong themselves; none is in a service file here. */
final class Clashing {

  private Clashing() {}

  /** Another family for the toy's model_type. */
  public static final class Family implements ModelFamily {
    @Override
    public Set<String> modelTypes() {
      return Set.of("toy-bag");
    }

    @Override
    public Architecture of(ModelConfig config) {
      return new ToyFamily().of(config);
    }
  }

  /** A family that says it has layers, and records none. */
  public static final class Liar implements ModelFamily {
    @Override
    public Set<String> modelTypes() {
      return Set.of("toy-liar");
    }

    @Override
    public Architecture of(ModelConfig config) {
      return new Layerless(new ToyFamily().of(config));
    }
  }

  private record Layerless(Architecture toy) implements Architecture {
    @Override
    public FamilyFacts facts() {
      return new FamilyFacts(toy.facts().prefix(), toy.facts().classes(), toy.facts().adapters(),
          new FamilyFacts.FileNames(Map.of(), "layers.", "num_layers", Map.of(), List.of()));
    }

    @Override
    public ModelConfig config() {
      return toy.config();
    }

    @Override
    public int vocabSize() {
      return toy.vocabSize();
    }

    @Override
    public int hiddenSize() {
      return toy.hiddenSize();
    }

    @Override
    public int maxPositions() {
      return toy.maxPositions();
    }

    @Override
    public double initializerRange() {
      return toy.initializerRange();
    }

    @Override
    public Rows rowsOf(Head head) {
      return toy.rowsOf(head);
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      return toy.hidden(sites, in, rows);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return toy.logits(sites, head, rows);
    }
  }

  /** The toy task under its own name. */
  public static class Task implements TrainingTask {

    private final TrainingTask toy = new ToyTask();

    @Override
    public String name() {
      return toy.name();
    }

    @Override
    public RecordedTask on(ModelDirectory model, List<String> labels) {
      return toy.on(model, labels);
    }

    @Override
    public Example example(Row row, RowReader reader) {
      return toy.example(row, reader);
    }

    @Override
    public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
      return toy.metrics(judged, targets);
    }

    @Override
    public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
      return toy.prediction(example, outputs, labels);
    }
  }

  /** A task that gives no targets. */
  public static final class Targetless extends Task {
    @Override
    public String name() {
      return "targetless";
    }

    @Override
    public Example example(Row row, RowReader reader) {
      return Example.of(reader.sequence(row), Target.NONE);
    }
  }

  /** A task whose recording has an op that no backend knows. */
  public static final class WithUnbound extends Task {
    @Override
    public String name() {
      return "unbound";
    }

    @Override
    public RecordedTask on(ModelDirectory model, List<String> labels) {
      return new Unbound(new ToyLoss(model.architecture()));
    }
  }

  record UnboundOp(Value x, Value y) implements Op {
    @Override
    public List<Value> inputs() {
      return List.of(x);
    }

    @Override
    public List<Value> outputs() {
      return List.of(y);
    }

    @Override
    public void gradient(Gradients g) {
      g.contribute(x, d -> new UnboundOp(g.grad(y), d));
    }
  }

  private record Unbound(ToyLoss toy) implements RecordedTask {
    @Override
    public String taskType() {
      return toy.taskType();
    }

    @Override
    public Model model() {
      return toy.model();
    }

    @Override
    public Value predict(Sites sites, PackedInputs in) {
      Value x = toy.predict(sites, in);
      Value y = sites.graph().temp("unbound", x.shape());
      sites.graph().record(new UnboundOp(x, y));
      return y;
    }

    @Override
    public Value loss(Graph graph, PackedInputs in, Value predictions) {
      return toy.loss(graph, in, predictions);
    }

    @Override
    public Targets targets(PackedInputs in, Program program) {
      return toy.targets(in, program);
    }

    @Override
    public void countTargets(Graph graph, PackedInputs in, Value total) {
      toy.countTargets(graph, in, total);
    }
  }

  /** The toy format again. */
  public static class Format implements WeightFormat {

    private final WeightFormat toy = new ToyFormat();

    @Override
    public String name() {
      return toy.name();
    }

    @Override
    public int blockValues() {
      return toy.blockValues();
    }

    @Override
    public int blockBytes() {
      return toy.blockBytes();
    }

    @Override
    public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
      toy.decode(blocks, at, floats, to, count);
    }

    @Override
    public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
      toy.encode(floats, from, blocks, at, count);
    }
  }

  /** Reads the byte behind its blocks. */
  public static final class PastItsBlock extends Format {
    @Override
    public String name() {
      return "past";
    }

    @Override
    public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
      super.decode(blocks, at, floats, to, count);
      floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to, blocks.get(ValueLayout.JAVA_BYTE, at + (count + 31L) / 32 * blockBytes()));
    }
  }

  /** Another method of the toy's name. */
  public static class Method implements AdapterMethod {

    private final AdapterMethod toy = new BottleneckMethod();

    @Override
    public String name() {
      return toy.name();
    }

    @Override
    public String peftType() {
      return "TOY_OTHER";
    }

    @Override
    public Adapter create(Map<String, ?> settings, ModelDescription model) {
      return toy.create(settings, model);
    }

    @Override
    public Adapter restore(Map<String, ?> config, ModelDescription model) {
      return toy.restore(config, model);
    }
  }

  /** Another method for the toy's peft_type. */
  public static final class MethodOfType extends Method {
    @Override
    public String name() {
      return "toy-other";
    }

    @Override
    public String peftType() {
      return "TOY_BOTTLENECK";
    }
  }

  /** Another backend of the name "cpu". */
  public static final class Provider implements Backend.Provider {
    @Override
    public String name() {
      return "cpu";
    }

    @Override
    public Backend open(int threads) {
      throw new AssertionError("one of the two was taken in silence");
    }
  }

  /** Another binder of the toy op. */
  public static final class Binders implements Binder.Provider {
    @Override
    public List<Binder<?>> binders() {
      return List.of(CpuBinder.of(ToyOpTest.SignedSquare.class, (o, at) -> () -> { }));
    }
  }
}
