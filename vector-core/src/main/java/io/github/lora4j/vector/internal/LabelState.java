package io.github.lora4j.vector.internal;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import io.github.lora4j.vector.Kernels;

/** What is known of a row while the columns of its softmax are gone through: the state of {@link Kernels.LabelSoftmax}. */
public final class LabelState {

  /** The largest logit so far. */
  public static final int MAX = 0;
  /** Σ e^(z − max) so far. */
  public static final int SUM = 1;
  /** The label's logit. */
  public static final int LABEL = 2;
  /** The derivative of the label's logit by what it was before its cap. */
  public static final int SLOPE = 3;
  /** The first column with the largest logit. */
  public static final int LIKELIEST = 4;

  private LabelState() {}

  public static double get(Kernels.LabelSoftmax s, int row, int field) {
    return s.state().getAtIndex(JAVA_DOUBLE, (long) row * Kernels.LABEL_STATE + field);
  }

  public static void set(Kernels.LabelSoftmax s, int row, int field, double value) {
    s.state().setAtIndex(JAVA_DOUBLE, (long) row * Kernels.LABEL_STATE + field, value);
  }

  /** Before the first chunk nothing is known. */
  public static void begin(Kernels.LabelSoftmax s, int first, int row) {
    if (first == 0) {
      set(s, row, MAX, Double.NEGATIVE_INFINITY);
      set(s, row, SUM, 0);
      set(s, row, LIKELIEST, 0);
    }
  }

  /** The label, checked; negative: none. */
  public static int label(Kernels.LabelSoftmax s, int row) {
    return Operands.column(s.labels(), row, s.columns());
  }

  public static double logProbability(Kernels.LabelSoftmax s, int row) {
    return get(s, row, LABEL) - get(s, row, MAX) - Math.log(get(s, row, SUM));
  }
}
