package io.github.lora4j.bench.peers;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.Activation;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Scanner;
import java.util.stream.IntStream;

/**
 * DJL on libtorch: the training step that lora4j's StepTime makes, with the same shapes; a step for each line on stdin, its seconds on
 * stdout. DJL has no LoRA, so this is what one would write with its arrays and autograd: B(A x) beside the frozen query and value
 * projections of a BERT that classifies sequences, without dropout; AdamW on A, B and the classifier. Attention is written out, because
 * DJL does not offer PyTorch's fused one.
 *
 * <p>Arguments: layers hidden heads intermediate batch length rank threads; {@code --losses} writes each step's loss to stderr.
 */
public final class DjlStep {

  private final NDManager manager = NDManager.newBaseManager(ai.djl.Device.cpu(), "PyTorch");
  private final Map<String, NDArray> weights = new LinkedHashMap<>();
  private final Map<String, NDArray> trained = new LinkedHashMap<>();
  private final Optimizer optimizer = Optimizer.adamW().optLearningRateTracker(Tracker.fixed(1e-3f)).optWeightDecays(0.01f).build();
  private final int layers;
  private final int hidden;
  private final int heads;
  private final int batch;
  private final int length;
  private final NDArray ids;
  private final NDArray labels;

  private DjlStep(int[] sizes) {
    layers = sizes[0];
    hidden = sizes[1];
    heads = sizes[2];
    batch = sizes[4];
    length = sizes[5];
    int rank = sizes[6];
    weights.put("words", uniform(30522, hidden));
    weights.put("positions", uniform(length, hidden));
    norm("embeddings");
    for (int i = 0; i < layers; i++) {
      for (String name : new String[] {"query", "key", "value", "attention"}) {
        linear(i + name, hidden, hidden);
      }
      linear(i + "up", sizes[3], hidden);
      linear(i + "down", hidden, sizes[3]);
      norm(i + "attention");
      norm(i + "down");
      for (String name : new String[] {"query", "value"}) {
        train(i + name + ".A", uniform(rank, hidden));
        train(i + name + ".B", manager.zeros(new Shape(hidden, rank)));
      }
    }
    linear("pooler", hidden, hidden);
    train("classifier.weight", uniform(2, hidden));
    train("classifier.bias", manager.zeros(new Shape(2)));
    ids = manager.randomInteger(0, 30522, new Shape(batch, length), DataType.INT64);
    labels = manager.create(IntStream.range(0, batch).mapToLong(i -> i % 2).toArray());
  }

  private NDArray uniform(long... shape) {
    return manager.randomUniform(-0.035f, 0.035f, new Shape(shape));
  }

  private void linear(String name, int out, int in) {
    weights.put(name + ".weight", uniform(out, in));
    weights.put(name + ".bias", manager.zeros(new Shape(out)));
  }

  private void norm(String name) {
    weights.put(name + ".gamma", manager.ones(new Shape(hidden)));
    weights.put(name + ".beta", manager.zeros(new Shape(hidden)));
  }

  private void train(String name, NDArray value) {
    value.setRequiresGradient(true);
    trained.put(name, value);
  }

  private NDArray project(String name, NDArray x) {
    NDArray y = Linear.linear(x, weights.get(name + ".weight"), weights.get(name + ".bias")).singletonOrThrow();
    NDArray a = trained.get(name + ".A");
    if (a == null) {
      return y;
    }
    NDArray u = Linear.linear(x, a).singletonOrThrow();
    // lora_alpha / r is 2, as in the other programs of this table.
    return y.add(Linear.linear(u, trained.get(name + ".B")).singletonOrThrow().mul(2));
  }

  private NDArray normalize(String name, NDArray x) {
    return LayerNorm.layerNorm(x, new Shape(hidden), weights.get(name + ".gamma"), weights.get(name + ".beta"), 1e-12f).singletonOrThrow();
  }

  private NDArray perHead(NDArray x) {
    return x.reshape(batch, length, heads, hidden / heads).transpose(0, 2, 1, 3);
  }

  /** softmax(q k^T / sqrt(d)) v for each head. */
  private NDArray attend(int layer, NDArray x) {
    NDArray q = perHead(project(layer + "query", x)).mul(1 / Math.sqrt(hidden / heads));
    NDArray k = perHead(project(layer + "key", x)).transpose(0, 1, 3, 2);
    NDArray v = perHead(project(layer + "value", x));
    return q.matMul(k).softmax(-1).matMul(v).transpose(0, 2, 1, 3).reshape(batch, length, hidden);
  }

  private NDArray logits() {
    NDArray words = weights.get("words");
    NDArray x = words.getNDArrayInternal().embedding(ids, words, SparseFormat.DENSE).singletonOrThrow().add(weights.get("positions"));
    x = normalize("embeddings", x);
    for (int i = 0; i < layers; i++) {
      x = normalize(i + "attention", x.add(project(i + "attention", attend(i, x))));
      x = normalize(i + "down", x.add(project(i + "down", Activation.gelu(project(i + "up", x)))));
    }
    NDArray pooled = project("pooler", x.get(new NDIndex(":, 0"))).tanh();
    return Linear.linear(pooled, trained.get("classifier.weight"), trained.get("classifier.bias")).singletonOrThrow();
  }

  /** Forward, backward, AdamW; the loss before it. */
  private float step() {
    float value;
    // The scope frees the step's arrays, which DJL would otherwise keep as long as the weights. AdamW's state outlives it.
    try (NDScope scope = new NDScope(); GradientCollector gradients = Engine.getEngine("PyTorch").newGradientCollector()) {
      scope.suppressNotUsedWarning();
      NDArray loss = Loss.softmaxCrossEntropyLoss().evaluate(new NDList(labels), new NDList(logits()));
      gradients.backward(loss);
      value = loss.getFloat();
    }
    trained.forEach((name, parameter) -> {
      try (NDArray gradient = parameter.getGradient()) {
        optimizer.update(name, parameter, gradient);
      }
    });
    return value;
  }

  public static void main(String[] args) {
    int[] sizes = Arrays.stream(args).filter(a -> !a.startsWith("--")).mapToInt(Integer::parseInt).toArray();
    boolean losses = Arrays.asList(args).contains("--losses");
    Djl library = new Djl(sizes[7]);
    DjlStep model = new DjlStep(sizes);
    System.out.println(library.name() + ", " + JniUtils.getNumThreads() + " thread(s)");
    Scanner in = new Scanner(System.in);
    while (in.hasNextLine()) {
      in.nextLine();
      long start = System.nanoTime();
      float loss = model.step();
      System.out.printf("%.4f%n", (System.nanoTime() - start) / 1e9);
      System.out.flush();
      if (losses || !Float.isFinite(loss)) {
        System.err.println("loss " + loss);
      }
    }
  }
}
