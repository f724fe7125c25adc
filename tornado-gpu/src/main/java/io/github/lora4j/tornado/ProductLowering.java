package io.github.lora4j.tornado;

import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.ProductOp;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.tornado.Lowering.Size;
import java.util.List;

/** Products, by a library where there is one, and sums of columns. */
final class ProductLowering {

  /** Steps of k whose products make one piece of a thin matrix product. */
  private static final int PIECE = 512;
  /** Elements of the largest product that is made in pieces. */
  private static final int THIN = 1 << 18;
  /** Elements of the largest matrix in few bits that is widened for a library: 256 MB of scratch. A larger one is read where it lies. */
  private static final int MOST_WIDENED = 1 << 26;

  private ProductLowering() {}

  /** A matrix of a product: the place of its number of rows (or columns), its first element and its strides. */
  record Strided(int count, int at, int stride, int alongK) {}

  /** The right matrix of a product, which may be a frozen weight. */
  record Right(int count, Layout.Weight where, int alongK, int stride, long elements) {}

  /**
   * out [rows of the left, width] = alpha·left·right + bias + addend.
   *
   * @param k place of the count of columns of the left
   * @param bias its place, or −1; also {@code addend}
   * @param add whether to what is there
   */
  record Matrices(Strided left, Right right, int k, int bias, int addend, double alpha, boolean add, int out, int width) {

    static Matrices of(Strided left, Right right, int k, double alpha, boolean add, int out, int width) {
      return new Matrices(left, right, k, -1, -1, alpha, add, out, width);
    }
  }

  static List<GpuBinder<?>> binders() {
    return List.of(new Linear(), new InputGrad(), GpuBinder.of(ProductOp.LinearWeightGrad.class, ProductLowering::weightGrad),
        GpuBinder.of(ProductOp.ColumnSum.class, (o, to) -> columnSums(to, o.x(), Operands.NONE, Sums.PLAIN, o.sums())));
  }

  private static final class Linear implements GpuBinder<ProductOp.Linear> {
    @Override
    public Class<ProductOp.Linear> op() {
      return ProductOp.Linear.class;
    }

    @Override
    public boolean readsStored(ProductOp.Linear o, Value weight) {
      return o.w().equals(weight) && onlyOnce(o, weight);
    }

    @Override
    public void lower(ProductOp.Linear o, GpuTasks to) {
      int outputs = o.w().shape().rows();
      int inputs = o.w().shape().cols();
      product(to, new Matrices(new Strided(to.count(o.x()), to.at(o.x()), inputs, 1), weight(to, to.layout().count(outputs), o.w(), 1, inputs),
          to.layout().count(inputs), o.bias().map(to::at).orElse(-1), o.addend().map(to::at).orElse(-1), o.alpha(), false, to.at(o.y()), outputs));
    }
  }

  private static final class InputGrad implements GpuBinder<ProductOp.LinearInputGrad> {
    @Override
    public Class<ProductOp.LinearInputGrad> op() {
      return ProductOp.LinearInputGrad.class;
    }

    @Override
    public boolean readsStored(ProductOp.LinearInputGrad o, Value weight) {
      return o.w().equals(weight) && onlyOnce(o, weight);
    }

    @Override
    public void lower(ProductOp.LinearInputGrad o, GpuTasks to) {
      int outputs = o.w().shape().rows();
      int inputs = o.w().shape().cols();
      product(to, new Matrices(new Strided(to.count(o.dy()), to.at(o.dy()), outputs, 1), weight(to, to.layout().count(inputs), o.w(), inputs, 1),
          to.layout().count(outputs), -1, o.addend().map(to::at).orElse(-1), o.alpha(), false, to.at(o.dx()), inputs));
    }
  }

  private static boolean onlyOnce(Op op, Value weight) {
    return op.inputs().stream().filter(weight::equals).count() == 1;
  }

  private static Right weight(GpuTasks to, int count, Value w, int alongK, int stride) {
    return new Right(count, to.layout().weight(w), alongK, stride, w.shape().elements());
  }

  static Right inMemory(GpuTasks to, int count, Value b, int alongK, int stride) {
    return new Right(count, Layout.Weight.inMemory(to.at(b)), alongK, stride, b.shape().elements());
  }

