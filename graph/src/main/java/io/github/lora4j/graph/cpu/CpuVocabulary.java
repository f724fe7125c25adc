package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Binds {@link LossOp.LabelLogProbability}: blocks of rows go through the vocabulary chunk by chunk. Of each chunk logits are made, taken up and
 * replaced by exponentials, which times the same rows of the weight give the gradient, as attention does with keys that are values too.
 */
final class CpuVocabulary implements CpuBinder<LossOp.LabelLogProbability> {

  /** Words of a chunk, so that its part of the weight and a few rows of logits stay in the second cache. */
  private static final int WORDS = 8 * Kernels.CHUNK_ROWS;
  /**
   * Rows that go through the vocabulary together. The more, the less often the weight is read; their logits of a chunk had better stay in a cache.
   */
  private static final int ROWS = 512;

  @Override
  public Class<LossOp.LabelLogProbability> op() {
    return LossOp.LabelLogProbability.class;
  }

  @Override
  public CpuPlan.Form form(LossOp.LabelLogProbability o, Value weight) {
    return o.w().equals(weight) ? CpuPlan.Form.PANELS : CpuPlan.Form.RAW;
  }

  @Override
  public CpuScratch scratch(LossOp.LabelLogProbability o, CpuTarget target) {
    Sizes sizes = Sizes.of(o, target);
    return new CpuScratch(sizes.logits + sizes.state + sizes.products, sizes.row + target.kernels().tableScratchBytes(target.weights(o.w()), sizes.width));
  }

  @Override
  public CpuSteps.Step bind(LossOp.LabelLogProbability o, CpuSteps at) {
    int rows = o.x().shape().rows();
    Block[] blocks = new Block[(rows + ROWS - 1) / ROWS];
    Arrays.setAll(blocks, i -> new Block(o, at, i * ROWS));
    int[] live = at.live(o.x());
    return () -> {
      for (Block block : blocks) {
        block.run(live[0]);
      }
    };
  }

  /** Bytes of what a block needs, shared by all blocks. */
  private record Sizes(int rows, int words, int width, long logits, long state, long products, long row) {

    static Sizes of(LossOp.LabelLogProbability o, CpuTarget target) {
      int rows = Math.min(ROWS, o.x().shape().rows());
      int words = o.w().shape().rows();
      int width = o.w().shape().cols();
      int chunk = Math.min(WORDS, words);
      int element = target.floats().bytes();
      long forward = target.kernels().gemmScratchBytes(forward(o, target, rows, chunk), target.threads());
      long backward = target.kernels().gemmScratchBytes(backward(o, target, rows, chunk), target.threads());
      int last = words % chunk;
      if (last > 0) {
        forward = Math.max(forward, target.kernels().gemmScratchBytes(forward(o, target, rows, last), target.threads()));
        backward = Math.max(backward, target.kernels().gemmScratchBytes(backward(o, target, rows, last), target.threads()));
      }
      return new Sizes(rows, words, width, Memory.align((long) rows * chunk * element),
          Memory.align((long) rows * Kernels.LABEL_STATE * Double.BYTES), Math.max(forward, backward), Memory.align((long) width * element));
    }
  }

  private static Gemm.Spec forward(LossOp.LabelLogProbability o, CpuTarget target, int rows, int words) {
    return new Gemm.Spec(Gemm.Form.NT, rows, rows, words, o.w().shape().cols(), o.logits().scale(), true, target.weights(o.w()));
  }

  private static Gemm.Spec backward(LossOp.LabelLogProbability o, CpuTarget target, int rows, int words) {
    return new Gemm.Spec(Gemm.Form.NN, rows, rows, o.w().shape().cols(), words, 1, true, target.weights(o.w()));
  }

  /** Rows that go through the vocabulary together. */
  private static final class Block {
    private final Kernels kernels;
    private final Workers workers;
    private final Kernels.LabelSoftmax softmax;
    private final int first;
    private final MemorySegment logits;
    private final Gemm[] forward;
    private final Gemm[] backward;
    private final int words;
    private final int piece;
    private final Kernels.Table[] tables;
    private final MemorySegment[] labelRow;
    private final MemorySegment y;
    private final MemorySegment likeliest;
    private final double scale;
    private final Workers.Task takeUp = this::takeUp;
    private final Workers.Task end = this::end;

