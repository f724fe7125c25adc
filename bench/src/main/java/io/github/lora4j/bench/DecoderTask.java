package io.github.lora4j.bench;

import java.util.List;

/**
 * What decoders learn in the tables of {@link Decoders}.
 *
 * <p>A recipe lacks model, output, data files, method, learning rate and seed, which {@link DecoderRuns} adds.
 */
enum DecoderTask {
  SHAKESPEARE("tinyshakespeare", "perplexity", true, """
      task: causal_lm
      long_rows: split
      optimizer: {schedule: cosine, warmup_ratio: 0.05}
      data.max_length: 256
      batch_size: 4
      max_steps: 60
      """, DecoderMethod.FOUR),
  E2E("E2E", "bleu", false, """
      task: chat
      chat_template: none
      optimizer: {schedule: linear, warmup_ratio: 0.05}
      data.max_length: 256
      batch_size: 16
      max_steps: 60
      """, DecoderMethod.ALL),
  ALPACA("Alpaca", "loss", true, """
      task: chat
      chat_template: none
      long_rows: drop
      optimizer: {schedule: linear, warmup_ratio: 0.05}
      data.max_length: 256
      data.limit: 1000
      batch_size: 16
      epochs: 1
      """, DecoderMethod.FOUR),
  DPO("pairs of E2E", "reward_accuracy", false, """
      task: dpo
      chat_template: none
      reference: before
      beta: 0.1
      optimizer: {schedule: linear, warmup_ratio: 0.05}
      data.max_length: 256
      batch_size: 8
      max_steps: 50
      """, List.of(DecoderMethod.FOUR.getFirst()));

  private final String title;
  private final String metric;
  private final boolean lessIsBetter;
  private final String recipe;
  private final List<DecoderMethod> methods;

  DecoderTask(String title, String metric, boolean lessIsBetter, String recipe, List<DecoderMethod> methods) {
    this.title = title;
    this.metric = metric;
    this.lessIsBetter = lessIsBetter;
    this.recipe = recipe;
    this.methods = methods;
  }

  String title() {
    return title;
  }

  /** By what it is judged. */
  String metric() {
    return metric;
  }

  boolean lessIsBetter() {
    return lessIsBetter;
  }

  String recipe() {
    return recipe;
  }

  List<DecoderMethod> methods() {
    return methods;
  }

  /** The task whose search for learning rates holds here, too: prompts with answers are learnt alike. */
  DecoderTask searchedIn() {
    return this == ALPACA ? E2E : this;
  }

  /** A name for options and files. */
  String key() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