  static void product(GpuTasks to, Matrices p) {
    if (!sgemm(to, p.right)) {
      own(to, p, 0, 0);
      return;
    }
    // An addend that lies where the result goes is added to, like the result itself.
    boolean added = p.add || p.addend == p.out;
    Strided a = p.left;
    Layout.Weight right = p.right.where;
    if (right.narrow()) {
      int elements = Math.toIntExact(p.right.elements);
      Layout.Weight from = right;
      int wide = to.layout().scratch(elements);
      right = Layout.Weight.inMemory(wide);
      to.add(Kernel.WIDEN, from.bank(), new Descriptors.Widen(to.layout().count(1), elements, from.where(), from.at(), from.decode(), wide),
          counts -> elements);
    }
    to.add(Kernel.SGEMM, right.bank(), new Descriptors.Blas(a.count, p.right.count, p.k, a.at, a.stride, a.alongK, right.where(), right.at(),
        p.right.alongK, p.right.stride, to.number(p.alpha), added ? 1 : 0, p.out, p.width), counts -> 1);
    int rest = p.addend == p.out ? -1 : p.addend;
    if (p.bias >= 0 || rest >= 0) {
      to.add(Kernel.AFTER_PRODUCT, new Descriptors.AfterProduct(a.count, p.width, p.out, p.bias, rest), counts ->
          counts.applyAsInt(a.count) * p.width);
    }
  }

  private static boolean sgemm(GpuTasks to, Right b) {
    return to.library() && (!b.where.narrow() || b.elements <= MOST_WIDENED);
  }

  /** By our kernel; with pieces, each sums so many steps of k into a matrix of its own, {@code partial} floats apart. */
  private static void own(GpuTasks to, Matrices p, int piece, int partial) {
    Strided a = p.left;
    Right b = p.right;
    Size size = counts -> tiles(counts.applyAsInt(a.count)) * tiles(counts.applyAsInt(b.count))
        * (piece == 0 ? 1 : Math.max(1, (counts.applyAsInt(p.k) + piece - 1) / piece));
    to.add(Kernel.PRODUCT, b.where.bank(), new Descriptors.Matrices(a.count, b.count, p.k, a.at, a.stride, a.alongK, b.where.where(), b.where.at(),
        b.where.decode(), b.alongK, b.stride, p.bias, p.addend, to.number(p.alpha), p.add ? 1 : 0, piece, partial, p.out, p.width), size);
  }

  private static int tiles(int rows) {
    return (rows + Product.TILE - 1) / Product.TILE;
  }

  private static void weightGrad(ProductOp.LinearWeightGrad o, GpuTasks to) {
    Layout layout = to.layout();
    int rows = o.dw().shape().rows();
    int cols = o.dw().shape().cols();
    Strided a = new Strided(layout.count(rows), to.at(o.dy()), 1, rows);
    Right b = inMemory(to, layout.count(cols), o.x(), cols, 1);
    boolean add = o.dw().slot();
    int capacity = o.dy().shape().rows();
    int elements = rows * cols;
    if (capacity <= PIECE || elements > THIN || sgemm(to, b)) {
      product(to, Matrices.of(a, b, to.count(o.dy()), o.alpha(), add, to.at(o.dw()), cols));
      return;
    }
    // A thin product has few tiles, so its long sum is shared out.
    int partials = layout.scratch((long) elements * ((capacity + PIECE - 1) / PIECE));
    own(to, Matrices.of(a, b, to.count(o.dy()), o.alpha(), false, partials, cols), PIECE, elements);
    to.fixed(Kernel.COMBINE, elements, (count, all) -> new Descriptors.Combine(count, all, to.count(o.dy()), partials, add ? 1 : 0, PIECE,
        to.at(o.dw())));
  }

  /** What the elements of a column are multiplied with before they are summed; see {@link Sums#columnPartials}. */
  record Operands(int x, int stats, int center) {
    static final Operands NONE = new Operands(-1, -1, -1);
  }

  static void columnSums(GpuTasks to, Value dy, Operands with, int kind, Value sums) {
    columnSums(to, dy, dy.shape().cols(), with, kind, sums);
  }

  /** The same where each {@code width} columns have statistics of their own, and are summed once more where the sums have no more columns. */
  static void columnSums(GpuTasks to, Value dy, int width, Operands with, int kind, Value sums) {
    int cols = dy.shape().cols();
    if (sums.shape().cols() < cols) {
      Value wide = to.temp(Shape.vector(cols));
      columnSums(to, dy, width, with, kind, wide);
      int heads = cols / width;
      to.fixed(Kernel.COMBINE, width, (one, all) -> new Descriptors.Combine(one, all, to.layout().count(heads), to.at(wide), sums.slot() ? 1 : 0,
          1, to.at(sums)));
      return;
    }
    int partials = to.layout().scratch((long) cols * ((dy.shape().rows() + Sums.ROWS - 1) / Sums.ROWS));
    int count = to.count(dy);
    to.add(Kernel.COLUMN_PARTIALS, new Descriptors.ColumnPartials(count, cols, width, to.at(dy), with.x, with.stats, with.center, kind, partials),
        counts -> (counts.applyAsInt(count) + Sums.ROWS - 1) / Sums.ROWS * cols);
    to.fixed(Kernel.COMBINE, cols, (one, all) -> new Descriptors.Combine(one, all, count, partials, sums.slot() ? 1 : 0, Sums.ROWS, to.at(sums)));
  }
}