    private int live;
    private int word;
    private int cols;

    Block(LossOp.LabelLogProbability o, CpuSteps at, int first) {
      kernels = at.kernels();
      workers = at.workers();
      this.first = first;
      CpuTarget target = at.plan().target();
      Sizes sizes = Sizes.of(o, target);
      int rows = Math.min(ROWS, o.x().shape().rows() - first);
      int element = target.floats().bytes();
      long rowBytes = (long) sizes.width * element;
      words = sizes.words;
      scale = o.logits().scale();
      logits = at.scratch().asSlice(0, sizes.logits);
      MemorySegment products = at.scratch().asSlice(sizes.logits + sizes.state);
      MemorySegment x = at.s(o.x()).asSlice(first * rowBytes, rows * rowBytes);
      MemorySegment sums = o.slope().map(of -> at.s(of).asSlice(first * rowBytes, rows * rowBytes)).orElse(MemorySegment.NULL);
      softmax = new Kernels.LabelSoftmax(at.s(o.labels()).asSlice(first * 4L), at.scratch().asSlice(sizes.logits, sizes.state), o.logits().cap(),
          words, sums, sizes.width);
      y = at.s(o.y().logProbability()).asSlice((long) first * element);
      likeliest = at.s(o.y().likeliest()).asSlice((long) first * element);
      piece = Math.max(1, CpuSteps.PIECE / Math.min(WORDS, words));
      MemorySegment weight = at.frozen(o.w(), CpuPlan.Form.PANELS);
      forward = new Gemm[(words + WORDS - 1) / WORDS];
      backward = new Gemm[o.slope().isPresent() ? forward.length : 0];
      MemorySegment bias = o.bias().map(at::s).orElse(MemorySegment.NULL);
      for (int i = 0; i < forward.length; i++) {
        int count = Math.min(WORDS, words - i * WORDS);
        MemorySegment biasOfPart = o.bias().isPresent() ? bias.asSlice((long) i * WORDS * element) : bias;
        MemorySegment part = i == 0 ? weight : weight.asSlice(kernels.packedBytes(i * WORDS, sizes.width, target.weights(o.w())));
        forward[i] = kernels.gemm(forward(o, target, rows, count), new Gemm.Operands(x, part, biasOfPart, MemorySegment.NULL, logits, products));
        if (backward.length > 0) {
          backward[i] = kernels.gemm(backward(o, target, rows, count),
              new Gemm.Operands(logits, part, MemorySegment.NULL, i == 0 ? MemorySegment.NULL : sums, sums, products));
        }
      }
      tables = new Kernels.Table[workers.threads()];
      labelRow = new MemorySegment[workers.threads()];
      for (int i = 0; i < tables.length; i++) {
        labelRow[i] = at.scratch(i).asSlice(0, sizes.row);
        tables[i] = at.table(o.w(), at.scratch(i).asSlice(sizes.row));
      }
    }

    void run(int all) {
      live = Math.min(all - first, ROWS);
      if (live <= 0) {
        return;
      }
      int pieces = (live + piece - 1) / piece;
      for (int i = 0; i < forward.length; i++) {
        word = i * WORDS;
        cols = Math.min(WORDS, words - word);
        forward[i].run(workers, live);
        workers.run(pieces, takeUp);
        if (backward.length > 0) {
          backward[i].run(workers, live);
        }
      }
      workers.run(pieces, end);
    }

    private void takeUp(int index, int worker) {
      kernels.labelSoftmax(softmax, logits, word, cols, index * piece, Math.min(live, (index + 1) * piece));
    }

    private void end(int index, int worker) {
      kernels.labelSoftmaxEnd(softmax, tables[worker], labelRow[worker], scale, y, likeliest, index * piece, Math.min(live, (index + 1) * piece));
    }
  }
}
