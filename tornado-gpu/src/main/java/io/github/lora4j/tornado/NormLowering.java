package io.github.lora4j.tornado;

import io.github.lora4j.graph.DecoderOp;
import io.github.lora4j.graph.NormOp;
import io.github.lora4j.tornado.ProductLowering.Operands;
import io.github.lora4j.vector.Kernels;
import java.util.List;

/** Norms of rows, and rotary positions. */
final class NormLowering {

  private NormLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(GpuBinder.of(NormOp.LayerNorm.class, NormLowering::layerNorm),
        GpuBinder.of(NormOp.LayerNormGrad.class, NormLowering::layerNormGrad),
        GpuBinder.of(NormOp.LayerNormParamGrad.class, (o, to) -> {
          o.dgamma().ifPresent(d -> ProductLowering.columnSums(to, o.dy(), new Operands(to.at(o.x()), to.at(o.stats()), -1), Sums.TIMES_NORMAL, d));
          o.dbeta().ifPresent(d -> ProductLowering.columnSums(to, o.dy(), Operands.NONE, Sums.PLAIN, d));
        }),
        GpuBinder.of(NormOp.L2Normalize.class, NormLowering::l2Normalize),
        GpuBinder.of(NormOp.L2NormalizeGrad.class, NormLowering::l2NormalizeGrad),
        GpuBinder.of(DecoderOp.RmsNorm.class, NormLowering::rmsNorm),
        GpuBinder.of(DecoderOp.RmsNormGrad.class, NormLowering::rmsNormGrad),
        GpuBinder.of(DecoderOp.RmsNormParamGrad.class, (o, to) -> ProductLowering.columnSums(to, o.dy(),
            o.dgamma().shape().cols(), new Operands(to.at(o.x()), to.at(o.stats()), -1), Sums.TIMES_RMS_NORMAL, o.dgamma())),
        GpuBinder.of(DecoderOp.Rope.class, (o, to) -> rope(o, to)));
  }

  private static void rope(DecoderOp.Rope o, GpuTasks to) {
    Kernels.Turn turn = o.turn();
    to.flat(Kernel.ROPE, o.x(), turn.heads() * ((turn.headDim() + 1) / 2), (n, c) -> new Descriptors.Rope(n, c, to.at(o.x()),
        to.ints(o.positions()), to.at(o.table()), turn.headDim(), turn.columns(), turn.neighbours() ? 2 : 1,
        turn.neighbours() ? 1 : turn.columns() / 2, to.number(o.inverse() ? -1 : 1), to.at(o.y())));
  }

  private static void layerNorm(NormOp.LayerNorm o, GpuTasks to) {
    to.grouped(Kernel.LAYER_NORM_STATS, o.x(), (n, c) -> new Descriptors.Stats(n, c, to.at(o.x()), to.number(o.eps()), to.at(o.stats())));
    to.rows(Kernel.LAYER_NORM, o.y(), (n, c) -> new Descriptors.LayerNorm(n, c, to.at(o.x()), to.at(o.stats()), to.at(o.gamma()),
        to.at(o.beta()), to.at(o.y())));
  }

  private static void layerNormGrad(NormOp.LayerNormGrad o, GpuTasks to) {
    int sums = to.layout().scratch(2L * o.x().shape().rows());
    to.grouped(Kernel.LAYER_NORM_SUMS, o.x(), (n, c) -> new Descriptors.NormSums(n, c, to.at(o.dy()), to.at(o.x()), to.at(o.stats()),
        to.at(o.gamma()), sums));
    to.rows(Kernel.LAYER_NORM_GRAD, o.dx(), (n, c) -> new Descriptors.NormGrad(n, c, c, to.at(o.dy()), to.at(o.x()), to.at(o.stats()),
        to.at(o.gamma()), o.addend().map(to::at).orElse(-1), sums, to.at(o.dx())));
  }

  private static void l2Normalize(NormOp.L2Normalize o, GpuTasks to) {
    to.grouped(Kernel.REDUCE, o.x(), (n, c) -> new Descriptors.Reduce(n, c, 1, to.at(o.x()), to.at(o.x()), -1, to.number(o.eps()), Rows.NORM,
        to.at(o.norms())));
    to.rows(Kernel.L2_NORMALIZE, o.y(), (n, c) -> new Descriptors.PerRow(n, c, to.at(o.x()), to.at(o.norms()), to.at(o.y())));
  }

  private static void l2NormalizeGrad(NormOp.L2NormalizeGrad o, GpuTasks to) {
    int dots = to.layout().scratch(o.y().shape().rows());
    to.grouped(Kernel.REDUCE, o.y(), (n, c) -> new Descriptors.Reduce(n, c, 1, to.at(o.y()), to.at(o.dy()), -1, -1, Rows.SUM, dots));
    to.rows(Kernel.L2_NORMALIZE_GRAD, o.dx(), (n, c) -> new Descriptors.L2Grad(n, c, to.at(o.dy()), to.at(o.y()), to.at(o.norms()), dots,
        to.at(o.dx())));
  }

  private static void rmsNorm(DecoderOp.RmsNorm o, GpuTasks to) {
    int width = o.gamma().shape().cols();
    int heads = o.stats().shape().cols();
    to.grouped(Kernel.REDUCE, to.count(o.x()), width, heads, (n, c) -> new Descriptors.Reduce(n, c, heads, to.at(o.x()), to.at(o.x()), -1,
        to.number(o.eps()), Rows.RECIPROCAL_RMS, to.at(o.stats())));
    to.rows(Kernel.RMS_NORM, o.y(), (n, c) -> new Descriptors.RmsNorm(n, c, width, to.at(o.x()), to.at(o.stats()), to.at(o.gamma()),
        to.at(o.y())));
  }

  private static void rmsNormGrad(DecoderOp.RmsNormGrad o, GpuTasks to) {
    int width = o.gamma().shape().cols();
    int heads = o.stats().shape().cols();
    int sums = to.layout().scratch((long) o.x().shape().rows() * heads);
    to.grouped(Kernel.REDUCE, to.count(o.x()), width, heads, (n, c) -> new Descriptors.Reduce(n, c, heads, to.at(o.dy()), to.at(o.x()),
        to.at(o.gamma()), -1, Rows.MEAN, sums));
    to.rows(Kernel.RMS_NORM_GRAD, o.dx(), (n, c) -> new Descriptors.NormGrad(n, c, width, to.at(o.dy()), to.at(o.x()), to.at(o.stats()),
        to.at(o.gamma()), o.addend().map(to::at).orElse(-1), sums, to.at(o.dx())));
  }
}
