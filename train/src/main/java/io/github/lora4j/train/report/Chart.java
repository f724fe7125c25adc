package io.github.lora4j.train.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A line chart over steps as inline SVG, whose colours the page's style sheet decides. */
public final class Chart {

  /** Points of one line; NaN breaks it. */
  record Line(String name, double[] x, double[] y, boolean faint) {}

  private static final int WIDTH = 640;
  private static final int HEIGHT = 260;
  private static final int LEFT = 74;
  private static final int RIGHT = 14;
  private static final int TOP = 14;
  private static final int BOTTOM = 34;
  private static final int MOST_POINTS = 1500;

  private final String title;
  private final boolean logarithmic;
  private final List<Line> lines = new ArrayList<>();

  /**
   * Starts a chart.
   *
   * @param logarithmic whether the values' logarithms are drawn; values must then be positive
   */
  public Chart(String title, boolean logarithmic) {
    this.title = title;
    this.logarithmic = logarithmic;
  }

  /** Adds a line. */
  public Chart line(String name, double[] x, double[] y) {
    lines.add(new Line(name, x, y, false));
    return this;
  }

  /** A line in the background, such as unsmoothed values. */
  Chart faint(String name, double[] x, double[] y) {
    lines.add(new Line(name, x, y, true));
    return this;
  }

  /** A figure with its legend; a sentence where there is nothing to draw. */
  public String html() {
    double[] xs = range(true);
    double[] ys = range(false);
    StringBuilder out = new StringBuilder("<figure><figcaption>").append(Page.escape(title)).append("</figcaption>\n");
    if (Double.isNaN(ys[0])) {
      return out.append("<p class=\"empty\">nothing was recorded</p></figure>\n").toString();
    }
    // Logarithms are marked at whole decades.
    double[] ticks = logarithmic ? ticks(Math.floor(ys[0]), Math.ceil(Math.max(ys[1], Math.floor(ys[0]) + 1)), 1) : ticks(ys[0], ys[1], 0);
    double low = Math.min(ys[0], ticks[0]);
    double high = Math.max(ys[1], ticks[ticks.length - 1]);
    out.append("<svg viewBox=\"0 0 %s %s\" role=\"img\"><title>%s</title><desc>%s</desc>\n".formatted(WIDTH, HEIGHT, Page.escape(title),
        Page.escape(description())));
    for (double tick : ticks) {
      double y = y(tick, low, high);
      out.append(number("<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, y, y))
          .append(number("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 8, y + 4, label(logarithmic ? Math.pow(10,
          tick) : tick)));
    }
    for (double tick : ticks(xs[0], xs[1], 1)) {
      if (tick >= xs[0] && tick <= xs[1] && tick == Math.rint(tick)) {
        out.append(number("<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x(tick, xs), HEIGHT - 12, label(tick)));
      }
    }
    int color = 0;
    for (Line line : lines) {
      out.append(path(line, xs, low, high, line.faint ? 0 : ++color));
    }
    return out.append("</svg>\n").append(legend()).append("</figure>\n").toString();
  }

  /** The lines in words, for those who hear the page. */
  private String description() {
    List<String> said = new ArrayList<>();
    for (Line line : lines) {
      double[] drawn = java.util.Arrays.stream(line.y).filter(v -> Double.isFinite(v) && !Double.isNaN(value(v))).toArray();
      said.add(drawn.length == 0 ? line.name + ": nothing was recorded"
          : "%s: from %s to %s".formatted(line.name, label(drawn[0]), label(drawn[drawn.length - 1])));
    }
    return String.join("; ", said);
  }

  private String legend() {
    if (lines.size() < 2) {
      return "";
    }
    StringBuilder out = new StringBuilder("<p class=\"legend\">");
    int color = 0;
    for (Line line : lines) {
      out.append("<span class=\"key c%s\"></span>%s ".formatted(line.faint ? 0 : ++color, Page.escape(line.name)));
    }
    return out.append("</p>\n").toString();
  }

  private String path(Line line, double[] xs, double low, double high, int color) {
    StringBuilder out = new StringBuilder("<g class=\"c%s\">".formatted(color));
    StringBuilder points = new StringBuilder();
    int skip = Math.max(1, line.y.length / MOST_POINTS);
    int run = 0;
    for (int i = 0; i < line.y.length; i += skip) {
      double value = value(line.y[i]);
      if (Double.isNaN(value)) {
        finish(out, points, run);
        run = 0;
        continue;
      }
      points.append(number("%.1f,%.1f ", x(line.x[i], xs), y(value, low, high)));
      run++;
    }
    finish(out, points, run);
    return out.append("</g>\n").toString();
  }

  /** A lone point is a dot. */
  private static void finish(StringBuilder out, StringBuilder points, int run) {
    if (run == 1) {
      String[] at = points.toString().trim().split(",");
      out.append("<circle cx=\"%s\" cy=\"%s\" r=\"3.5\"/>".formatted(at[0], at[1]));
    } else if (run > 1) {
      out.append("<polyline points=\"").append(points.toString().trim()).append("\"/>");
    }
    points.setLength(0);
  }

  private double value(double y) {
    double value = logarithmic ? Math.log10(y) : y;
    return Double.isFinite(value) ? value : Double.NaN;
  }

  private double[] range(boolean horizontal) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (Line line : lines) {
      for (double v : horizontal ? line.x : line.y) {
        double value = horizontal ? v : value(v);
        if (!Double.isNaN(value)) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
    }
    if (low > high) {
      return new double[] {Double.NaN, Double.NaN};
    }
    double room = low == high ? Math.max(1e-9, Math.abs(low) * 0.1) : 0;
    return new double[] {low - room, high + room};
  }

  private static double x(double value, double[] range) {
    return LEFT + (value - range[0]) / (range[1] - range[0]) * (WIDTH - LEFT - RIGHT);
  }

  private static double y(double value, double low, double high) {
    return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
  }

  /** Four to eight round numbers, {@code least} or more apart, from at or below {@code low} to at or above {@code high}. */
  static double[] ticks(double low, double high, double least) {
    double step = Math.pow(10, Math.floor(Math.log10((high - low) / 4)));
    double wanted = (high - low) / 5;
    step *= step * 5 < wanted ? 10 : step * 2 < wanted ? 5 : step < wanted ? 2 : 1;
    step = Math.max(step, least);
    long first = (long) Math.floor(low / step + 1e-9);
    long last = (long) Math.ceil(high / step - 1e-9);
    double[] ticks = new double[(int) Math.min(20, last - first + 1)];
    for (int i = 0; i < ticks.length; i++) {
      ticks[i] = (first + i) * step;
    }
    return ticks;
  }

  static String label(double value) {
    double size = Math.abs(value);
    String text = size == 0 ? "0" : size >= 1e5 || size < 1e-3 ? number("%.1e", value) : size >= 100 ? number("%.0f", value)
        : number("%.4f", value).replaceFirst("\\.?0+$", "");
    return text.replace("e-0", "e-").replace("e+0", "e");
  }

  private static String number(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }
}
