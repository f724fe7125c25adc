package io.github.lora4j.inference.engine;

import java.util.concurrent.atomic.LongAdder;

/** What an engine has done so far; for any thread to read. */
public final class EngineMetrics {

  private static final double[] SECONDS = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

  private final LongAdder reusedTokens = new LongAdder();
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder generatedTokens = new LongAdder();
  private final LongAdder steps = new LongAdder();
  private final LongAdder ended = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final LongAdder cancelled = new LongAdder();
  private final LongAdder timedOut = new LongAdder();
  private final LongAdder[] firstTokens = new LongAdder[SECONDS.length + 1];
  private final LongAdder firstTokenNanos = new LongAdder();

  EngineMetrics() {
    java.util.Arrays.setAll(firstTokens, i -> new LongAdder());
  }

  void joined(int prompt, int reused) {
    promptTokens.add(prompt);
    reusedTokens.add(reused);
  }

  void step() {
    steps.increment();
  }

  void token() {
    generatedTokens.increment();
  }

  void first(long nanos) {
    int bucket = 0;
    while (bucket < SECONDS.length && nanos > SECONDS[bucket] * 1e9) {
      bucket++;
    }
    firstTokens[bucket].increment();
    firstTokenNanos.add(nanos);
  }

  void end(AnswerEvent last) {
    switch (last) {
      case AnswerEvent.Failed _ -> failed.increment();
      case AnswerEvent.TimedOut _ -> timedOut.increment();
      case AnswerEvent.Ended e when e.reason() == io.github.lora4j.generate.FinishReason.CANCELLED -> cancelled.increment();
      case AnswerEvent.Ended _, AnswerEvent.Text _ -> ended.increment();
    }
  }

  /** Sequences that have ended by themselves. */
  public long ended() {
    return ended.sum();
  }

  /** Sequences that were stopped, as when a client vanished. */
  public long cancelled() {
    return cancelled.sum();
  }

  /** Tokens of answers. */
  public long generatedTokens() {
    return generatedTokens.sum();
  }

  /** In Prometheus' text format. */
  public void write(StringBuilder out) {
    counter(out, "prompt_tokens_total", "Tokens of prompts.", promptTokens.sum());
    counter(out, "prompt_tokens_reused_total", "Tokens of prompts that were in the cache.", reusedTokens.sum());
    counter(out, "generated_tokens_total", "Tokens of answers.", generatedTokens.sum());
    counter(out, "steps_total", "Runs of the model.", steps.sum());
    out.append("# HELP lora4j_sequences_total Sequences by how they ended.\n# TYPE lora4j_sequences_total counter\n");
    sequences(out, "ended", ended);
    sequences(out, "failed", failed);
    sequences(out, "cancelled", cancelled);
    sequences(out, "timed_out", timedOut);
    out.append("# HELP lora4j_time_to_first_token_seconds From when a sequence was asked for to its first token.\n")
        .append("# TYPE lora4j_time_to_first_token_seconds histogram\n");
    long below = 0;
    for (int i = 0; i <= SECONDS.length; i++) {
      below += firstTokens[i].sum();
      out.append("lora4j_time_to_first_token_seconds_bucket{le=\"").append(i < SECONDS.length ? String.valueOf(SECONDS[i]) : "+Inf").append("\"} ")
          .append(below).append('\n');
    }
    out.append("lora4j_time_to_first_token_seconds_sum ").append(firstTokenNanos.sum() / 1e9).append('\n');
    out.append("lora4j_time_to_first_token_seconds_count ").append(below).append('\n');
  }

  private static void sequences(StringBuilder out, String how, LongAdder count) {
    out.append("lora4j_sequences_total{end=\"").append(how).append("\"} ").append(count.sum()).append('\n');
  }

  private static void counter(StringBuilder out, String name, String help, long value) {
    out.append("# HELP lora4j_").append(name).append(' ').append(help).append("\n# TYPE lora4j_").append(name).append(" counter\nlora4j_")
        .append(name)
        .append(' ').append(value).append('\n');
  }
}
