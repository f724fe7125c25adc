package io.github.lora4j.tornado;

import io.github.lora4j.graph.Executable.Arena;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.TrainingOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.List;

/** Sums of losses, and the ends of an optimizer step. */
final class TrainingLowering {

  /** Elements whose squares make one partial of the gradient's norm. */
  private static final int SQUARES = 8192;

  private TrainingLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(GpuBinder.of(TrainingOp.AddSum.class, (o, to) -> to.single(Kernel.ADD_SUM, to.count(o.x()), o.x().shape().cols(), (n, c) ->
            new Descriptors.AddSum(n, c, to.at(o.x()), to.at(o.total())))),
        GpuBinder.of(TrainingOp.CountTargets.class, TrainingLowering::countTargets),
        GpuBinder.of(TrainingOp.OptimizerStep.class, TrainingLowering::optimizer),
        GpuBinder.of(TrainingOp.ClearGradients.class, (o, to) -> {
          clear(to, to.layout().arenaElements(Arena.GRADIENTS), to.layout().arena(Arena.GRADIENTS));
          clear(to, 1, to.at(o.lossSum()));
          clear(to, 1, to.at(o.count()));
        }));
  }

  private static void clear(GpuTasks to, int elements, int at) {
    to.fixed(Kernel.COPY, elements, (n, c) -> new Descriptors.Copy(n, c, -1, at));
  }

  private static void countTargets(TrainingOp.CountTargets o, GpuTasks to) {
    boolean classes = o.loss().filter(loss -> loss == Loss.CROSS_ENTROPY).isPresent();
    int columns = o.loss().isPresent() && !classes ? o.labels().shape().cols() : 1;
    int counted = to.layout().scratch(o.labels().shape().rows());
    to.flat(Kernel.COUNTED, o.labels(), 1, (n, c) -> new Descriptors.Counted(n, c, classes ? to.ints(o.labels()) : -1, to.number(columns), counted));
    to.single(Kernel.ADD_SUM, to.count(o.labels()), 1, (n, c) -> new Descriptors.AddSum(n, c, counted, to.at(o.total())));
  }

  private static void optimizer(TrainingOp.OptimizerStep o, GpuTasks to) {
    Layout layout = to.layout();
    OptimizerSpec spec = o.spec();
    int groups = spec.decay().size();
    if (to.program().parameters().groups() > groups) {
      throw new ConfigException("the optimizer has a weight decay for %d parameter groups, the program has %d groups".formatted(groups,
          to.program().parameters().groups()));
    }
    int elements = layout.arenaElements(Arena.PARAMETERS);
    int pieces = (elements + SQUARES - 1) / SQUARES;
    int squares = layout.scratch(pieces + 1L);
    int go = squares + pieces;
    to.add(Kernel.SQUARES, new Descriptors.Squares(layout.count(1), elements, SQUARES, layout.arena(Arena.GRADIENTS), squares), counts -> pieces);
    to.single(Kernel.REPORT, layout.count(1), pieces, (n, c) -> new Descriptors.Report(n, c, squares, to.at(o.lossSum()), to.at(o.count()),
        to.number(spec.maxNorm()), to.at(o.report()), go));
    double[] constants = new double[3 + groups];
    constants[0] = spec.beta1();
    constants[1] = spec.beta2();
    constants[2] = spec.eps();
    for (int g = 0; g < groups; g++) {
      constants[3 + g] = spec.decay().get(g);
    }
    to.fixed(Kernel.UPDATE, elements, (n, c) -> new Descriptors.Update(n, c, go, to.at(o.report()), to.at(o.hyper()), groups,
        blocks(o, to, elements), Codes.of(spec.kind()), layout.numbers(constants), layout.arena(Arena.PARAMETERS), layout.arena(Arena.MOMENT1),
        layout.arena(Arena.MOMENT2), layout.arena(Arena.MOMENT2_MAX)));
  }

  /** (elements that belong to the parameter, its group, place of its gradient) for each block of the arenas. */
  private static int blocks(TrainingOp.OptimizerStep o, GpuTasks to, int elements) {
    int[] blocks = new int[3 * ((elements + Layout.BLOCK - 1) / Layout.BLOCK)];
    for (ParameterLayout.Range range : to.program().parameters().ranges()) {
      Value used = o.preconditioned().getOrDefault(range.gradient(), range.gradient());
      for (int from = 0; from < range.length(); from += Layout.BLOCK) {
        int block = 3 * Math.toIntExact((range.offset() + from) / Layout.BLOCK);
        blocks[block] = (int) Math.min(Layout.BLOCK, range.length() - from);
        blocks[block + 1] = range.group();
        blocks[block + 2] = to.at(used) + from;
      }
    }
    return to.layout().append(0, blocks);
  }
}
