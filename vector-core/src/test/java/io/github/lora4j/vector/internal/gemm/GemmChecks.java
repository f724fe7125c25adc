package io.github.lora4j.vector.internal.gemm;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Scaled8;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.blocks.Int8Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/** Products against a plain triple loop in double; every segment has exactly the size it must have, so a stray access throws. */
public final class GemmChecks {

  private static final int[] SIZES = {1, 2, 5, 7, 8, 15, 16, 17, 33, 47, 48, 49, 64, 65, 97, 130, 200};
  private static final int[] DEPTHS = {1, 2, 3, 8, 17, 48, 96, 257, 385, 1030};
  private static final int[] WIDE = {3, 64, 100, 129, 192, 256, 330, 515, 640};
  private static final int[] DEEP = {1, 31, 257, 512, 1088, 2100};
  private static final WeightFormat[] FORMATS = {WeightFormat.F32, WeightFormat.BF16, WeightFormat.F16, new Scaled8(32), new Scaled8(3),
      new Scaled8(256), WeightFormat.F64, GgufFormat.Q8_0, GgufFormat.Q4_0, GgufFormat.Q4_1, GgufFormat.Q5_0, GgufFormat.Q2_K, GgufFormat.Q3_K,
      GgufFormat.Q4_K, GgufFormat.Q5_K, GgufFormat.Q6_K, GgufFormat.IQ4_XS, GgufFormat.MXFP4, FourBit.NF4, Int8Rows.INT8};
  private static final int[] THREADS = {1, 2, 3, 5};
  private static final float UNTOUCHED = 12345.678f;

  private final Random random;

  private GemmChecks(long seed) {
    random = new Random(seed);
  }

  /** Which of the optional parts a case has. */
  record Case(Form form, int maxRows, int rows, int m, int n, int k, double alpha, boolean packed, WeightFormat storage, boolean bias,
      boolean addend, boolean inPlace) {

    Gemm.Spec spec() {
      return new Gemm.Spec(form, maxRows, m, n, k, alpha, packed, storage);
    }
  }

  public static void main(String[] args) {
    System.out.println(VectorGemms.describe());
    run(40);
  }

  /** Checks random cases of every form, and the bits for several numbers of workers. */
  static void run(int casesPerForm) {
    GemmChecks checks = new GemmChecks(7);
    for (Form form : Form.values()) {
      for (int i = 0; i < casesPerForm; i++) {
        checks.check(checks.draw(form));
        if (form != Form.TN) {
          checks.check(checks.drawFewRows(form));
        }
      }
    }
    checks.checkLarge();
  }

  /**
   * Beyond what one task takes. TN: several blocks of C's rows, groups of its columns, and sums that go to C directly; rows that are not whole
   * blocks. NT and NN: more of A than the last cache should hold at once.
   */
  private void checkLarge() {
    for (int[] size : new int[][] {{700, 770, 11, 9}, {300, 1801, 400, 400}, {1030, 530, 20, 20}, {5, 4300, 33, 33}, {4300, 3, 800, 700},
        {130, 4200, 17, 16}, {270, 60, 6200, 6100}}) {
      check(new Case(Form.TN, size[2], size[3], size[0], size[1], 0, random.nextBoolean() ? 1 : -0.75, false, WeightFormat.F32, false, false, false));
    }
    for (Form form : new Form[] {Form.NT, Form.NN}) {
      for (boolean packed : new boolean[] {true, false}) {
        check(new Case(form, 2200, 2150, 0, 270, 1030, -0.75, packed, WeightFormat.F32, true, true, false));
      }
    }
  }

  /** As when text is generated: packed weights, one row to five, several panels abreast. */
  private Case drawFewRows(Form form) {
    int maxRows = random.nextBoolean() ? 5 : 9;
    WeightFormat storage = FORMATS[random.nextInt(FORMATS.length)];
    boolean addend = random.nextBoolean();
    return new Case(form, maxRows, 1 + random.nextInt(5), 0, WIDE[random.nextInt(WIDE.length)], DEEP[random.nextInt(DEEP.length)],
        random.nextBoolean() ? 1 : -0.75, true, storage, random.nextBoolean(), addend, addend && random.nextBoolean());
  }

  private Case draw(Form form) {
    int small = SIZES[random.nextInt(SIZES.length)];
    int n = SIZES[random.nextInt(SIZES.length)];
    int depth = DEPTHS[random.nextInt(DEPTHS.length)];
    boolean outer = form == Form.TN;
    int maxRows = outer ? depth : small;
    int rows = random.nextInt(4) == 0 ? random.nextInt(maxRows + 1) : maxRows;
    boolean packed = !outer && random.nextBoolean();
    WeightFormat storage = packed ? FORMATS[random.nextInt(FORMATS.length)] : WeightFormat.F32;
    double alpha = random.nextBoolean() ? 1 : -0.75;
    boolean addend = !outer && random.nextBoolean();
    return new Case(form, maxRows, rows, outer ? small : 0, n, outer ? 0 : depth, alpha, packed, storage, !outer && random.nextBoolean(),
        addend, addend && random.nextBoolean());
  }

