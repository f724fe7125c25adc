package io.github.lora4j.train.tasks;

import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;

/** Measures of predictions against labels, with the definitions of scikit-learn and GLUE. */
public final class Metrics {

  private Metrics() {}

  /**
   * Accuracy, F1 (of class 1 where there are two, else the mean of all that occur) and Matthews correlation.
   *
   * @param labels the right class of each row; a negative one does not count
   */
  public static Map<String, Double> classes(float[][] logits, int[] labels) {
    int classes = logits.length == 0 ? 0 : logits[0].length;
    long[][] confusion = new long[classes][classes];
    long n = 0;
    for (int i = 0; i < logits.length; i++) {
      if (labels[i] >= 0) {
        confusion[labels[i]][argmax(logits[i])]++;
        n++;
      }
    }
    long correct = 0;
    for (int c = 0; c < classes; c++) {
      correct += confusion[c][c];
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("accuracy", (double) correct / n);
    if (classes == 2) {
      result.put("f1", f1(confusion[1][1], confusion[0][1], confusion[1][0]));
    } else {
      double sum = 0;
      int occurring = 0;
      for (int c = 0; c < classes; c++) {
        long fp = 0;
        long fn = 0;
        for (int o = 0; o < classes; o++) {
          fp += o == c ? 0 : confusion[o][c];
          fn += o == c ? 0 : confusion[c][o];
        }
        sum += f1(confusion[c][c], fp, fn);
        // As in scikit-learn, a class that is neither a label nor a prediction here does not count.
        occurring += confusion[c][c] + fp + fn > 0 ? 1 : 0;
      }
      result.put("macro_f1", sum / occurring);
    }
    result.put("matthews", matthews(confusion));
    return result;
  }

  /** Matthews correlation of a confusion matrix [label][prediction]; 0 where it is undefined, as in scikit-learn. */
  static double matthews(long[][] confusion) {
    int n = confusion.length;
    double correct = 0;
    double samples = 0;
    double[] actual = new double[n];
    double[] predicted = new double[n];
    for (int i = 0; i < n; i++) {
      correct += confusion[i][i];
      for (int j = 0; j < n; j++) {
        samples += confusion[i][j];
        actual[i] += confusion[i][j];
        predicted[j] += confusion[i][j];
      }
    }
    double cov = correct * samples;
    double varActual = samples * samples;
    double varPredicted = samples * samples;
    for (int i = 0; i < n; i++) {
      cov -= actual[i] * predicted[i];
      varActual -= actual[i] * actual[i];
      varPredicted -= predicted[i] * predicted[i];
    }
    double denominator = Math.sqrt(varActual * varPredicted);
    return denominator == 0 ? 0 : cov / denominator;
  }

  /** F1 over all labels of all rows, and the share of rows with every label right; a logit above 0 says that a label applies. */
  public static Map<String, Double> labels(float[][] logits, boolean[][] labels) {
    long tp = 0;
    long fp = 0;
    long fn = 0;
    long exact = 0;
    for (int i = 0; i < logits.length; i++) {
      boolean all = true;
      for (int j = 0; j < logits[i].length; j++) {
        boolean said = logits[i][j] > 0;
        boolean is = labels[i][j];
        tp += said && is ? 1 : 0;
        fp += said && !is ? 1 : 0;
        fn += !said && is ? 1 : 0;
        all &= said == is;
      }
      exact += all ? 1 : 0;
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("micro_f1", f1(tp, fp, fn));
    result.put("exact_match", (double) exact / logits.length);
    return result;
  }

  /** Pearson's and Spearman's correlation of the first output. */
  public static Map<String, Double> regression(float[][] predictions, float[][] values) {
    double[] x = new double[predictions.length];
    double[] y = new double[predictions.length];
    for (int i = 0; i < predictions.length; i++) {
      x[i] = predictions[i][0];
      y[i] = values[i][0];
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("pearson", pearson(x, y));
    result.put("spearman", pearson(ranks(x), ranks(y)));
    return result;
  }

  /** Pearson's correlation; NaN if one side is constant. */
  public static double pearson(double[] x, double[] y) {
    double mx = Arrays.stream(x).average().orElse(Double.NaN);
    double my = Arrays.stream(y).average().orElse(Double.NaN);
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - mx) * (y[i] - my);
      xx += (x[i] - mx) * (x[i] - mx);
      yy += (y[i] - my) * (y[i] - my);
    }
    return xy / Math.sqrt(xx * yy);
  }

  /** Ranks from 1; ties share their mean rank; NaN has none. */
  static double[] ranks(double[] values) {
    Integer[] order = new Integer[values.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> values[i]));
    double[] ranks = new double[values.length];
    for (int i = 0; i < order.length;) {
      int j = i + 1;
      while (j < order.length && values[order[j]] == values[order[i]]) {
        j++;
      }
      for (int k = i; k < j; k++) {
        ranks[order[k]] = Double.isNaN(values[order[k]]) ? Double.NaN : (i + j + 1) / 2.0;
      }
      i = j;
    }
    return ranks;
  }

  static int argmax(float[] row) {
    int best = 0;
    for (int j = 1; j < row.length; j++) {
      if (row[j] > row[best]) {
        best = j;
      }
    }
    return best;
  }

  private static double f1(long tp, long fp, long fn) {
    return tp == 0 ? 0 : 2.0 * tp / (2 * tp + fp + fn);
  }
}
