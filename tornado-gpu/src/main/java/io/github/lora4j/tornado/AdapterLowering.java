package io.github.lora4j.tornado;

import io.github.lora4j.graph.AdapterOp;
import io.github.lora4j.tornado.ProductLowering.Operands;
import java.util.List;

/** Ops of adapters. */
final class AdapterLowering {

  private AdapterLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(GpuBinder.of(AdapterOp.ScaleColumns.class, (o, to) -> to.rows(Kernel.SCALE_COLUMNS, o.y(), (n, c) ->
            new Descriptors.ScaleColumns(n, c, to.at(o.x()), to.at(o.scale()), o.center().map(to::at).orElse(-1), to.at(o.y())))),
        GpuBinder.of(AdapterOp.ColumnDots.class, (o, to) -> ProductLowering.columnSums(to, o.dy(),
            new Operands(to.at(o.x()), -1, o.center().map(to::at).orElse(-1)), Sums.TIMES_CENTERED, o.sums())),
        GpuBinder.of(AdapterOp.AddTo.class, (o, to) -> ElementLowering.binary(to, Kernel.ADD, o.x(), o.total(), o.total())),
        GpuBinder.of(AdapterOp.GramPenalty.class, AdapterLowering::gramPenalty),
        GpuBinder.of(AdapterOp.Sensitivity.class, AdapterLowering::sensitivity),
        GpuBinder.of(AdapterOp.Mask.class, (o, to) -> to.rows(Kernel.MASKED, o.theta(), (n, c) ->
            new Descriptors.Masked(n, c, to.at(o.theta()), to.at(o.mask())))),
        GpuBinder.of(AdapterOp.DoraNorm.class, (o, to) -> to.fixed(Kernel.DORA_NORM, o.b().shape().rows(), (n, c) -> new Descriptors.DoraNorm(n, c,
            to.at(o.norms()), to.at(o.m()), to.at(o.b()), to.at(o.t()), o.b().shape().cols(), to.number(o.scaling()), to.at(o.inverse())))));
  }

  private static void gramPenalty(AdapterOp.GramPenalty o, GpuTasks to) {
    int r = o.gram().shape().rows();
    int square = to.layout().scratch(1);
    to.fixed(Kernel.GRAM_EXCESS, r * r, (n, c) -> new Descriptors.GramExcess(n, c, to.at(o.gram()), r, to.at(o.factor())));
    to.single(Kernel.SQUARES, to.layout().count(1), r * r, (n, c) -> new Descriptors.Squares(n, c, r * r, to.at(o.factor()), square));
    to.fixed(Kernel.GRAM_PENALTY, r * r, (n, c) -> new Descriptors.GramPenalty(n, c, square, to.number(o.weight()), to.at(o.count()),
        o.first() ? 0 : 1, to.at(o.penalty()), to.at(o.factor())));
  }

  private static void sensitivity(AdapterOp.Sensitivity o, GpuTasks to) {
    int importance = to.at(o.importance());
    int uncertainty = to.at(o.uncertainty());
    to.rows(Kernel.SENSITIVITY, o.theta(), (n, c) -> new Descriptors.Sensitivity(n, c, to.at(o.theta()), to.at(o.grad()), to.at(o.report()),
        to.number(o.beta1()), to.number(o.beta2()), importance, uncertainty));
    if (o.byColumn()) {
      to.fixed(Kernel.COLUMN_SCORES, o.theta().shape().cols(), (n, c) -> new Descriptors.ColumnScores(n, c, importance, uncertainty,
          o.theta().shape().rows(), o.first() ? 0 : 1, to.at(o.scores())));
    } else {
      to.grouped(Kernel.REDUCE, o.theta(), (n, c) -> new Descriptors.Reduce(n, c, 1, importance, uncertainty, -1, -1,
          o.first() ? Rows.MEAN : Rows.MEAN_ADDED, to.at(o.scores())));
    }
  }
}
