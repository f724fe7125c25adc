package io.github.lora4j.tornado;

import io.github.lora4j.graph.AttentionOp;
import java.util.List;

/** Attention and its gradients: one kernel, described four ways. */
final class AttentionLowering {

  private AttentionLowering() {}

  /** Places of a kernel's operands, −1 where it has none: of the scores, of the second product, values, delta, result. */
  private record Operands(int own, int other, int ownSecond, int otherSecond, int values, int delta, int out) {}

  static List<GpuBinder<?>> binders() {
    return List.of(new Forward(), GpuBinder.of(AttentionOp.AttentionGrad.class, AttentionLowering::gradient),
        GpuBinder.of(AttentionOp.AttentionBiasGrad.class, AttentionLowering::biasGradient));
  }

  private static final class Forward implements GpuBinder.Segmented<AttentionOp.Attention> {
    @Override
    public Class<AttentionOp.Attention> op() {
      return AttentionOp.Attention.class;
    }

    @Override
    public AttentionOp.Attention segments(AttentionOp.Attention o) {
      return o;
    }

    @Override
    public void lower(AttentionOp.Attention o, GpuTasks to) {
      heads(to, Kernel.ATTENTION, o, true, new Operands(to.at(o.q()), to.at(o.k()), -1, -1, to.at(o.v()), -1, to.at(o.out())));
    }
  }

  private static void gradient(AttentionOp.AttentionGrad grad, GpuTasks to) {
    AttentionOp.Attention o = grad.forward();
    int q = to.at(o.q());
    int k = to.at(o.k());
    int v = to.at(o.v());
    int dout = to.at(grad.dout());
    int delta = to.layout().scratch((long) o.q().shape().rows() * o.spec().heads());
    if (grad.dq().isPresent() || grad.dk().isPresent()) {
      heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(q, k, dout, v, -1, delta, -1));
    }
    grad.dq().ifPresent(dq -> heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(q, k, dout, v, k, delta, to.at(dq))));
    grad.dk().ifPresent(dk -> heads(to, Kernel.ATTENTION_GRAD, o, false, new Operands(k, q, v, dout, q, delta, to.at(dk))));
    grad.dv().ifPresent(dv -> heads(to, Kernel.ATTENTION_GRAD, o, false, new Operands(k, q, -1, -1, dout, delta, to.at(dv))));
  }

  private static int cap(AttentionOp.Attention o, GpuTasks to) {
    return o.spec().softCap() == 0 ? -1 : to.number(o.spec().softCap());
  }

  /** First element of the row of the bias for distance 0. */
  private static int middle(AttentionOp.Attention o, GpuTasks to) {
    return o.bias().map(b -> to.at(b) + b.shape().rows() / 2 * o.spec().heads()).orElse(-1);
  }

  private static void biasGradient(AttentionOp.AttentionBiasGrad grad, GpuTasks to) {
    AttentionOp.Attention o = grad.forward();
    int delta = to.layout().scratch((long) o.q().shape().rows() * o.spec().heads());
    heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(to.at(o.q()), to.at(o.k()), to.at(grad.dout()), to.at(o.v()), -1, delta, -1));
    SegmentMap map = to.layout().segmentMap(o);
    int rows = grad.dBias().shape().rows();
    to.fixed(Kernel.ATTENTION_BIAS_GRAD, rows * o.spec().heads(), (n, c) -> new Descriptors.HeadBias(n, c, to.count(o.q()), o.spec().heads(),
        o.spec().kvHeads(), o.spec().headDim(), rows / 2, to.number(o.spec().scale()), cap(o, to), middle(o, to), Math.toIntExact(map.low()),
        Math.toIntExact(map.high()), Math.toIntExact(map.diagonal()), to.at(o.q()), to.at(o.k()), to.at(o.v()), to.at(grad.dout()), to.at(o.lse()),
        delta, to.at(grad.dBias())));
  }

  /**
   * A kernel of {@link Attending}.
   *
   * @param byQuery whether a group's own rows are queries; else keys
   */
  private static void heads(GpuTasks to, Kernel kernel, AttentionOp.Attention o, boolean byQuery, Operands with) {
    int heads = byQuery ? o.spec().heads() : o.spec().kvHeads();
    int otherHeads = byQuery ? o.spec().kvHeads() : o.spec().heads();
    int shared = o.spec().heads() / o.spec().kvHeads();
    int size = o.spec().headDim();
    int count = to.count(byQuery ? o.q() : o.k());
    SegmentMap map = to.layout().segmentMap(o);
    to.add(kernel, new Descriptors.Heads(count, heads, size, otherHeads, byQuery ? 1 : shared, byQuery ? shared : 1, byQuery ? 1 : shared,
        to.number(o.spec().scale()), cap(o, to), middle(o, to), Math.toIntExact(map.low()), Math.toIntExact(map.high()),
        Math.toIntExact(map.diagonal()), Math.toIntExact(byQuery ? map.queryRanges() : map.keyRanges()), with.own, with.other, with.ownSecond,
        with.otherSecond, with.values,
        to.at(o.lse()), with.delta, with.out, byQuery ? 1 : 0), counts -> Attending.groups(counts.applyAsInt(count), heads, size, with.values < 0));
  }
}
