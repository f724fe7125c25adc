package io.github.lora4j.generate;

import io.github.lora4j.generate.internal.Sources;
import io.github.lora4j.generate.sampling.Sampler;
import io.github.lora4j.vector.Lora4jException;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A prompt and its answer so far; made by {@link Generator#add}. */
public final class Sequence {

  private final int ordinal;
  private Request request;
  private Sampler sampler;
  private int[] tokens;
  private int[] ends = {};
  private int limit;
  private int length;
  private int promptLength;
  private volatile @Nullable FinishReason finished;
  private @Nullable Lora4jException failure;

  /** Tokens whose keys and values are in the cache, those that an adapter puts before the prompt included. */
  int cached;
  /** Tokens of the prompt that were in the cache when it came. */
  int reused;
  /** Whether it is longer than the border at which its keys are turned otherwise. */
  boolean beyond;
  /** Tokens that an adapter puts before the prompt. */
  int before;
  /** The cache's row of the first token. */
  int firstRow;
  /** Rows that it has there. */
  int rows;
  /** What the program calls its adapter. */
  int choice;
  /** What the adapter was when the cache was written. */
  long version;
  /** Where its source lies, if it is made from one. */
  Sources.@Nullable Place source;

  Sequence(int ordinal, Request request, int room) {
    this.ordinal = ordinal;
    this.request = request;
    tokens = new int[0];
    sampler = start(request, room);
  }

  /** Begins anew with another prompt; what is cached is the caller's to say. */
  Sampler start(Request next, int room) {
    request = next;
    promptLength = next.prompt().size();
    limit = Math.min(room, next.config().length().limit(promptLength));
    length = promptLength;
    tokens = Arrays.copyOf(next.prompt().stream().mapToInt(Integer::intValue).toArray(), Math.max(limit, promptLength));
    ends = next.config().stop().eosTokenIds().stream().mapToInt(Integer::intValue).toArray();
    finished = null;
    failure = null;
    sampler = new Sampler(next.config(), limit);
    return sampler;
  }

  /** The tokens that both begin with; none where they are made from other sources. */
  int common(Request next) {
    int same = 0;
    if (!next.source().equals(request.source())) {
      return same;
    }
    while (same < Math.min(length, next.prompt().size()) && tokens[same] == next.prompt().get(same)) {
      same++;
    }
    return same;
  }

  /** Counts the sequences of a generator, from 0. */
  public int ordinal() {
    return ordinal;
  }

  /** What was asked for. */
  public Request request() {
    return request;
  }

  /** Tokens of prompt and answer. */
  public int length() {
    return length;
  }

  /** Tokens of the answer. */
  public int generatedCount() {
    return length - promptLength;
  }

  /** Tokens at the prompt's beginning that another sequence with the same adapter had left in the cache, and that were not computed again. */
  public int reusedTokens() {
    return reused;
  }

  /** The answer, with the end token if one ended it. */
  public int[] generated() {
    return Arrays.copyOfRange(tokens, promptLength, length);
  }

  /** Why it ended; empty while it has not. */
  public Optional<FinishReason> finished() {
    return Optional.ofNullable(finished);
  }

  /** Ends it before its next token; for any thread. */
  public void cancel() {
    finish(FinishReason.CANCELLED);
  }

  /** Ends it before its next token; the first reason is kept. */
  public void finish(FinishReason reason) {
    if (finished == null) {
      finished = reason;
    }
  }

  /** Why it could not go on, if that ended it. */
  public Optional<Lora4jException> failure() {
    return Optional.ofNullable(failure);
  }

  void fail(Lora4jException why) {
    failure = why;
    finish(FinishReason.FAILED);
  }

  boolean running() {
    return finished == null;
  }

  int[] tokens() {
    return tokens;
  }

  int pending() {
    return before + length - cached;
  }

  int promptLength() {
    return promptLength;
  }

  Sampler sampler() {
    return sampler;
  }

  int limit() {
    return limit;
  }

  void append(int token) {
    tokens[length++] = token;
    for (int end : ends) {
      if (end == token) {
        finish(FinishReason.EOS);
      }
    }
    if (length >= limit) {
      finish(limit < request.config().length().limit(promptLength) ? FinishReason.CONTEXT : FinishReason.LENGTH);
    }
  }
}
