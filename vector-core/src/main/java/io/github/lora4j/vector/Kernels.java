package io.github.lora4j.vector;

import java.lang.foreign.MemorySegment;

/**
 * The arithmetic of every op on native memory, twice: {@link ReferenceKernels} (scalar, double accumulation, F32 or F64, the
 * oracle) and {@code VectorKernels} (Vector API, F32).
 *
 * <p>Functions are stateless and sequential; they work on rows (or elements) {@code from} inclusive to {@code to} exclusive, so
 * that a caller cuts the work by shape and gives pieces to {@link Workers}. Matrices are row-major and dense. All float
 * buffers hold {@link #dtype()}, ids and tables hold I32, unless said otherwise. An output may be the same segment as an input
 * of the same shape. {@link MemorySegment#NULL} stands for an operand that is absent (an addend) or not wanted (a gradient).
 */
public interface Kernels {

  /** The element type of float buffers: F32 or F64. */
  DType dtype();

  /** What this is and why it was chosen, for people: for example "vector: 16 float lanes, 32 registers". */
  String describe();

  // ---- matrix products (BLAS names; see Gemm) ----

  /** Bytes of the panels that {@link #pack} writes. */
  long packedBytes(int rows, int cols, WeightFormat storage);

  /**
   * Packs a frozen weight W, once for the forward product (NT with n = rows, k = cols) and for its input's gradient (NN with k = rows,
   * n = cols) alike.
   *
   * @param source row-major [rows, cols], elements of type {@link #dtype()}
   */
  void pack(int rows, int cols, MemorySegment source, MemorySegment panels, WeightFormat storage);

  /** The same from a weight whose rows are in the format already, see {@link WeightFormats#rowBytes}: their bits are kept. */
  void packStored(int rows, int cols, MemorySegment blocks, MemorySegment panels, WeightFormat storage);

  /** Bytes of scratch a product needs when at most {@code threads} workers run it. */
  long gemmScratchBytes(Gemm.Spec spec, int threads);

  /** Prepares a product bound to its operands; running it allocates nothing. */
  default Gemm gemm(Gemm.Spec spec, Gemm.Operands operands) {
    return gemm(spec, operands, Gemm.Then.NOTHING);
  }

  /** The same for an NT or NN product with a packed operand, followed by something element by element. */
  Gemm gemm(Gemm.Spec spec, Gemm.Operands operands, Gemm.Then then);

  // ---- elementwise, [from, to) elements ----

  /** out = x + y. */
  void add(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to);

  /** out = x · y. */
  void multiply(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to);

  /** out = alpha · x. */
  void scale(MemorySegment x, double alpha, MemorySegment out, long from, long to);

  /** out = f(x). */
  void activation(Activation f, MemorySegment x, MemorySegment out, long from, long to);

  /** dx = dy · f'(x). */
  void activationGrad(Activation f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to);

  // ---- rows ----

  /**
   * A table of rows in a format.
   *
   * @param scratch {@link #tableScratchBytes}; of the one worker that calls with this table
   * @param packed how many rows the table has where {@link #pack} wrote it; 0 where they lie one behind another
   */
  record Table(MemorySegment rows, WeightFormat format, MemorySegment scratch, int packed) {
    /** Rows one behind another. */
    public Table(MemorySegment rows, WeightFormat format, MemorySegment scratch) {
      this(rows, format, scratch, 0);
    }
  }

  /** Bytes of scratch one worker needs to look up rows. */
  long tableScratchBytes(WeightFormat format, int cols);

  /** out[i] = table[ids[i]] (+ addend[i]); an id of −1 gives a zero row (or the addend alone). */
  void gather(Table table, MemorySegment ids, MemorySegment addend, MemorySegment out, int cols, int from, int to);

  /** The inverse of an id list: the rows order[starts[u]], …, order[starts[u+1] − 1] have the id unique[u]. */
  record ScatterIndex(MemorySegment unique, MemorySegment starts, MemorySegment order) {}

