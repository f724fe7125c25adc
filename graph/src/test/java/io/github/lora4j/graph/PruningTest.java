package io.github.lora4j.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.Loss;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Only gradients that reach a trainable are recorded, and arithmetic is counted by the formulas of the field. */
class PruningTest {

  private static final int T = 16;
  private static final int H = 12;
  private static final int F = 20;
  private static final int R = 3;

  /** A pre-norm stack whose queries and values are adapted from layer {@code first} on. */
  private static Program.Entry stack(int layers, int first, boolean full) {
    ProgramBuilder b = new ProgramBuilder();
    RowAxis tokens = b.axis("tokens", T);
    Value segments = b.table("segments", Shape.of(2, 5));
    Graph g = b.entry("step");
    Value x = b.input("x", Shape.of(tokens, H));
    for (int i = 0; i < layers; i++) {
      Value in = x;
      String l = "layer." + i;
      boolean adapted = !full && i >= first;
      x = g.region(l, () -> {
        Value q = linear(g, l + ".q", in, H, adapted, full);
        Value k = linear(g, l + ".k", in, H, false, full);
        Value v = linear(g, l + ".v", in, H, adapted, full);
        Value a = g.attention(new AttentionSpec(2, 2, H / 2, 1, false), q, k, v, segments, T);
        Value y = g.add(linear(g, l + ".o", a, H, false, full), in);
        Value up = g.activate(Activation.GELU, linear(g, l + ".up", y, F, false, full));
        return g.add(linear(g, l + ".down", up, H, false, full), y);
      });
    }
    g.backward(g.loss(Loss.MSE, x, b.input("labels", Shape.of(tokens, H))));
    return b.build().entries().get("step");
  }

  private static Value linear(Graph g, String name, Value x, int out, boolean adapted, boolean trains) {
    Shape shape = Shape.of(out, x.shape().cols());
    Value w = trains ? g.program().trainable(name, shape, 0) : g.program().frozen(name, shape);
    Value y = g.linear(x, w);
    if (!adapted) {
      return y;
    }
    Value h = g.linear(x, g.program().trainable(name + ".A", Shape.of(R, x.shape().cols()), 0));
    return g.linearOnto(h, g.program().trainable(name + ".B", Shape.of(out, R), 0), y, 2);
  }

  private static <T extends Op> List<T> ops(Program.Entry entry, Class<T> kind) {
    return entry.nodes().stream().map(Program.Node::op).filter(kind::isInstance).map(kind::cast).toList();
  }

  @Test
  void productsOfAnAdaptedStackAreThoseOfTheFormula() {
    for (int layers : new int[] {1, 2, 5}) {
      Program.Entry entry = stack(layers, 0, false);
      assertEquals(10 * layers, ops(entry, ProductOp.Linear.class).size());
      // B, A of q and v in each layer; nothing else trains.
      assertEquals(4 * layers, ops(entry, ProductOp.LinearWeightGrad.class).size());
      // A layer: down, up, o, then W, A, B of q and v, and k. The lowest ends at the outputs of its A: only down, up, o and both B.
      assertEquals(10 * (layers - 1) + 5, ops(entry, ProductOp.LinearInputGrad.class).size());
      assertEquals(layers, ops(entry, AttentionOp.AttentionGrad.class).size());
      assertTrue(ops(entry, AttentionOp.AttentionGrad.class).getLast().dk().isEmpty(), "the keys of the lowest layer depend on nothing that trains");
    }
  }

  @Test
  void nothingIsRecordedBelowTheFirstAdaptedSite() {
    Program.Entry entry = stack(5, 3, false);
    Set<String> kinds = Set.of("LinearInputGrad", "LinearWeightGrad", "AttentionGrad", "ActivateGrad", "Add");
    Stream<Program.Node> backward = entry.nodes().stream().dropWhile(node -> !(node.op() instanceof TrainingOp.RowLoss)).skip(1);
    List<Program.Node> gradients = backward.filter(node -> kinds.contains(node.op().getClass().getSimpleName())).toList();
    assertTrue(gradients.stream().anyMatch(node -> node.region().equals("layer.3")));
    assertTrue(gradients.stream().allMatch(node -> Set.of("layer.3", "layer.4", "").contains(node.region())), () -> "" + gradients);
    assertEquals(10 + 5, ops(entry, ProductOp.LinearInputGrad.class).size());
  }

  @Test
  void everyGradientThatIsRecordedIsRead() {
    for (boolean full : new boolean[] {false, true}) {
      Program.Entry entry = stack(3, 1, full);
      List<Value> read = entry.nodes().stream().flatMap(node -> node.op().inputs().stream()).toList();
      entry.nodes().stream().filter(node -> node.op().getClass().getSimpleName().endsWith("Grad")).flatMap(node -> node.op().outputs().stream())
          .filter(out -> !out.slot()).forEach(out -> assertTrue(read.contains(out), () -> out + " is computed for nobody"));
    }
  }

