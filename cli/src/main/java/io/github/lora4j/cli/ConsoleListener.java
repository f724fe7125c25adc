package io.github.lora4j.cli;

import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainListener;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Tells a run to a person: one line that is rewritten on a terminal, a line per report elsewhere. */
public final class ConsoleListener implements TrainListener {

  private final PrintWriter out;
  private final boolean terminal;
  private int step;
  private long tokens;
  private long examples;
  private double seconds;
  private boolean open;

  /** Prints to {@code out}; {@code terminal} says whether lines can be rewritten. */
  public ConsoleListener(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public void on(TrainEvent event) {
    switch (event) {
      case TrainEvent.Started e -> {
        step = e.firstStep();
        line(e.description());
        if (e.firstStep() > 0) {
          line("resumed after step " + e.firstStep());
        }
      }
      case TrainEvent.Step e -> step(e);
      case TrainEvent.Ranks e -> { } // a line for each report would bury the loss; the metrics file and the report hold them
      case TrainEvent.Evaluated e -> line(String.format(Locale.ROOT, "eval  step %d  epoch %.2f  %s  (%s)", e.step(), e.epoch(),
          metrics(e.metrics()), time(e.seconds())));
      case TrainEvent.Sampled e -> line("%d sample%s answered %s training: see the report".formatted(e.samples().size(),
          e.samples().size() == 1 ? "" : "s", e.step() == 0 ? "before" : "after"));
      case TrainEvent.Saved e -> line("saved " + e.directory());
      case TrainEvent.Note e -> line("note: " + e.text());
      case TrainEvent.Finished e -> {
        String measured = e.metrics().isEmpty() ? "" : ": " + metrics(e.metrics());
        line("done: %d steps in %s%s".formatted(e.steps(), time(e.seconds()), measured));
        line("adapter: " + e.adapter());
      }
    }
    out.flush();
  }

  private void step(TrainEvent.Step e) {
    double elapsed = e.seconds() - seconds;
    double tokenRate = (e.tokens() - tokens) / elapsed;
    double exampleRate = (e.examples() - examples) / elapsed;
    tokens = e.tokens();
    examples = e.examples();
    // By the pace since the last report: the first steps, before compilation, are many times slower.
    double left = (e.steps() - e.step()) * elapsed / Math.max(1, e.step() - step);
    seconds = e.seconds();
    step = e.step();
    String text = String.format(Locale.ROOT, "step %d/%d  loss %.4f  grad %.3f  lr %.2e  %,.0f tokens/s  %.1f examples/s  ETA %s",
        e.step(), e.steps(), e.loss(), e.gradientNorm(), e.learningRate(), tokenRate, exampleRate, time(left));
    if (terminal) {
      out.print("\r" + text + "\u001b[K");
      open = true;
    } else {
      out.println(text);
    }
  }

  /** A line of its own, below the progress line if there is one. */
  private void line(String text) {
    if (open) {
      out.println();
      open = false;
    }
    out.println(text);
  }

  static String metrics(Map<String, Double> metrics) {
    return metrics.entrySet().stream().map(m -> String.format(Locale.ROOT, "%s %.4f", m.getKey(), m.getValue()))
        .collect(Collectors.joining("  "));
  }

  /** 0:07, 12:34, 1:02:03. */
  static String time(double seconds) {
    long s = Math.round(seconds);
    return s < 3600 ? "%d:%02d".formatted(s / 60, s % 60) : "%d:%02d:%02d".formatted(s / 3600, s / 60 % 60, s % 60);
  }
}
