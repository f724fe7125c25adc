package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.TrainingOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** {@link TrainingOp.OptimizerStep} on the CPU: norm, clipping and update over pieces of the arenas. */
final class CpuOptimizer implements CpuSteps.Step {

  /** Elements of a gradient, from the start of the arena or of what takes its place, and the same elements of the other arenas. */
  private record Piece(MemorySegment used, MemorySegment theta, MemorySegment m, MemorySegment v, MemorySegment max, long from, long to,
      long inArena, int group) {}

  private static final int PIECE = 16384;
  private static final List<Executable.Arena> ARENAS = List.of(Executable.Arena.PARAMETERS, Executable.Arena.MOMENT1,
      Executable.Arena.MOMENT2, Executable.Arena.MOMENT2_MAX);

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
  private final MemorySegment grad;
  private final Workers.Task norm = this::norm;
  private final Workers.Task update = this::update;

  CpuOptimizer(TrainingOp.OptimizerStep op, CpuSteps of) {
    this.spec = op.spec();
    kernels = of.kernels();
    workers = of.workers();
    type = of.floats();
    Program program = of.plan().program();
    List<Piece> list = new ArrayList<>();
    grad = of.arena(Executable.Arena.GRADIENTS);
    for (ParameterLayout.Range range : program.parameters().ranges()) {
      Value instead = op.preconditioned().get(range.gradient());
      // What takes a gradient's place starts at 0, so the other arenas are looked at from the same place on.
      long offset = instead == null ? 0 : range.offset();
      MemorySegment[] arenas = ARENAS.stream().map(arena -> from(of.arena(arena), offset)).toArray(MemorySegment[]::new);
      for (long from = 0; from < range.length(); from += PIECE) {
        long start = range.offset() - offset + from;
        list.add(new Piece(instead == null ? grad : of.s(instead), arenas[0], arenas[1], arenas[2], arenas[3], start,
            start + Math.min(range.length() - from, PIECE), range.offset() + from, range.group()));
      }
    }
    pieces = list.toArray(Piece[]::new);
    squares = new double[pieces.length];
    // A group may be empty: an adapter's groups are fixed, which of them have parameters depends on its settings.
    scalars = new AdamScalars[spec.decay().size()];
    if (program.parameters().groups() > scalars.length) {
      throw new ConfigException("the optimizer has a weight decay for %d parameter groups, the program has %d groups"
          .formatted(scalars.length, program.parameters().groups()));
    }
    for (int g = 0; g < scalars.length; g++) {
      AdamScalars s = new AdamScalars();
      s.beta1 = spec.beta1();
      s.beta2 = spec.beta2();
      s.eps = spec.eps();
      s.decay = spec.decay().get(g);
      s.decoupled = spec.kind() != OptimizerSpec.Kind.ADAM;
      scalars[g] = s;
    }
    hyper = of.s(op.hyper());
    lossSum = of.s(op.lossSum());
    count = of.s(op.count());
    report = of.s(op.report());
  }

  private MemorySegment from(MemorySegment arena, long offset) {
    return arena.byteSize() == 0 ? arena : arena.asSlice(offset * type.bytes());
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
        if (spec.kind() == OptimizerSpec.Kind.LORAFA) {
          // m/(√v + eps) is torch's m/(√v/√bias2 + eps/√bias2), up to the factor √bias2 that the step has; decay after
          // the step shrinks it too.
          scalars[g].eps = spec.eps() / Math.sqrt(scalars[g].biasCorrection2);
          scalars[g].biasCorrection1 /= 1 - scalars[g].lr * scalars[g].decay;
        }
      }
      workers.run(pieces.length, update);
    }
  }

  private void norm(int index, int worker) {
    squares[index] = kernels.sumSquares(grad, pieces[index].inArena, pieces[index].inArena + pieces[index].to - pieces[index].from);
  }

  private void update(int index, int worker) {
    Piece piece = pieces[index];
    AdamScalars s = scalars[piece.group];
    switch (spec.kind()) {
      case SGD -> kernels.sgd(piece.theta, piece.used, piece.m, piece.from, piece.to, s.lr, spec.beta1(), s.decay, s.gradScale, false);
      case AMSGRAD -> kernels.amsgrad(piece.theta, piece.used, piece.m, piece.v, piece.max, piece.from, piece.to, s);
      case ADAM, ADAMW, LORAFA -> kernels.adam(piece.theta, piece.used, piece.m, piece.v, piece.from, piece.to, s);
    }
  }
}