  @Test
  void arithmeticIsCountedByTheFormula() {
    int layers = 4;
    long weights = 4L * H * H + 2L * H * F;
    long forward = layers * (2L * T * weights + 4L * T * T * H);
    Program.Entry full = stack(layers, 0, true);
    long linears = ops(full, ProductOp.Linear.class).stream().mapToLong(Op::flops).sum();
    assertEquals(layers * 2L * T * weights, linears);
    assertEquals(forward, linears + ops(full, AttentionOp.Attention.class).stream().mapToLong(Op::flops).sum());
    // Weight gradients as much as forward; input gradients too, but for q, k and v of the lowest layer.
    assertEquals(linears, ops(full, ProductOp.LinearWeightGrad.class).stream().mapToLong(Op::flops).sum());
    assertEquals(linears - 2L * T * 3 * H * H, ops(full, ProductOp.LinearInputGrad.class).stream().mapToLong(Op::flops).sum());
    // Scores and their gradient again, then q, k, v: five products of the size of which forward has two.
    assertEquals(layers * 4L * T * T * H * 5 / 2, ops(full, AttentionOp.AttentionGrad.class).stream().mapToLong(Op::flops).sum());
    assertEquals(full.nodes().stream().mapToLong(node -> node.op().flops()).sum(), full.flops());
    long adapters = layers * 2 * 2L * T * (H * R + R * H);
    assertEquals(forward + adapters, ops(stack(layers, 0, false), ProductOp.Linear.class).stream().mapToLong(Op::flops).sum()
        + layers * 4L * T * T * H);
  }

  @Test
  void describeTellsEveryOpWithItsRegion() {
    ProgramBuilder b = new ProgramBuilder();
    Graph g = b.entry("run");
    g.region("head", () -> g.scale(b.input("x", Shape.of(2, 3)), 2));
    assertTrue(b.build().describe().contains("Scale"));
    assertTrue(b.build().describe().contains("head"));
  }

  @Test
  void trainablesStartOnCacheLinesAndKeepTheirGroup() {
    ProgramBuilder b = new ProgramBuilder();
    b.trainable("a", Shape.of(3, 3), 0);
    b.trainable("b", Shape.of(4, 4), 2);
    b.trainable("c", Shape.vector(1), 1);
    ParameterLayout layout = b.build().parameters();
    assertEquals(List.of(0L, 16L, 32L), layout.ranges().stream().map(ParameterLayout.Range::offset).toList());
    assertEquals(48, layout.elements());
    assertEquals(26, layout.trainable());
    assertEquals(3, layout.groups());
  }

  /** Norms and activations are computed again for the gradients of weights, so their results are not kept through all layers. */
  @Test
  void resultsOfNormsAndActivationsAreNotKept() {
    ProgramBuilder b = new ProgramBuilder();
    RowAxis tokens = b.axis("tokens", T);
    Graph g = b.entry("step");
    Value given = b.input("x", Shape.of(tokens, H));
    Value x = linear(g, "first", given, H, true, false);
    Value norm = g.layerNorm(x, b.frozen("norm.weight", Shape.vector(H)), b.frozen("norm.bias", Shape.vector(H)), 1e-5);
    Value up = g.activate(Activation.GELU, linear(g, "up", norm, F, true, false));
    Value rms = g.rmsNorm(linear(g, "down", up, H, true, false), b.frozen("rms.weight", Shape.vector(H)), 1e-5);
    g.backward(g.loss(Loss.MSE, linear(g, "head", rms, H, true, false), b.input("labels", Shape.of(tokens, H))));
    List<Op> ops = b.build().entries().get("step").nodes().stream().map(Program.Node::op).toList();
    int loss = ops.indexOf(ops.stream().filter(TrainingOp.RowLoss.class::isInstance).findFirst().orElseThrow());
    for (Value forward : List.of(norm, up, rms)) {
      assertTrue(ops.subList(loss, ops.size()).stream().noneMatch(op -> op.inputs().contains(forward)), () -> forward + " is read by a gradient");
      Op again = ops.subList(loss, ops.size()).stream().filter(op -> op.outputs().stream().anyMatch(v -> v.name().equals(forward.name() + ".again")))
          .findFirst().orElseThrow();
      Op first = ops.stream().filter(op -> op.outputs().contains(forward)).findFirst().orElseThrow();
      assertEquals(first.getClass(), again.getClass());
      assertEquals(first.inputs(), again.inputs());
    }
    // What comes from outside, or from an op whose input nobody keeps, is read where it lies.
    assertTrue(ops.stream().anyMatch(op -> op instanceof ProductOp.LinearWeightGrad grad && grad.x().equals(given)));
  }
}
