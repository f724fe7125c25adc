package io.github.lora4j.tornado;

import io.github.lora4j.graph.AdapterOp;
import io.github.lora4j.graph.DecoderOp;
import io.github.lora4j.graph.Executable.Arena;
import io.github.lora4j.graph.LayoutOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ParameterLayout;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.TrainingOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.tornado.Lowering.Size;
import io.github.lora4j.tornado.Lowering.Task;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Philox;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The tasks of each op.
 *
 * @param library whether products are {@link Kernel#SGEMM}
 */
record LoweredOps(Program program, Layout layout, boolean library) {

  /** Steps of k whose products make one piece of a thin matrix product. */
  private static final int PIECE = 512;
  /** Elements of the largest product that is made in pieces. */
  private static final int THIN = 1 << 18;
  /** Elements of the largest matrix of half floats that is widened for a library: 256 MB of scratch. A larger one is read where it lies. */
  private static final int MOST_WIDENED = 1 << 26;
  /** Elements whose squares make one partial of the gradient's norm. */
  private static final int SQUARES = 8192;

  List<Task> tasks(Op op) {
    return switch (op) {
      case Op.Basic o -> basic(o);
      case TrainingOp o -> training(o);
      case AdapterOp o -> adapter(o);
      case LayoutOp o -> moves(o);
      case DecoderOp o -> decoder(o);
    };
  }

  private List<Task> basic(Op.Basic op) {
    return switch (op) {
      case Op.Linear o -> {
        int outputs = o.w().shape().rows();
        int inputs = o.w().shape().cols();
        yield product(new Strided(count(o.x()), at(o.x()), inputs, 1), weight(layout.count(outputs), o.w(), 1, inputs),
            layout.count(inputs), at(o.bias()), at(o.addend()), o.alpha(), false, at(o.y()), outputs);
      }
      case Op.LinearInputGrad o -> {
        int outputs = o.w().shape().rows();
        int inputs = o.w().shape().cols();
        yield product(new Strided(count(o.dy()), at(o.dy()), outputs, 1), weight(layout.count(inputs), o.w(), inputs, 1),
            layout.count(outputs), -1, at(o.addend()), o.alpha(), false, at(o.dx()), inputs);
      }
      case Op.LinearWeightGrad o -> weightGrad(o);
      case Op.ColumnSum o -> columnSums(o.x(), -1, -1, -1, Sums.PLAIN, o.sums());
      case Op.Gather o -> {
        Layout.Weight table = layout.weight(o.table());
        yield List.of(rows(Kernel.GATHER, o.y(), table.where(), table.at(), layout.decode(), layout.intsAt(o.ids()), at(o.addend()),
            at(o.y())));
      }
      case Op.ScatterAdd o -> List.of(flat(Kernel.SCATTER_ADD, o.index().unique(), o.dy().shape().cols(), at(o.dy()),
          layout.intsAt(o.index().unique()), layout.intsAt(o.index().starts()), layout.intsAt(o.index().order()), at(o.table())));
      case Op.LayerNorm o -> List.of(
          grouped(Kernel.LAYER_NORM_STATS, o.x(), at(o.x()), layout.numbers(o.eps()), at(o.stats())),
          rows(Kernel.LAYER_NORM, o.y(), at(o.x()), at(o.stats()), at(o.gamma()), at(o.beta()), at(o.y())));
      case Op.LayerNormGrad o -> {
        int sums = layout.scratch(2L * o.x().shape().rows());
        yield List.of(grouped(Kernel.LAYER_NORM_SUMS, o.x(), at(o.dy()), at(o.x()), at(o.stats()), at(o.gamma()), sums),
            rows(Kernel.LAYER_NORM_GRAD, o.dx(), at(o.dy()), at(o.x()), at(o.stats()), at(o.gamma()), at(o.addend()), sums, at(o.dx())));
      }
      case Op.LayerNormParamGrad o -> {
        List<Task> tasks = new ArrayList<>();
        o.dgamma().ifPresent(dgamma -> tasks.addAll(columnSums(o.dy(), at(o.x()), at(o.stats()), -1, Sums.TIMES_NORMAL, dgamma)));
        o.dbeta().ifPresent(dbeta -> tasks.addAll(columnSums(o.dy(), -1, -1, -1, Sums.PLAIN, dbeta)));
        yield tasks;
      }
      case Op.Add o -> List.of(rows(Kernel.ADD, o.out(), at(o.x()), at(o.y()), at(o.out())));
      case Op.Multiply o -> List.of(rows(Kernel.MULTIPLY, o.out(), at(o.x()), at(o.y()), at(o.out())));
      case Op.Scale o -> List.of(rows(Kernel.SCALE, o.out(), at(o.x()), layout.numbers(o.alpha()), at(o.out())));
      case Op.Activate o -> List.of(rows(Kernel.ACTIVATE, o.y(), at(o.x()), at(o.y()), o.f().ordinal()));
      case Op.ActivateGrad o -> List.of(rows(Kernel.ACTIVATE_GRAD, o.dx(), at(o.x()), at(o.dy()), at(o.dx()), o.f().ordinal()));
      case Op.Attention o -> List.of(attention(o));
      case Op.AttentionGrad o -> attentionGrad(o);
      case Op.RangeMean o -> List.of(rows(Kernel.RANGE_MEAN, o.y(), at(o.x()), layout.intsAt(o.ranges()), at(o.y())));
      case Op.RangeMeanGrad o -> List.of(rows(Kernel.COPY, o.dx(), at(o.addend()), at(o.dx())),
          rows(Kernel.RANGE_MEAN_GRAD, o.dy(), at(o.dy()), layout.intsAt(o.ranges()), at(o.dx())));
      case Op.L2Normalize o -> List.of(
          grouped(Kernel.REDUCE, o.x(), at(o.x()), at(o.x()), -1, layout.numbers(o.eps()), Rows.NORM, at(o.norms())),
          rows(Kernel.L2_NORMALIZE, o.y(), at(o.x()), at(o.norms()), at(o.y())));
      case Op.L2NormalizeGrad o -> {
        int dots = layout.scratch(o.y().shape().rows());
        yield List.of(grouped(Kernel.REDUCE, o.y(), at(o.y()), at(o.dy()), -1, -1, Rows.SUM, dots),
            rows(Kernel.L2_NORMALIZE_GRAD, o.dx(), at(o.dy()), at(o.y()), at(o.norms()), dots, at(o.dx())));
      }
      case Op.Dropout o -> List.of(rows(Kernel.DROPOUT, o.out(), at(o.x()), layout.intsAt(o.rowKeys()), layout.intsAt(o.random()),
          layout.numbers(1 / (1 - o.p())), Philox.threshold(o.p()), o.site(), at(o.out())));
    };
  }

  private List<Task> training(TrainingOp op) {
    return switch (op) {
      case TrainingOp.RowLoss o -> List.of(o.loss() == Loss.CROSS_ENTROPY
          ? grouped(Kernel.CROSS_ENTROPY, o.predictions(), at(o.predictions()), layout.intsAt(o.labels()), at(o.rowLoss()))
          : grouped(Kernel.COLUMN_LOSS, o.predictions(), at(o.predictions()), at(o.labels()), at(o.rowLoss()), o.loss().ordinal()));
      case TrainingOp.RowLossGrad o -> List.of(o.loss() == Loss.CROSS_ENTROPY
          ? grouped(Kernel.CROSS_ENTROPY_GRAD, o.predictions(), at(o.predictions()), layout.intsAt(o.labels()), at(o.dPredictions()))
          : rows(Kernel.COLUMN_LOSS_GRAD, o.predictions(), at(o.predictions()), at(o.labels()), at(o.dPredictions()), o.loss().ordinal()));
      case TrainingOp.InBatchNegatives o -> {
        int cols = o.a().shape().cols();
        int width = o.probs().shape().cols();
        List<Task> tasks = new ArrayList<>(product(new Strided(count(o.a()), at(o.a()), cols, 1), inMemory(count(o.a()), o.b(), 1, cols),
            layout.count(cols), -1, -1, o.scale(), false, at(o.probs()), width));
        tasks.add(grouped(Kernel.IN_BATCH, count(o.a()), width, at(o.probs()), width, at(o.rowLoss())));
        yield tasks;
      }
      case TrainingOp.InBatchNegativesGrad o -> {
        int cols = o.out().shape().cols();
        int width = o.probs().shape().cols();
        yield product(new Strided(count(o.out()), at(o.probs()), o.transposed() ? 1 : width, o.transposed() ? width : 1),
            inMemory(layout.count(cols), o.other(), cols, 1), count(o.out()), -1, -1, o.scale(), false, at(o.out()), cols);
      }
      case TrainingOp.AddSum o -> List.of(single(Kernel.ADD_SUM, count(o.x()), o.x().shape().cols(), at(o.x()), at(o.total())));
      case TrainingOp.CountTargets o -> {
        boolean classes = o.loss().filter(loss -> loss == Loss.CROSS_ENTROPY).isPresent();
        int columns = o.loss().isPresent() && !classes ? o.labels().shape().cols() : 1;
        int counted = layout.scratch(o.labels().shape().rows());
        yield List.of(flat(Kernel.COUNTED, o.labels(), 1, classes ? layout.intsAt(o.labels()) : -1, layout.numbers(columns), counted),
            single(Kernel.ADD_SUM, count(o.labels()), 1, counted, at(o.total())));
      }
      case TrainingOp.OptimizerStep o -> optimizer(o);
      case TrainingOp.ClearGradients o -> List.of(
          fixed(Kernel.COPY, layout.arenaElements(Arena.GRADIENTS), -1, layout.arena(Arena.GRADIENTS)),
          fixed(Kernel.COPY, 1, -1, at(o.lossSum())), fixed(Kernel.COPY, 1, -1, at(o.count())));
    };
  }

  private List<Task> adapter(AdapterOp op) {
    return switch (op) {
      case AdapterOp.ScaleColumns o -> List.of(rows(Kernel.SCALE_COLUMNS, o.y(), at(o.x()), at(o.scale()), at(o.center()), at(o.y())));
      case AdapterOp.ColumnDots o -> columnSums(o.dy(), at(o.x()), -1, at(o.center()), Sums.TIMES_CENTERED, o.sums());
      case AdapterOp.AddTo o -> List.of(rows(Kernel.ADD, o.x(), at(o.x()), at(o.total()), at(o.total())));
      case AdapterOp.GramPenalty o -> {
        int r = o.gram().shape().rows();
        int square = layout.scratch(1);
        yield List.of(fixed(Kernel.GRAM_EXCESS, r * r, at(o.gram()), r, at(o.factor())),
            single(Kernel.SQUARES, layout.count(1), r * r, r * r, at(o.factor()), square),
            fixed(Kernel.GRAM_PENALTY, r * r, square, layout.numbers(o.weight()), at(o.count()), o.first() ? 0 : 1, at(o.penalty()),
            at(o.factor())));
      }
      case AdapterOp.Sensitivity o -> {
        int cols = o.theta().shape().cols();
        int rows = o.theta().shape().rows();
        int add = o.first() ? 0 : 1;
        yield List.of(rows(Kernel.SENSITIVITY, o.theta(), at(o.theta()), at(o.grad()), at(o.report()), layout.numbers(o.beta1()),
            layout.numbers(o.beta2()), at(o.importance()), at(o.uncertainty())), o.byColumn()
                ? fixed(Kernel.COLUMN_SCORES, cols, at(o.importance()), at(o.uncertainty()), rows, add, at(o.scores()))
                : grouped(Kernel.REDUCE, o.theta(), at(o.importance()), at(o.uncertainty()), -1, -1, o.first() ? Rows.MEAN
                : Rows.MEAN_ADDED,
                    at(o.scores())));
      }
      case AdapterOp.Mask o -> List.of(rows(Kernel.MASKED, o.theta(), at(o.theta()), at(o.mask())));
      case AdapterOp.DoraNorm o -> List.of(fixed(Kernel.DORA_NORM, o.b().shape().rows(), at(o.norms()), at(o.m()), at(o.b()), at(o.t()),
          o.b().shape().cols(), layout.numbers(o.scaling()), at(o.inverse())));
    };
  }

  private List<Task> moves(LayoutOp op) {
    return switch (op) {
      case LayoutOp.Split o -> columns(o.x(), o.parts(), true);
      case LayoutOp.Join o -> columns(o.y(), o.parts(), false);
      case LayoutOp.Spread o -> List.of(rows(Kernel.SPREAD, o.y(), at(o.x()), o.x().shape().cols(), layout.intsAt(o.spans()),
          layout.numbers(LayoutOp.NOTHING), at(o.y())));
      case LayoutOp.Collect o -> List.of(rows(Kernel.COPY, o.dx(), -1, at(o.dx())),
          rows(Kernel.COLLECT, o.dy(), at(o.dy()), o.dx().shape().cols(), layout.intsAt(o.spans()), at(o.dx())));
      case LayoutOp.Unfold o -> List.of(rows(Kernel.UNFOLD, o.y(), at(o.x()), o.x().shape().cols(), layout.intsAt(o.indices()), at(o.y())));
      case LayoutOp.Fold o -> List.of(rows(Kernel.FOLD, o.dx(), at(o.dy()), o.inverse().shape().cols(), layout.intsAt(o.inverse()),
          at(o.dx())));
    };
  }

  private List<Task> columns(Value whole, List<Value> parts, boolean split) {
    List<Task> tasks = new ArrayList<>();
    int width = parts.getFirst().shape().cols();
    int all = whole.shape().cols();
    for (int p = 0; p < parts.size(); p++) {
      Value part = parts.get(p);
      tasks.add(split ? rows(Kernel.COLUMNS, part, at(whole), all, p * width, at(part), width, 0)
          : rows(Kernel.COLUMNS, part, at(part), width, 0, at(whole), all, p * width));
    }
    return tasks;
  }

  private List<Task> decoder(DecoderOp op) {
    return switch (op) {
      case DecoderOp.RmsNorm o -> List.of(
          grouped(Kernel.REDUCE, o.x(), at(o.x()), at(o.x()), -1, layout.numbers(o.eps()), Rows.RECIPROCAL_RMS, at(o.stats())),
          rows(Kernel.RMS_NORM, o.y(), at(o.x()), at(o.stats()), at(o.gamma()), at(o.y())));
      case DecoderOp.RmsNormGrad o -> {
        int sums = layout.scratch(o.x().shape().rows());
        yield List.of(grouped(Kernel.REDUCE, o.x(), at(o.dy()), at(o.x()), at(o.gamma()), -1, Rows.MEAN, sums),
            rows(Kernel.RMS_NORM_GRAD, o.dx(), at(o.dy()), at(o.x()), at(o.stats()), at(o.gamma()), at(o.addend()), sums, at(o.dx())));
      }
      case DecoderOp.RmsNormParamGrad o -> columnSums(o.dy(), at(o.x()), at(o.stats()), -1, Sums.TIMES_RMS_NORMAL, o.dgamma());
      case DecoderOp.Rope o -> List.of(flat(Kernel.ROPE, o.x(), o.x().shape().cols() / 2, at(o.x()), layout.intsAt(o.positions()),
          at(o.table()), o.heads(), layout.numbers(o.inverse() ? -1 : 1), at(o.y())));
    };
  }

  // ---- parts ----

  /** A matrix of a product: the place of its number of rows (or columns), its first element and its strides. */
  private record Strided(int count, int at, int stride, int alongK) {}

  /** The right matrix of a product, which may be a frozen weight. */
  private record Right(int count, Layout.Weight where, int alongK, int stride, long elements) {}

  private Right weight(int count, Value w, int alongK, int stride) {
    return new Right(count, layout.weight(w), alongK, stride, w.shape().elements());
  }

  private Right inMemory(int count, Value b, int alongK, int stride) {
    return new Right(count, new Layout.Weight(Moves.IN_MEMORY, at(b)), alongK, stride, b.shape().elements());
  }

  private List<Task> product(Strided a, Right b, int k, int bias, int addend, double alpha, boolean add, int out, int width) {
    if (!sgemm(b)) {
      return List.of(ownProduct(a, b, k, bias, addend, alpha, add, 0, 0, out, width));
    }
    // An addend that lies where the result goes is added to, like the result itself.
    boolean added = add || addend == out;
    List<Task> tasks = new ArrayList<>();
    Layout.Weight right = b.where;
    if (right.where() == Moves.IN_HALVES) {
      int elements = Math.toIntExact(b.elements);
      right = new Layout.Weight(Moves.IN_MEMORY, layout.scratch(elements));
      tasks.add(fixed(Kernel.WIDEN, elements, b.where.at(), layout.decode(), right.at()));
    }
    tasks.add(new Task(Kernel.SGEMM, Sgemm.fields(a.count, b.count, k, a.at, a.stride, a.alongK, right.where(), right.at(), b.alongK, b.stride,
        layout.numbers(alpha), added, out, width), counts -> 1));
    int rest = addend == out ? -1 : addend;
    if (bias >= 0 || rest >= 0) {
      tasks.add(new Task(Kernel.AFTER_PRODUCT, fields(a.count, width, out, bias, rest), counts -> counts.applyAsInt(a.count) * width));
    }
    return tasks;
  }

  private boolean sgemm(Right b) {
    return library && (b.where.where() != Moves.IN_HALVES || b.elements <= MOST_WIDENED);
  }

  private Task ownProduct(Strided a, Right b, int k, int bias, int addend, double alpha, boolean add, int piece, int partial, int out,
      int width) {
    int[] fields = {a.count, b.count, k, a.at, a.stride, a.alongK, b.where.where(), b.where.at(), layout.decode(), b.alongK, b.stride,
        bias, addend,
        layout.numbers(alpha), add ? 1 : 0, piece, partial, out, width};
    return new Task(Kernel.PRODUCT, fields, counts -> tiles(counts.applyAsInt(a.count)) * tiles(counts.applyAsInt(b.count))
        * (piece == 0 ? 1 : Math.max(1, (counts.applyAsInt(k) + piece - 1) / piece)));
  }

  private static int tiles(int rows) {
    return (rows + Product.TILE - 1) / Product.TILE;
  }

  private List<Task> weightGrad(Op.LinearWeightGrad o) {
    int rows = o.dw().shape().rows();
    int cols = o.dw().shape().cols();
    Strided a = new Strided(layout.count(rows), at(o.dy()), 1, rows);
    Right b = inMemory(layout.count(cols), o.x(), cols, 1);
    boolean add = o.dw().slot();
    int capacity = o.dy().shape().rows();
    int elements = rows * cols;
    if (capacity <= PIECE || elements > THIN || sgemm(b)) {
      return product(a, b, count(o.dy()), -1, -1, o.alpha(), add, at(o.dw()), cols);
    }
    // A thin product has few tiles, so its long sum is shared out.
    int partials = layout.scratch((long) elements * ((capacity + PIECE - 1) / PIECE));
    return List.of(ownProduct(a, b, count(o.dy()), -1, -1, o.alpha(), false, PIECE, elements, partials, cols),
        fixed(Kernel.COMBINE, elements, count(o.dy()), partials, add ? 1 : 0, PIECE, at(o.dw())));
  }

  private List<Task> columnSums(Value dy, int x, int stats, int center, int kind, Value sums) {
    int cols = dy.shape().cols();
    int rows = dy.shape().rows();
    int partials = layout.scratch((long) cols * ((rows + Sums.ROWS - 1) / Sums.ROWS));
    int count = count(dy);
    Size size = counts -> (counts.applyAsInt(count) + Sums.ROWS - 1) / Sums.ROWS * cols;
    return List.of(new Task(Kernel.COLUMN_PARTIALS, fields(count, cols, at(dy), x, stats, center, kind, partials), size),
        fixed(Kernel.COMBINE, cols, count, partials, sums.slot() ? 1 : 0, Sums.ROWS, at(sums)));
  }

  private Task attention(Op.Attention o) {
    return attention(Kernel.ATTENTION, o, true, new int[] {at(o.q()), at(o.k()), -1, -1, at(o.v())}, -1, at(o.out()));
  }

  private List<Task> attentionGrad(Op.AttentionGrad grad) {
    Op.Attention o = grad.forward();
    int dout = at(grad.dout());
    int delta = layout.scratch((long) o.q().shape().rows() * o.spec().heads());
    List<Task> tasks = new ArrayList<>();
    if (grad.dq().isPresent() || grad.dk().isPresent()) {
      tasks.add(attention(Kernel.ATTENTION_GRAD, o, true, new int[] {at(o.q()), at(o.k()), dout, at(o.v()), -1}, delta, -1));
    }
    grad.dq().ifPresent(dq -> tasks.add(attention(Kernel.ATTENTION_GRAD, o, true, new int[] {at(o.q()), at(o.k()), dout, at(o.v()), at(o.k())},
        delta, at(dq))));
    grad.dk().ifPresent(dk -> tasks.add(attention(Kernel.ATTENTION_GRAD, o, false, new int[] {at(o.k()), at(o.q()), at(o.v()), dout, at(o.q())},
        delta, at(dk))));
    grad.dv().ifPresent(dv -> tasks.add(attention(Kernel.ATTENTION_GRAD, o, false, new int[] {at(o.k()), at(o.q()), -1, -1, dout}, delta, at(dv))));
    return tasks;
  }

  /**
   * A kernel of {@link Attending}.
   *
   * @param byQuery whether a group's own rows are queries; else keys
   * @param operands own and other operand of the scores, of the second product (or −1), values (or −1)
   */
  private Task attention(Kernel kernel, Op.Attention o, boolean byQuery, int[] operands, int delta, int out) {
    int heads = byQuery ? o.spec().heads() : o.spec().kvHeads();
    int otherHeads = byQuery ? o.spec().kvHeads() : o.spec().heads();
    int shared = o.spec().heads() / o.spec().kvHeads();
    int size = o.spec().headDim();
    int count = count(byQuery ? o.q() : o.k());
    SegmentMap map = layout.segmentMap(o);
    int[] fields = {count, heads, size, otherHeads, byQuery ? 1 : shared, byQuery ? shared : 1, byQuery ? 1 : shared,
        layout.numbers(o.spec().scale()), Math.toIntExact(map.low()), Math.toIntExact(map.high()), Math.toIntExact(byQuery ? map.queryRanges() : map.keyRanges()), operands[0], operands[1],
        operands[2], operands[3], operands[4], at(o.lse()), delta, out, byQuery ? 1 : 0};
    return new Task(kernel, fields, counts -> Attending.groups(counts.applyAsInt(count), heads, size, operands[4] < 0));
  }

  private List<Task> optimizer(TrainingOp.OptimizerStep o) {
    OptimizerSpec spec = o.spec();
    int groups = spec.decay().size();
    if (program.parameters().groups() > groups) {
      throw new ConfigException("the optimizer has a weight decay for %d parameter groups, the program has %d groups".formatted(groups,
          program.parameters().groups()));
    }
    int elements = layout.arenaElements(Arena.PARAMETERS);
    int pieces = (elements + SQUARES - 1) / SQUARES;
    int squares = layout.scratch(pieces + 1L);
    int go = squares + pieces;
    List<Task> tasks = new ArrayList<>();
    tasks.add(new Task(Kernel.SQUARES, fields(layout.count(1), elements, SQUARES, layout.arena(Arena.GRADIENTS), squares), counts ->
        pieces));
    tasks.add(single(Kernel.REPORT, layout.count(1), pieces, squares, at(o.lossSum()), at(o.count()), layout.numbers(spec.maxNorm()),
        at(o.report()),
        go));
    double[] constants = new double[3 + groups];
    constants[0] = spec.beta1();
    constants[1] = spec.beta2();
    constants[2] = spec.eps();
    for (int g = 0; g < groups; g++) {
      constants[3 + g] = spec.decay().get(g);
    }
    int kind = switch (spec.kind()) {
      case ADAMW -> Sums.ADAMW;
      case ADAM -> Sums.ADAM;
      case AMSGRAD -> Sums.AMSGRAD;
      case LORAFA -> Sums.LORAFA;
      case SGD -> Sums.SGD;
    };
    tasks.add(fixed(Kernel.UPDATE, elements, go, at(o.report()), at(o.hyper()), groups, blocks(o, elements), kind,
        layout.numbers(constants),
        layout.arena(Arena.PARAMETERS), layout.arena(Arena.MOMENT1), layout.arena(Arena.MOMENT2), layout.arena(Arena.MOMENT2_MAX)));
    return tasks;
  }

  /** (elements that belong to the parameter, its group, place of its gradient) for each block of the arenas. */
  private int blocks(TrainingOp.OptimizerStep o, int elements) {
    int[] blocks = new int[3 * ((elements + Layout.BLOCK - 1) / Layout.BLOCK)];
    for (ParameterLayout.Range range : program.parameters().ranges()) {
      Value used = o.preconditioned().getOrDefault(range.gradient(), range.gradient());
      for (int from = 0; from < range.length(); from += Layout.BLOCK) {
        int block = 3 * Math.toIntExact((range.offset() + from) / Layout.BLOCK);
        blocks[block] = (int) Math.min(Layout.BLOCK, range.length() - from);
        blocks[block + 1] = range.group();
        blocks[block + 2] = at(used) + from;
      }
    }
    return layout.append(blocks);
  }

  private int count(Value value) {
    return layout.count(value);
  }

  private int at(Value value) {
    return layout.at(value);
  }

  private int at(Optional<Value> value) {
    return value.map(layout::at).orElse(-1);
  }

  private static int[] fields(int count, int cols, int... more) {
    int[] fields = new int[2 + more.length];
    fields[0] = count;
    fields[1] = cols;
    System.arraycopy(more, 0, fields, 2, more.length);
    return fields;
  }

  /** A thread for each element of a value. */
  private Task rows(Kernel kernel, Value rowsOf, int... more) {
    return flat(kernel, rowsOf, rowsOf.shape().cols(), more);
  }

  /** A thread for each of so many columns of the rows of a value. */
  private Task flat(Kernel kernel, Value rowsOf, int cols, int... more) {
    int count = count(rowsOf);
    return new Task(kernel, fields(count, cols, more), counts -> counts.applyAsInt(count) * cols);
  }

  /** A thread for each of a fixed number of elements. */
  private Task fixed(Kernel kernel, int elements, int... more) {
    return new Task(kernel, fields(layout.count(1), elements, more), counts -> elements);
  }

  /** A group of threads for each row of a value. */
  private Task grouped(Kernel kernel, Value rowsOf, int... more) {
    return grouped(kernel, count(rowsOf), rowsOf.shape().cols(), more);
  }

  private Task grouped(Kernel kernel, int count, int cols, int... more) {
    return new Task(kernel, fields(count, cols, more), counts -> counts.applyAsInt(count));
  }

  /** One group of threads. */
  private Task single(Kernel kernel, int count, int cols, int... more) {
    return new Task(kernel, fields(count, cols, more), counts -> 1);
  }
}