  void check(Case test) {
    boolean outer = test.form == Form.TN;
    int depth = outer ? test.rows : test.k;
    int m = outer ? test.m : test.rows;
    int maxM = outer ? test.m : test.maxRows;
    float[] a = floats(test.maxRows * (outer ? test.m : test.k));
    float[] b = floats((outer ? test.maxRows : test.k) * test.n);
    // Packing starts from what was not rounded yet: to encode what was decoded need not give the same.
    float[] right = test.packed ? stored(test, b) : b;
    float[] bias = floats(test.n);
    float[] base = floats(maxM * test.n);
    double[] want = new double[m * test.n];
    double[] size = new double[m * test.n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < test.n; j++) {
        double sum = 0;
        double magnitude = 0;
        for (int p = 0; p < depth; p++) {
          double x = outer ? a[p * test.m + i] : a[i * test.k + p];
          double y = test.form == Form.NT ? right[j * test.k + p] : right[p * test.n + j];
          sum += x * y;
          magnitude += Math.abs(x * y);
        }
        int at = i * test.n + j;
        want[at] = test.alpha * sum + (test.bias ? bias[j] : 0) + (test.addend || outer ? base[at] : 0);
        size[at] = Math.abs(test.alpha) * magnitude + Math.abs(bias[j]) + Math.abs(base[at]);
      }
    }
    float[] first = null;
    for (int threads : THREADS) {
      float[] got = multiply(test, a, b, bias, base, maxM, threads);
      for (int at = 0; at < want.length; at++) {
        if (!(Math.abs(got[at] - want[at]) <= 2e-7 * Math.sqrt(depth + 4) * size[at])) {
          throw new AssertionError("%s: C[%d] is %s, expected %s".formatted(test, at, got[at], want[at]));
        }
        if (first != null && Float.floatToRawIntBits(first[at]) != Float.floatToRawIntBits(got[at])) {
          throw new AssertionError("%s: C[%d] is %s with %d workers and %s with one".formatted(test, at, got[at], threads, first[at]));
        }
      }
      for (int at = want.length; at < got.length; at++) {
        float kept = test.inPlace || outer ? base[at] : UNTOUCHED;
        if (got[at] != kept) {
          throw new AssertionError("%s: C[%d] lies behind the live rows and was written".formatted(test, at));
        }
      }
      first = first == null ? got : first;
    }
  }

  private static float[] multiply(Case test, float[] a, float[] b, float[] bias, float[] base, int maxM, int threads) {
    try (Arena arena = Arena.ofShared(); Workers workers = new Workers(threads)) {
      MemorySegment right = copy(arena, b);
      if (test.packed) {
        int weightRows = test.form == Form.NT ? test.n : test.k;
        int weightCols = test.form == Form.NT ? test.k : test.n;
        MemorySegment panels = arena.allocate(VectorGemms.packedBytes(weightRows, weightCols, test.storage), 64);
        if (threads % 2 == 0) {
          VectorGemms.pack(weightRows, weightCols, right, panels, test.storage);
        } else {
          MemorySegment blocks = arena.allocate(weightRows * WeightFormats.rowBytes(test.storage, weightCols), 64);
          WeightFormats.encode(test.storage, weightRows, weightCols, new Elements(DType.F32), right, blocks);
          VectorGemms.packStored(weightRows, weightCols, blocks, panels, test.storage);
        }
        right = panels;
      }
      MemorySegment addend = test.addend ? copy(arena, base) : MemorySegment.NULL;
      float[] start = base.clone();
      if (test.form != Form.TN) {
        Arrays.fill(start, UNTOUCHED);
      }
      MemorySegment c = test.inPlace ? addend : copy(arena, start);
      MemorySegment scratch = arena.allocate(Math.max(64, VectorGemms.gemmScratchBytes(test.spec(), threads)), 64);
      float[] seen = new float[maxM * test.n];
      Arrays.fill(seen, UNTOUCHED);
      Gemm.Then then = (from, to) -> {
        for (long at = from; at < to; at++) {
          if (seen[(int) at] != UNTOUCHED) {
            throw new AssertionError("%s: C[%d] was followed twice".formatted(test, at));
          }
          seen[(int) at] = c.getAtIndex(ValueLayout.JAVA_FLOAT, at);
        }
      };
      Gemm gemm = VectorGemms.gemm(test.spec(), new Gemm.Operands(copy(arena, a), right,
          test.bias ? copy(arena, bias) : MemorySegment.NULL, addend, c, scratch), test.packed ? then : Gemm.Then.NOTHING);
      gemm.run(workers, test.rows);
      for (int at = 0; at < seen.length && test.packed; at++) {
        float want = at < test.rows * test.n ? c.getAtIndex(ValueLayout.JAVA_FLOAT, at) : UNTOUCHED;
        if (Float.floatToRawIntBits(seen[at]) != Float.floatToRawIntBits(want)) {
          throw new AssertionError("%s: C[%d] is %s, but %s was handed on".formatted(test, at, want, seen[at]));
        }
      }
      return c.asSlice(0, 4L * maxM * test.n).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static MemorySegment copy(Arena arena, float[] values) {
    return arena.allocate(4L * values.length, 64).copyFrom(MemorySegment.ofArray(values));
  }

  /** What the format keeps of the rows of a weight. */
  private static float[] stored(Case test, float[] weight) {
    int rows = test.form == Form.NT ? test.n : test.k;
    int cols = test.form == Form.NT ? test.k : test.n;
    MemorySegment blocks = MemorySegment.ofArray(new byte[Math.toIntExact(rows * WeightFormats.rowBytes(test.storage, cols))]);
    WeightFormats.encode(test.storage, rows, cols, new Elements(DType.F32), MemorySegment.ofArray(weight), blocks);
    float[] kept = new float[weight.length];
    for (int i = 0; i < rows; i++) {
      test.storage.decode(blocks, i * WeightFormats.rowBytes(test.storage, cols), MemorySegment.ofArray(kept), 4L * i * cols, cols);
    }
    return kept;
  }

  private float[] floats(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }
}
