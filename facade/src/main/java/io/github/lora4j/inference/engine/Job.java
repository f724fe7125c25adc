package io.github.lora4j.inference.engine;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.generate.text.TextStream;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.Lora4jException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** One sequence on its way through the engine. But for {@link #cancel} it belongs to the engine's thread. */
final class Job {

  private final int index;
  private final Ask ask;
  private final Voices.Lease voice;
  private final Queue<AnswerEvent> events;
  private final long asked;
  private final EngineLimits limits;
  private final StringBuilder text = new StringBuilder();
  private final List<TokenChance> tokens = new ArrayList<>();
  private @Nullable Sequence sequence;
  private @Nullable TextStream stream;
  private volatile boolean cancelled;
  private boolean late;
  private boolean first = true;

  Job(int index, Ask ask, Voices.Lease voice, Queue<AnswerEvent> events, long asked, EngineLimits limits) {
    this.index = index;
    this.ask = ask;
    this.voice = voice;
    this.events = events;
    this.asked = asked;
    this.limits = limits;
  }

  Ask ask() {
    return ask;
  }

  void cancel() {
    cancelled = true;
  }

  boolean cancelled() {
    return cancelled;
  }

  /** Nanoseconds since it was asked for. */
  long age(long now) {
    return now - asked;
  }

  /** Whether it has waited too long for room. */
  boolean overdue(long now) {
    return age(now) > limits.queueTime().toNanos();
  }

  void start(Sequence joined, Tokenizer tokenizer) {
    sequence = joined;
    stream = new TextStream(joined, tokenizer, (of, piece) -> text.append(piece), ask.continues());
  }

  Optional<Sequence> sequence() {
    return Optional.ofNullable(sequence);
  }

  /** Stops a sequence whose reader has gone, or that takes too long. */
  void watch(long now) {
    late |= age(now) > limits.answerTime().toNanos();
    if (sequence != null && (cancelled || late)) {
      sequence.cancel();
    }
  }

  /**
   * The sequence has another token.
   *
   * @return whether it was its first
   */
  boolean token(Generator generator, Chances chances, int token) {
    if (ask.alternatives() >= 0) {
      tokens.add(chances.of(generator.logits(), token, ask.alternatives(), sequence == null ? new int[0] : sequence.generated()));
    }
    if (stream != null) {
      stream.token(token);
    }
    tell();
    boolean was = first;
    first = false;
    return was;
  }

  private void tell() {
    if (!text.isEmpty() || !tokens.isEmpty()) {
      events.add(new AnswerEvent.Text(index, text.toString(), tokens));
      text.setLength(0);
      tokens.clear();
    }
  }

  /** The sequence has ended; how. */
  AnswerEvent end() {
    Sequence of = sequence;
    TextStream said = stream;
    if (of == null || said == null) {
      throw new IllegalStateException("a sequence that has not begun does not end");
    }
    Optional<Lora4jException> failure = of.failure();
    AnswerEvent last;
    if (failure.isPresent()) {
      last = new AnswerEvent.Failed(index, failure.get());
    } else if (late && of.finished().equals(Optional.of(FinishReason.CANCELLED))) {
      last = new AnswerEvent.TimedOut(index, false);
    } else {
      Completion completion = said.completion();
      tell();
      last = new AnswerEvent.Ended(index, completion.reason(), of.generatedCount());
    }
    close(last);
    return last;
  }

  /** It will not be answered, or not further. */
  private void close(AnswerEvent last) {
    events.add(last);
    voice.close();
  }

  void fail(Lora4jException why) {
    close(new AnswerEvent.Failed(index, why));
  }

  void timeOut() {
    close(new AnswerEvent.TimedOut(index, true));
  }

  void stopped() {
    close(new AnswerEvent.Ended(index, FinishReason.CANCELLED, sequence == null ? 0 : sequence.generatedCount()));
  }
}
