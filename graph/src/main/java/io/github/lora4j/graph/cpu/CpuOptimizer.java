package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** {@link Op.OptimizerStep} on the CPU: norm, clipping and update over pieces of the arenas. */
final class CpuOptimizer implements CpuSteps.Step {

  private record Piece(long from, long to, int group) {}

  private static final int PIECE = 16384;

  private final Op.OptimizerStep op;
  private final OptimizerSpec spec;
  private final Kernels kernels;
  private final Workers workers;
  private final DType type;
  private final Piece[] pieces;
  private final double[] squares;
  private final AdamScalars[] scalars;
  private final MemorySegment hyper;
  private final MemorySegment lossSum;
  private final MemorySegment count;
  private final MemorySegment report;
  private final MemorySegment theta;
  private final MemorySegment grad;
  private final MemorySegment m;
  private final MemorySegment v;
  private final Workers.Task norm = this::norm;
  private final Workers.Task update = this::update;

  CpuOptimizer(Op.OptimizerStep op, CpuExecutable of, CpuPlan plan, Kernels kernels, Workers workers) {
    this.op = op;
    this.spec = op.spec();
    this.kernels = kernels;
    this.workers = workers;
    type = plan.floats();
    List<Piece> list = new ArrayList<>();
    for (ParameterLayout.Range range : plan.program().parameters().ranges()) {
      for (long from = 0; from < range.length(); from += PIECE) {
        list.add(new Piece(range.offset() + from, range.offset() + Math.min(range.length(), from + PIECE), range.group()));
      }
    }
    pieces = list.toArray(Piece[]::new);
    squares = new double[pieces.length];
    // A group may be empty: an adapter's groups are fixed, which of them have parameters depends on its settings.
    scalars = new AdamScalars[spec.decay().size()];
    if (plan.program().parameters().groups() > scalars.length) {
      throw new ConfigException("the optimizer has a weight decay for %d parameter groups, the program has %d groups"
          .formatted(scalars.length, plan.program().parameters().groups()));
    }
    for (int g = 0; g < scalars.length; g++) {
      AdamScalars s = new AdamScalars();
      s.beta1 = spec.beta1();
      s.beta2 = spec.beta2();
      s.eps = spec.eps();
      s.decay = spec.decay().get(g);
      s.decoupled = spec.kind() == OptimizerSpec.Kind.ADAMW;
      scalars[g] = s;
    }
    hyper = of.segment(op.hyper());
    lossSum = of.segment(op.lossSum());
    count = of.segment(op.count());
    report = of.segment(op.report());
    theta = of.arena(Executable.Arena.PARAMETERS);
    grad = of.arena(Executable.Arena.GRADIENTS);
    m = of.arena(Executable.Arena.MOMENT1);
    v = of.arena(Executable.Arena.MOMENT2);
  }

  @Override
  public void run() {
    double targets = Storage.get(count, type, 0);
    double inverse = targets == 0 ? 0 : 1 / targets;
    workers.run(pieces.length, norm);
    double sum = 0;
    for (double square : squares) {
      sum += square;
    }
    double gradientNorm = Math.sqrt(sum) * inverse;
    double clip = spec.maxNorm() > 0 ? Math.min(1, spec.maxNorm() / (gradientNorm + 1e-6)) : 1;
    double loss = Storage.get(lossSum, type, 0) * inverse;
    Storage.set(report, type, 0, loss);
    Storage.set(report, type, 1, gradientNorm);
    Storage.set(report, type, 2, inverse * clip);
    if (targets > 0 && Double.isFinite(gradientNorm) && Double.isFinite(loss)) {
      for (int g = 0; g < scalars.length; g++) {
        scalars[g].lr = Storage.get(hyper, type, g);
        scalars[g].gradScale = inverse * clip;
        scalars[g].biasCorrection1 = Storage.get(hyper, type, scalars.length);
        scalars[g].biasCorrection2 = Storage.get(hyper, type, scalars.length + 1);
      }
      workers.run(pieces.length, update);
    }
  }

  private void norm(int index, int worker) {
    squares[index] = kernels.sumSquares(grad, pieces[index].from, pieces[index].to);
  }

  private void update(int index, int worker) {
    Piece piece = pieces[index];
    AdamScalars s = scalars[piece.group];
    if (spec.kind() == OptimizerSpec.Kind.SGD) {
      kernels.sgd(theta, grad, m, piece.from, piece.to, s.lr, spec.beta1(), s.decay, s.gradScale, false);
    } else {
      kernels.adam(theta, grad, m, v, piece.from, piece.to, s);
    }
  }
}
