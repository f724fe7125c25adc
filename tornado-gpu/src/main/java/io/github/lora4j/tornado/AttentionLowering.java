package io.github.lora4j.tornado;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Value;
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
      heads(to, Kernel.ATTENTION, o, true, new Operands(to.at(o.q()), to.at(o.k()), -1, -1, to.at(o.v()), -1, to.at(o.out())),
          DistanceTables.terms(o, to));
    }
  }

  private static void gradient(AttentionOp.AttentionGrad grad, GpuTasks to) {
    AttentionOp.Attention o = grad.forward();
    int q = to.at(o.q());
    int k = to.at(o.k());
    int v = to.at(o.v());
    int dout = to.at(grad.dout());
    DistanceTables terms = DistanceTables.terms(o, to);
    int delta = to.layout().scratch((long) o.q().shape().rows() * o.spec().heads());
    boolean spreads = grad.dq().isPresent() && o.by().keys().isPresent() || grad.dk().isPresent() && o.by().queries().isPresent();
    if (grad.dq().isPresent() || grad.dk().isPresent()) {
      delta(grad.forward(), grad.dout(), delta, terms, to);
    }
    if (spreads) {
      DistanceTables grads = terms.gradients(o, grad.dq().isPresent() && o.by().keys().isPresent(),
          grad.dk().isPresent() && o.by().queries().isPresent(), to);
      int dq = to.at(grad.dq().orElseGet(() -> to.temp(o.q().shape())));
      heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(q, k, dout, v, k, delta, dq), grads);
      grad.dq().ifPresent(d -> grads.addToQueries(o, d, to));
      grad.dk().ifPresent(dk -> heads(to, Kernel.ATTENTION_GRAD, o, false, new Operands(k, q, v, dout, q, delta, to.at(dk)), terms));
      grad.dk().ifPresent(d -> grads.addToKeys(o, d, to));
    } else {
      grad.dq().ifPresent(dq -> heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(q, k, dout, v, k, delta, to.at(dq)), terms));
      grad.dk().ifPresent(dk -> heads(to, Kernel.ATTENTION_GRAD, o, false, new Operands(k, q, v, dout, q, delta, to.at(dk)), terms));
    }
    grad.dv().ifPresent(dv -> heads(to, Kernel.ATTENTION_GRAD, o, false, new Operands(k, q, -1, -1, dout, delta, to.at(dv)), terms));
  }

  private static void delta(AttentionOp.Attention o, Value dout, int delta, DistanceTables terms, GpuTasks to) {
    heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(to.at(o.q()), to.at(o.k()), to.at(dout), to.at(o.v()), -1, delta, -1), terms);
  }

  private static int cap(AttentionOp.Attention o, GpuTasks to) {
    return o.spec().softCap() == 0 ? -1 : to.number(o.spec().softCap());
  }

  /** First element of the row of the bias for distance 0. */
  private static int middle(AttentionOp.Attention o, GpuTasks to) {
    return o.by().bias().map(b -> to.at(b) + b.shape().rows() / 2 * o.spec().heads()).orElse(-1);
  }

  private static void biasGradient(AttentionOp.AttentionBiasGrad grad, GpuTasks to) {
    AttentionOp.Attention o = grad.forward();
    DistanceTables terms = DistanceTables.terms(o, to);
    int delta = to.layout().scratch((long) o.q().shape().rows() * o.spec().heads());
    delta(o, grad.dout(), delta, terms, to);
    grad.dBy().bias().ifPresent(dBias -> numbers(grad, dBias, delta, terms, to));
    if (grad.dBy().vectors()) {
      DistanceTables grads = terms.gradients(o, grad.dBy().keys().isPresent(), grad.dBy().queries().isPresent(), to);
      heads(to, Kernel.ATTENTION_GRAD, o, true, new Operands(to.at(o.q()), to.at(o.k()), to.at(grad.dout()), to.at(o.v()), to.at(o.k()), delta,
          to.at(to.temp(o.q().shape()))), grads);
      grad.dBy().keys().ifPresent(d -> grads.ofKeys(o, d, to));
      grad.dBy().queries().ifPresent(d -> grads.ofQueries(o, d, to));
    }
  }

  private static void numbers(AttentionOp.AttentionBiasGrad grad, Value dBias, int delta, DistanceTables terms, GpuTasks to) {
    AttentionOp.Attention o = grad.forward();
    SegmentMap map = to.layout().segmentMap(o);
    int rows = dBias.shape().rows();
    to.fixed(Kernel.ATTENTION_BIAS_GRAD, rows * o.spec().heads(), (n, c) -> new Descriptors.HeadBias(n, c, to.count(o.q()), o.spec().heads(),
        o.spec().kvHeads(), o.spec().headDim(), rows / 2, to.number(o.spec().scale()), cap(o, to), middle(o, to), Math.toIntExact(map.low()),
        Math.toIntExact(map.high()), Math.toIntExact(map.diagonal()), to.at(o.q()), to.at(o.k()), to.at(o.v()), to.at(grad.dout()), to.at(o.lse()),
        delta, terms.distances(), terms.queryTerms(), terms.keyTerms(), to.at(dBias)));
  }

  /**
   * A kernel of {@link Attending}.
   *
   * @param byQuery whether a group's own rows are queries; else keys
   */
  private static void heads(GpuTasks to, Kernel kernel, AttentionOp.Attention o, boolean byQuery, Operands with, DistanceTables by) {
    int heads = byQuery ? o.spec().heads() : o.spec().kvHeads();
    int otherHeads = byQuery ? o.spec().kvHeads() : o.spec().heads();
    int shared = o.spec().heads() / o.spec().kvHeads();
    int size = o.spec().headDim();
    int count = to.count(byQuery ? o.q() : o.k());
    SegmentMap map = to.layout().segmentMap(o);
    to.add(kernel, new Descriptors.Heads(count, heads, size, otherHeads, byQuery ? 1 : shared, byQuery ? shared : 1, byQuery ? 1 : shared,
        to.number(o.spec().scale()), cap(o, to), middle(o, to), Math.toIntExact(map.low()), Math.toIntExact(map.high()),
        Math.toIntExact(map.diagonal()), Math.toIntExact(byQuery ? map.queryRanges() : map.keyRanges()), with.own, with.other, with.ownSecond,
        with.otherSecond, with.values, to.at(o.lse()), with.delta, with.out, byQuery ? 1 : 0, by.distances(), by.queryTerms(), by.keyTerms(),
        by.queryGrads(), by.keyGrads()), counts -> Attending.groups(counts.applyAsInt(count), heads, size, with.values < 0));
  }
}