  /**
   * The transpose of {@link #gather} with repeated ids, deterministic: for u in [from, to),
   * table[unique[u]] += Σ over j in [starts[u], starts[u+1]) of dy[order[j]], with {@code mean} divided by the number of terms.
   */
  void scatterAdd(MemorySegment dy, ScatterIndex index, boolean mean, MemorySegment table, int cols, int from, int to);

  /** y = (x − mean)·rstd·gamma (+ beta); stats[i] = (mean, rstd) with rstd = 1/√(var + eps), var biased. */
  void layerNorm(MemorySegment x, MemorySegment gamma, MemorySegment beta, MemorySegment y, MemorySegment stats, int cols, double eps,
      int from, int to);

  /** dx of {@link #layerNorm} (+ addend). With x̂ = (x − mean)·rstd, g = dy·gamma: dx = rstd(g − mean(g) − x̂·mean(g·x̂)). */
  void layerNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend,
      MemorySegment dx, int cols, int from, int to);

  /** gammaSum[j] = Σ dy·x̂ and betaSum[j] = Σ dy over rows [from, to), written (not added) to row {@code slot} of two partials. */
  void layerNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, MemorySegment betaSum,
      int slot, int cols, int from, int to);

  /** y = x·rstd·gamma with rstd = 1/√(mean(x²) + eps), kept in stats[i] (Zhang and Sennrich 2019). */
  void rmsNorm(MemorySegment x, MemorySegment gamma, MemorySegment y, MemorySegment stats, int cols, double eps, int from, int to);

  /** dx of {@link #rmsNorm} (+ addend). With g = dy·gamma: dx = rstd(g − x·rstd²·mean(g·x)). */
  void rmsNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend, MemorySegment dx, int cols,
      int from, int to);

  /** gammaSum[slot, j] = Σ over rows [from, to) of dy·x·rstd (written, not added). */
  void rmsNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, int slot, int cols, int from, int to);

  /**
   * Rotary position embedding (Su et al. 2021) in Hugging Face's layout: element j of a head's first half and element j of its second are
   * turned by the angle of their position. With c, s from the table: y₁ = x₁c − x₂s, y₂ = x₂c + x₁s; {@code inverse} turns back (and scales as
   * the table does, which makes it the gradient).
   *
   * @param positions I32 [rows, 1]
   * @param table [positions, turn.columns]: cosines of half the columns, then sines
   */
  void rope(MemorySegment x, MemorySegment positions, MemorySegment table, MemorySegment y, Turn turn, boolean inverse, int from, int to);

  /**
   * What of a head {@link #rope} turns.
   *
   * @param columns how many of a head's first columns; those behind stay
   * @param neighbours whether elements 2j and 2j + 1 make a pair (GPT-J, Cohere), not j and j + columns/2
   */
  record Turn(int heads, int headDim, int columns, boolean neighbours) {}

  /** sums[slot, j] = Σ over rows [from, to) of x[i, j] (written, not added). */
  void columnSums(MemorySegment x, MemorySegment sums, int slot, int cols, int from, int to);

  /** out[j] += Σ over slots (in order) of partial[slot, j], columns [from, to). */
  void addPartials(MemorySegment partial, int slots, MemorySegment out, int cols, int from, int to);

  /** out[i, j] = center[j] + (x[i, j] − center[j])·scale[j]; without a center it is 0. */
  void scaleColumns(MemorySegment x, MemorySegment scale, MemorySegment center, MemorySegment out, int cols, int from, int to);

  /** The gradient of the scale of {@link #scaleColumns}: sums[slot, j] = Σ over rows [from, to) of dy·(x − center) (written, not added). */
  void columnDots(MemorySegment dy, MemorySegment x, MemorySegment center, MemorySegment sums, int slot, int cols, int from, int to);

  /**
   * out[i] = sum of rows [ranges[i].start, start + length) of x, or with {@code mean} that divided by the length; ranges I32 [rows, 2] =
   * (start, length); length 0 gives zeros.
   */
  void rangeSum(MemorySegment x, MemorySegment ranges, boolean mean, MemorySegment out, int cols, int from, int to);

  /**
   * For each range i in [from, to): dx rows of the range = dy[i], or with {@code mean} dy[i] / length (+ addend). Rows outside every range stay
   * untouched.
   */
  void rangeSumGrad(MemorySegment dy, MemorySegment ranges, boolean mean, MemorySegment addend, MemorySegment dx, int cols, int from, int to);

  /** y = x / max(‖x‖₂, eps); norms[i] = max(‖x‖₂, eps). */
  void l2Normalize(MemorySegment x, MemorySegment y, MemorySegment norms, int cols, double eps, int from, int to);

  /** dx = (dy − y·(y·dy)) / norm. */
  void l2NormalizeGrad(MemorySegment dy, MemorySegment y, MemorySegment norms, MemorySegment dx, int cols, int from, int to);

  /**
   * Inverted dropout with a counter-based mask ({@link Philox}): out = keep ? x/(1 − p) : 0. The counter is (example, position,
   * column/4, step), the key (seed low xor site, seed high); column c takes output c mod 4; so the mask depends on neither packing, threads nor
   * micro-batches.
   *
   * @param rowKeys I32 [rows, 2] = (example ordinal, position)
   * @param random I32 [3] = (seed low, seed high, step)
   */
  void dropout(MemorySegment x, MemorySegment rowKeys, MemorySegment random, int site, double p, MemorySegment out, int cols, int from,
      int to);

  // ---- layouts: copies, to the bit ----

  /** Columns of a matrix, from {@code first} on. */
  record Part(MemorySegment rows, int cols, int first) {}

  /** target[i, first + j] = source[i, first + j] for j below {@code width}, each counted from where its part begins. */
  void copyColumns(Part source, Part target, int width, int from, int to);

  /**
   * A column's range of rows as a row: y[i, j] = x[start + j, column] for j below length, {@code filler} up to {@code most}.
   *
   * @param x as a whole: {@code first} is 0
   * @param spans I32 [rows of y, 3] = (start, length, column)
   */
  void spread(Part x, MemorySegment spans, double filler, MemorySegment y, int most, int from, int to);

  /** The way back of {@link #spread}: dx[start + j, column] = dy[i, j]; what no span covers stays untouched. */
  void collect(MemorySegment dy, MemorySegment spans, Part dx, int most, int from, int to);

  /** What the positions of a convolution's kernel see: y[i, c·taps + t] = x[indices[i, t], c], 0 where the index is negative. */
  void unfold(MemorySegment x, MemorySegment indices, MemorySegment y, int channels, int taps, int from, int to);

  /** The gradient of {@link #unfold}: dx[i, c] = Σ over t of dy[inverse[i, t], c·taps + t], in double. */
  void fold(MemorySegment dy, MemorySegment inverse, MemorySegment dx, int channels, int taps, int from, int to);

  // ---- small matrices of adapters: sums in double, in order, so the same bits in both kernels ----

  /** ‖G − I‖ (Frobenius) of G [r, r], returned; factor = 2·scale·(G − I)/‖G − I‖, or 0 where G = I. */
  double gramPenalty(MemorySegment gram, double scale, MemorySegment factor, int r);

  /** theta = 0 where the mask is 0, by assignment: a product would leave −0, and NaN where theta is not finite. */
  void mask(MemorySegment theta, MemorySegment mask, long from, long to);

  /**
   * DoRA's reciprocal norms of W + s·B·A (Liu et al. 2024, section 4.3) for outputs [from, to):
   * inverse[o] = 1/√(norms[o]² + Σₖ s·B[o,k]·(2·M[k,o] + s·T[o,k])), with M = A·Wᵀ [r, outputs] and T = B·(A·Aᵀ) [outputs, r].
   */
  void doraNorm(MemorySegment norms, MemorySegment m, MemorySegment b, MemorySegment t, double s, MemorySegment inverse, int r, int outputs,
      int from, int to);

  /** scores[j] = mean over rows of x[i, j]·y[i, j] (+ scores[j] with {@code add}). */
  void columnScores(MemorySegment x, MemorySegment y, MemorySegment scores, boolean add, int rows, int cols);

  // ---- attention ----

  /** Bytes of scratch one worker needs for segments with at most this many keys. */
  default long attentionScratchBytes(AttentionSpec spec, int maxKeys) {
    return attentionScratchBytes(spec, maxKeys, 0);
  }

  /**
   * The same with vectors by distance.
   *
   * @param distances rows of their tables; 0: there are none
   */
  long attentionScratchBytes(AttentionSpec spec, int maxKeys, int distances);

  /**
   * One head of one segment: out = softmax(scores)·v for query rows [qStart, qStart + qLength) over key rows
   * [kStart, kStart + kLength), without storing the score matrix; lse[row, head] = log Σ exp of the row's scores. A query
   * without any visible key gives zeros and lse = −∞. Scores are those of {@link AttentionSpec}.
   */
  void attention(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment out,
      MemorySegment lse, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head, MemorySegment scratch);

  /**
   * Gradients of all heads that share key head {@code kvHead}, of one segment; probabilities p are recomputed from lse, and of a score
   * the gradient is p·(dp − Σ p·dp / Σ p), with sums over the keys, so that the output need not be kept. Rows of
   * dq, dk, dv that belong to the segment and the heads are written (not added). Any of dq, dk, dv may be NULL.
   */
  void attentionGrad(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart, int kLength,
      int positionOffset, int kvHead, MemorySegment scratch);

  /** Adds the gradients of one head, of one segment, to its columns of dBias, whose tables are shaped like those of the bias; those that it has. */
  void attentionBiasGrad(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, AttentionSpec.Bias dBias, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head,
      MemorySegment scratch);

  // ---- losses ----

  /** rowLoss[i] = the loss of row i; see {@link Loss} for the label types and which rows count. */
  void loss(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment rowLoss, int cols, int from, int to);

  /** Gradient of the <em>sum</em> of row losses. */
  void lossGrad(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment dPredictions, int cols, int from, int to);

  /** Counted targets in rows [from, to). */
  long targets(Loss loss, MemorySegment labels, int cols, int from, int to);

  /**
   * Multiple-negatives ranking loss over in-batch negatives (Henderson et al. 2017; sentence-transformers): row i of a against
   * every row of b, scores scale·aᵢ·bⱼ, rowLoss[i] = −log softmax(scores)[i]. probs[i, j] (leading dimension {@code ld}) keeps
   * softmax minus identity for the gradient.
   */
  void inBatchNegatives(MemorySegment a, MemorySegment b, MemorySegment probs, int ld, MemorySegment rowLoss, double scale, int rows,
      int cols, int from, int to);

  /** da[i] = scale·Σⱼ probs[i, j]·b[j]; with {@code transposed}, db[j] = scale·Σᵢ probs[i, j]·a[i]. */
  void inBatchNegativesGrad(MemorySegment probs, int ld, MemorySegment other, boolean transposed, double scale, MemorySegment out,
      int rows, int cols, int from, int to);

  // ---- what other losses are made of ----

  /** out = x + beta; without x, beta. Elements [from, to). */
  void shift(MemorySegment x, double beta, MemorySegment out, long from, long to);

  /** out = f(x), elements [from, to). */
  void function(ScalarFunction f, MemorySegment x, MemorySegment out, long from, long to);

  /** dx = dy · f'(x), elements [from, to). */
  void functionGrad(ScalarFunction f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to);

  /**
   * out[i, k] = log softmax(logits[i])[columns[i, k]], 0 where the column is −1 or −100; stats[i] = (max, Σⱼ exp(logits[i, j] − max)), which can be
   * kept up while the columns are walked over in chunks.
   *
   * @param columns I32 [rows, picks]
   */
  void logSoftmaxAt(MemorySegment logits, MemorySegment columns, int picks, MemorySegment out, MemorySegment stats, int cols, int from, int to);

  /** dLogits[i, j] = Σₖ dOut[i, k]·([columns[i, k] = j] − softmax(logits[i])[j]), over the picks that have a column. */
  void logSoftmaxAtGrad(MemorySegment logits, MemorySegment columns, int picks, MemorySegment stats, MemorySegment dOut, MemorySegment dLogits,
      int cols, int from, int to);

  /**
   * A softmax over columns that come in chunks, first to last, without any of them being kept.
   *
   * @param labels I32, a label for each row; −1 or −100: none
   * @param state {@link #LABEL_STATE} doubles for each row, of the kernels alone
   * @param cap logits are cap·tanh(x / cap); 0: x itself
   * @param columns how many there are in all chunks
   * @param sums Σⱼ e^(zⱼ − largest)·∂zⱼ/∂xⱼ·w[j] so far [rows, width], which the caller adds up; NULL where no gradient is wanted
   * @param width columns of the sums
   */
  record LabelSoftmax(MemorySegment labels, MemorySegment state, double cap, int columns, MemorySegment sums, int width) {}

  /** Doubles for each row of a {@link LabelSoftmax}: largest logit, Σ e^(z − largest), the label's logit and its slope, the column of the largest. */
  int LABEL_STATE = 5;

  /** Columns of a packed weight's rows whose panels lie apart from those of later rows: chunks of a vocabulary are multiples of it. */
  int CHUNK_ROWS = 192;

  /**
   * Takes up columns [first, first + cols). Where gradients are wanted the sums are brought down to the new largest logit (not with the first chunk:
   * then there are none), and x becomes what is multiplied with rows of the weight and added to them: e^(z − largest)·∂z/∂x.
   *
   * @param x [rows, cols]
   */
  void labelSoftmax(LabelSoftmax softmax, MemorySegment x, int first, int cols, int from, int to);

  /**
   * What is left when all columns have been seen: y[i] = log softmax(z[i])[labels[i]], 0 without a label; likeliest[i] = the first column of the
   * largest. Where gradients are wanted, the sums become ∂y[i]/∂h = scale·(∂z/∂x·w[labels[i]] − sums / Σ e^(z − largest)).
   *
   * @param weight w, of which a label's row is read into {@code row}
   * @param row a row of w; of the one worker that calls with it
   * @param scale x = scale·h·wᵀ
   */
  void labelSoftmaxEnd(LabelSoftmax softmax, Table weight, MemorySegment row, double scale, MemorySegment y, MemorySegment likeliest, int from,
      int to);

  /** y[i] = the column of the largest element of row i, the first of several. */
  void likeliest(MemorySegment x, MemorySegment y, int cols, int from, int to);

  // ---- reductions and optimizers over flat arenas, [from, to) elements ----

  /** Σ x over the range, in double. */
  double sum(MemorySegment x, long from, long to);

  /** Σ x·y over the range, in double. */
  double dot(MemorySegment x, MemorySegment y, long from, long to);

  /**
   * AdaLoRA's sensitivity and uncertainty of parameters (Zhang et al. 2023, equations 8-10). With I = |θ·gradScale·grad|:
   * Ī ← β₁Ī + (1 − β₁)I; Ū ← β₂Ū + (1 − β₂)|I − Ī| with the new Ī.
   */
  void sensitivity(MemorySegment theta, MemorySegment grad, double gradScale, double beta1, double beta2, MemorySegment importance,
      MemorySegment uncertainty, long from, long to);

  /** Σ x² over the range, in double. */
  double sumSquares(MemorySegment x, long from, long to);

  /**
   * AdamW (Loshchilov and Hutter 2019) as PyTorch computes it. With g = gradScale·grad:
   * θ ← θ(1 − lr·decay); m ← m + (1 − β₁)(g − m); v ← β₂v + (1 − β₂)g²; θ ← θ − stepSize·m / (√v/√bias2 + eps).
   * With {@code decoupled} false (Adam with L2): g ← g + decay·θ first, and θ is not shrunk.
   */
  void adam(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, long from, long to, AdamScalars s);

  /**
   * AMSGrad (Reddi, Kale and Kumar 2018) as PyTorch computes it: {@link #adam} whose step divides by the largest v so far,
   * max ← max(max, v), in v's stead.
   */
  void amsgrad(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, MemorySegment max, long from, long to,
      AdamScalars s);

  /**
   * SGD with momentum as PyTorch: g ← gradScale·grad + decay·θ; b ← momentum·b + g (b = g at the first step); θ ← θ − lr·b.
   * Without momentum {@code velocity} may be NULL.
   */
  void sgd(MemorySegment theta, MemorySegment grad, MemorySegment velocity, long from, long to, double lr, double momentum, double decay,
      double gradScale, boolean first);
}
