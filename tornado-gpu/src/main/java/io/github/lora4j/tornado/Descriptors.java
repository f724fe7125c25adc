package io.github.lora4j.tornado;

import java.lang.reflect.Field;
import java.lang.reflect.RecordComponent;
import java.util.Locale;

/**
 * What kernels are told, in records: the lowering makes one for each task, {@link #pack} lays it out in the table, and the kernel reads field X of
 * the descriptor at d as {@code t.get(d + X)}. The constants are the places of a record's components, which {@link #fields} checks when the kernels
 * are loaded. Most start with the place of the live row count, in ints, and the number of columns; fields are places in an arena unless their name
 * says a size, and −1 where an operand is absent.
 */
final class Descriptors {

  /** Columns, in descriptors that start with count and columns. */
  static final int COLS = 1;

  private Descriptors() {}

  /** Ints of a kind of descriptor. */
  static int fields(Class<? extends Record> kind) {
    RecordComponent[] components = kind.getRecordComponents();
    for (int i = 0; i < components.length; i++) {
      String name = components[i].getName();
      if (!(i == 0 && name.equals("count") || i == COLS && name.equals("cols"))) {
        check(kind, name.replaceAll("([A-Z])", "_$1").toUpperCase(Locale.ROOT), i);
      }
    }
    return components.length;
  }

  private static void check(Class<?> kind, String constant, int place) {
    try {
      Field field = kind.getDeclaredField(constant);
      if (field.getInt(null) != place) {
        throw new IllegalStateException("%s.%s is %d, and its component has place %d".formatted(kind.getSimpleName(), constant, field.getInt(null),
            place));
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(kind.getSimpleName() + " has no constant " + constant + " for its component", e);
    }
  }

  /** A descriptor as it lies in the table. */
  static int[] pack(Record descriptor) {
    RecordComponent[] components = descriptor.getClass().getRecordComponents();
    int[] fields = new int[components.length];
    try {
      for (int i = 0; i < fields.length; i++) {
        fields[i] = (int) components[i].getAccessor().invoke(descriptor);
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot read " + descriptor, e);
    }
    return fields;
  }

  /** Two operands and a result. */
  record Binary(int count, int cols, int x, int y, int out) {
    static final int X = 2, Y = 3, OUT = 4;
  }

  /** An operand, the place of a number, a result; without x, it is 0. */
  record Scaled(int count, int cols, int x, int number, int out) {
    static final int X = 2, NUMBER = 3, OUT = 4;
  }

  /** A copy, or zeros where x is −1. */
  record Copy(int count, int cols, int x, int out) {
    static final int X = 2, OUT = 3;
  }

  /** A function by its code, see {@link Codes}. */
  record Applied(int count, int cols, int x, int y, int f) {
    static final int X = 2, Y = 3, F = 4;
  }

  /** The gradient of a function. */
  record AppliedGrad(int count, int cols, int x, int dy, int dx, int f) {
    static final int X = 2, DY = 3, DX = 4, F = 5;
  }

  /** What a library's product leaves to do. */
  record AfterProduct(int count, int cols, int out, int bias, int addend) {
    static final int OUT = 2, BIAS = 3, ADDEND = 4;
  }

  record LayerNorm(int count, int cols, int x, int stats, int gamma, int beta, int y) {
    static final int X = 2, STATS = 3, GAMMA = 4, BETA = 5, Y = 6;
  }

  /** Each {@code width} columns are a row of their own. */
  record RmsNorm(int count, int cols, int width, int x, int stats, int gamma, int y) {
    static final int WIDTH = 2, X = 3, STATS = 4, GAMMA = 5, Y = 6;
  }

  /** The gradient of either norm; sums are the means it needs. */
  record NormGrad(int count, int cols, int width, int dy, int x, int stats, int gamma, int addend, int sums, int dx) {
    static final int WIDTH = 2, DY = 3, X = 4, STATS = 5, GAMMA = 6, ADDEND = 7, SUMS = 8, DX = 9;
  }

  /** A number for each row. */
  record PerRow(int count, int cols, int x, int numbers, int out) {
    static final int X = 2, NUMBERS = 3, OUT = 4;
  }

  record L2Grad(int count, int cols, int dy, int y, int norms, int dots, int dx) {
    static final int DY = 2, Y = 3, NORMS = 4, DOTS = 5, DX = 6;
  }

  record Dropout(int count, int cols, int x, int keys, int random, int factor, int threshold, int site, int out) {
    static final int X = 2, KEYS = 3, RANDOM = 4, FACTOR = 5, THRESHOLD = 6, SITE = 7, OUT = 8;
  }

  record ScaleColumns(int count, int cols, int x, int scale, int center, int y) {
    static final int X = 2, SCALE = 3, CENTER = 4, Y = 5;
  }

  record Masked(int count, int cols, int theta, int mask) {
    static final int THETA = 2, MASK = 3;
  }

  record Sensitivity(int count, int cols, int theta, int grad, int report, int beta1, int beta2, int importance, int uncertainty) {
    static final int THETA = 2, GRAD = 3, REPORT = 4, BETA1 = 5, BETA2 = 6, IMPORTANCE = 7, UNCERTAINTY = 8;
  }

  /** Softmax losses of rows with a class. */
  record Classes(int count, int cols, int predictions, int labels, int out) {
    static final int PREDICTIONS = 2, LABELS = 3, OUT = 4;
  }

  /** Losses with a label for each column, by the code of the kind. */
  record ColumnLoss(int count, int cols, int predictions, int labels, int out, int kind) {
    static final int PREDICTIONS = 2, LABELS = 3, OUT = 4, KIND = 5;
  }

  record Counted(int count, int cols, int labels, int each, int out) {
    static final int LABELS = 2, EACH = 3, OUT = 4;
  }

  record GramExcess(int count, int cols, int gram, int r, int factor) {
    static final int GRAM = 2, R = 3, FACTOR = 4;
  }

  record GramPenalty(int count, int cols, int square, int weight, int targets, int add, int penalty, int factor) {
    static final int SQUARE = 2, WEIGHT = 3, TARGETS = 4, ADD = 5, PENALTY = 6, FACTOR = 7;
  }

  record Widen(int count, int cols, int where, int matrix, int decode, int out) {
    static final int WHERE = 2, MATRIX = 3, DECODE = 4, OUT = 5;
  }

  record Gather(int count, int cols, int where, int table, int decode, int ids, int addend, int y) {
    static final int WHERE = 2, TABLE = 3, DECODE = 4, IDS = 5, ADDEND = 6, Y = 7;
  }

  record AppendRows(int count, int cols, int x, int rows, int state) {
    static final int X = 2, ROWS = 3, STATE = 4;
  }

  /** Sums of the rows of each id, or their means if {@code mean} is 1. */
  record ScatterAdd(int count, int cols, int dy, int unique, int starts, int order, int mean, int table) {
    static final int DY = 2, UNIQUE = 3, STARTS = 4, ORDER = 5, MEAN = 6, TABLE = 7;
  }

  /** Sums of ranges of rows, or their means if {@code mean} is 1; also the gradient. */
  record Ranges(int count, int cols, int x, int ranges, int mean, int out) {
    static final int X = 2, RANGES = 3, MEAN = 4, OUT = 5;
  }

  /** A block of columns from one matrix to another. */
  /** {@code width} columns after each other from either side; a row may hold them many times. */
  record Columns(int count, int cols, int width, int x, int xCols, int xFirst, int y, int yCols, int yFirst) {
    static final int WIDTH = 2, X = 3, X_COLS = 4, X_FIRST = 5, Y = 6, Y_COLS = 7, Y_FIRST = 8;
  }

  record Spread(int count, int cols, int x, int xCols, int spans, int nothing, int y) {
    static final int X = 2, X_COLS = 3, SPANS = 4, NOTHING = 5, Y = 6;
  }

  record Collect(int count, int cols, int dy, int dxCols, int spans, int dx) {
    static final int DY = 2, DX_COLS = 3, SPANS = 4, DX = 5;
  }

  /** Unfolding with the number of channels, folding with that of taps. */
  record Taps(int count, int cols, int x, int size, int indices, int out) {
    static final int X = 2, SIZE = 3, INDICES = 4, OUT = 5;
  }

  /**
   * Heads of {@code size}, of which {@code turned} columns turn; a pair's elements are {@code step} times its number and {@code apart} from there.
   */
  record Rope(int count, int cols, int x, int positions, int table, int size, int turned, int step, int apart, int sign, int y) {
    static final int X = 2, POSITIONS = 3, TABLE = 4, SIZE = 5, TURNED = 6, STEP = 7, APART = 8, SIGN = 9, Y = 10;
  }

  /** Sums over rows; {@code width} columns have statistics of their own. */
  record ColumnPartials(int count, int cols, int width, int dy, int x, int stats, int center, int kind, int partials) {
    static final int WIDTH = 2, DY = 3, X = 4, STATS = 5, CENTER = 6, KIND = 7, PARTIALS = 8;
  }

  record Combine(int count, int cols, int rows, int partials, int add, int piece, int out) {
    static final int ROWS = 2, PARTIALS = 3, ADD = 4, PIECE = 5, OUT = 6;
  }

  record ColumnScores(int count, int cols, int importance, int uncertainty, int rows, int add, int scores) {
    static final int IMPORTANCE = 2, UNCERTAINTY = 3, ROWS = 4, ADD = 5, SCORES = 6;
  }

  record DoraNorm(int count, int cols, int norms, int m, int b, int t, int rank, int scaling, int inverse) {
    static final int NORMS = 2, M = 3, B = 4, T = 5, RANK = 6, SCALING = 7, INVERSE = 8;
  }

  record Update(int count, int cols, int go, int report, int hyper, int groups, int blocks, int kind, int constants, int theta, int m, int v,
      int max) {
    static final int GO = 2, REPORT = 3, HYPER = 4, GROUPS = 5, BLOCKS = 6, KIND = 7, CONSTANTS = 8, THETA = 9, M = 10, V = 11, MAX = 12;
  }

  record Stats(int count, int cols, int x, int eps, int stats) {
    static final int X = 2, EPS = 3, STATS = 4;
  }

  record NormSums(int count, int cols, int dy, int x, int stats, int gamma, int sums) {
    static final int DY = 2, X = 3, STATS = 4, GAMMA = 5, SUMS = 6;
  }

  /** A number for each row, or for each of the {@code groups} of so many columns that a row has. */
  record Reduce(int count, int cols, int groups, int a, int b, int c, int eps, int kind, int out) {
    static final int GROUPS = 2, A = 3, B = 4, C = 5, EPS = 6, KIND = 7, OUT = 8;
  }

  record InBatch(int count, int cols, int candidates, int scores, int stride, int rowLoss) {
    static final int CANDIDATES = 2, SCORES = 3, STRIDE = 4, ROW_LOSS = 5;
  }

  record AddSum(int count, int cols, int x, int total) {
    static final int X = 2, TOTAL = 3;
  }

  record Squares(int count, int cols, int piece, int x, int out) {
    static final int PIECE = 2, X = 3, OUT = 4;
  }

  record Report(int count, int cols, int squares, int lossSum, int targets, int maxNorm, int report, int go) {
    static final int SQUARES = 2, LOSS_SUM = 3, TARGETS = 4, MAX_NORM = 5, REPORT = 6, GO = 7;
  }

  record LogSoftmaxAt(int count, int cols, int logits, int columns, int picks, int y, int stats) {
    static final int LOGITS = 2, COLUMNS = 3, PICKS = 4, Y = 5, STATS = 6;
  }

  record Likeliest(int count, int cols, int logits, int y) {
    static final int LOGITS = 2, Y = 3;
  }

  record LogSoftmaxAtGrad(int count, int cols, int logits, int columns, int picks, int stats, int dy, int dLogits) {
    static final int LOGITS = 2, COLUMNS = 3, PICKS = 4, STATS = 5, DY = 6, D_LOGITS = 7;
  }

  /** A product as a library takes it: places of three counts, operands by strides, see {@link Sgemm}. */
  record Blas(int rows, int cols, int k, int left, int leftRow, int leftK, int where, int right, int rightK, int rightCol, int alpha, int add,
      int out, int width) {
    static final int ROWS = 0, COLS = 1, K = 2, LEFT = 3, LEFT_ROW = 4, LEFT_K = 5, WHERE = 6, RIGHT = 7, RIGHT_K = 8, RIGHT_COL = 9, ALPHA = 10,
        ADD = 11, OUT = 12, WIDTH = 13;
  }

  /** A product of ours: places of three counts, operands by strides; {@code piece} steps of k a group, or 0 for all, {@code partial} floats apart. */
  record Matrices(int m, int n, int k, int a, int aRow, int aK, int where, int b, int decode, int bK, int bCol, int bias, int addend, int alpha,
      int add, int piece, int partial, int out, int width) {
    static final int M = 0, N = 1, K = 2, A = 3, A_ROW = 4, A_K = 5, WHERE = 6, B = 7, DECODE = 8, B_K = 9, B_COL = 10, BIAS = 11, ADDEND = 12,
        ALPHA = 13, ADD = 14, PIECE = 15, PARTIAL = 16, OUT = 17, WIDTH = 18;
  }

  /**
   * Attention of a group's own rows with the other side's, see {@link Attending}.
   *
   * @param count place of the count of own rows
   * @param heads of an own row; {@code size} columns of a head; {@code otherHeads} of the other side's rows
   * @param times the other side's heads of an own head h: from h·times / parts on, {@code turns}
   * @param cap number of the soft cap, or −1; {@code bias} first element of the bias' middle row, or −1
   * @param low for each query row the first key that it sees, with {@code high} the one after the last, and {@code diagonal} the one at its
   *     position
   * @param ranges for each own block the same of the other side's rows
   * @param own own and {@code other} operand of the scores, then (second) of dout·v, which the gradients of scores need; −1 where probabilities do
   * @param values the right operand of the result, a row for each of the other side's; −1: what is wanted is delta
   * @param byQuery whether own rows are queries
   * @param distances rows of vectors by distance, 0 without them; {@code queryTerms} and {@code keyTerms} their products with queries and keys, the
   *     first one's for distance 0, or −1; {@code queryGrads} and {@code keyGrads} where gradients of scores go likewise, or −1
   */
  record Heads(int count, int heads, int size, int otherHeads, int times, int parts, int turns, int scale, int cap, int bias, int low, int high,
      int diagonal, int ranges, int own, int other, int ownSecond, int otherSecond, int values, int lse, int delta, int out, int byQuery,
      int distances, int queryTerms, int keyTerms, int queryGrads, int keyGrads) {
    static final int COUNT = 0, HEADS = 1, SIZE = 2, OTHER_HEADS = 3, TIMES = 4, PARTS = 5, TURNS = 6, SCALE = 7, CAP = 8, BIAS = 9, LOW = 10,
        HIGH = 11, DIAGONAL = 12, RANGES = 13, OWN = 14, OTHER = 15, OWN_SECOND = 16, OTHER_SECOND = 17, VALUES = 18, LSE = 19, DELTA = 20,
        OUT = 21, BY_QUERY = 22, DISTANCES = 23, QUERY_TERMS = 24, KEY_TERMS = 25, QUERY_GRADS = 26, KEY_GRADS = 27;
  }

  /** The gradient of attention's bias: a thread for each distance (of {@code center} both ways) and head; see {@link Heads} for the rest. */
  record HeadBias(int count, int cols, int queries, int heads, int kvHeads, int size, int center, int scale, int cap, int bias, int low, int high,
      int diagonal, int q, int k, int v, int dout, int lse, int delta, int distances, int queryTerms, int keyTerms, int out) {
    static final int QUERIES = 2, HEADS = 3, KV_HEADS = 4, SIZE = 5, CENTER = 6, SCALE = 7, CAP = 8, BIAS = 9, LOW = 10, HIGH = 11, DIAGONAL = 12,
        Q = 13, K = 14, V = 15, DOUT = 16, LSE = 17, DELTA = 18, DISTANCES = 19, QUERY_TERMS = 20, KEY_TERMS = 21, OUT = 22;
  }
}
