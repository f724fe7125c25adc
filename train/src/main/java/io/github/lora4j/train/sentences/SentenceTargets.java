package io.github.lora4j.train.sentences;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.Targets;
import java.util.Arrays;
import java.util.Optional;

/** Host side of {@link SentenceSlots}. */
final class SentenceTargets implements Targets {

  /** Next to −∞: its exponential is 0, and sums with it are finite. */
  private static final float NOT = -1e30f;

  private final Program program;
  private final SentenceLoss loss;
  private final int texts;
  private final int capacity;
  private final int[] ids;
  private final int[] inverse;
  private final float[] scores;
  private final Optional<Order> order;
  private int examples;

  SentenceTargets(Program program, PackedInputs in, SentenceLoss loss, int texts) {
    this.program = program;
    this.loss = loss;
    this.texts = texts;
    capacity = Math.max(1, in.sequences().capacity() / texts);
    ids = new int[capacity * (texts - 1)];
    inverse = new int[in.sequences().capacity()];
    scores = new float[capacity];
    order = loss.ofBatch() ? Optional.of(new Order(program, capacity)) : Optional.empty();
  }

  @Override
  public void clear() {
    examples = 0;
  }

  @Override
  public void add(Target target) {
    switch (target) {
      case Target.Pair pair when !loss.scored() -> { }
      case Target.Numbers score when loss.scored() && score.values().length == 1 -> scores[examples] = score.values()[0];
      case Target other -> throw Targets.other(other, loss.scored() ? Target.Numbers.class : Target.Pair.class);
    }
    examples++;
  }

  @Override
  public void write(Executable to) {
    to.rows(axis("examples"), examples);
    for (int t = 0; t < texts; t++) {
      int text = t;
      Arrays.setAll(ids, i -> i * texts + text);
      Arrays.setAll(inverse, s -> s % texts == text ? s / texts : -1);
      rows(to, "text" + t, examples);
    }
    to.rows(axis("others"), examples * (texts - 1));
    for (int i = 0; i < examples * (texts - 1); i++) {
      ids[i] = i % examples * texts + i / examples + 1;
    }
    Arrays.setAll(inverse, s -> s % texts == 0 ? -1 : (s % texts - 1) * examples + s / texts);
    rows(to, "others", examples * (texts - 1));
    if (loss.scored() && !loss.ofBatch()) {
      to.write(slot(SentenceSlots.SCORES), scores, examples);
    }
    order.ifPresent(of -> of.write(to, scores, examples));
  }

  private void rows(Executable to, String name, int count) {
    to.write(slot(name), ids, count);
    to.write(slot(name + "Inverse"), inverse, examples * texts);
  }

  private RowAxis axis(String name) {
    return program.axis(name).orElseThrow();
  }

  private Value slot(String name) {
    return program.slot(name).orElseThrow();
  }

  /** Host side of {@link SentenceSlots.Order}. */
  private static final class Order {
    private final Program program;
    private final int width;
    private final int[] turned;
    private final int[] inverse;
    private final int[] zeros;
    private final int[] first;
    private final float[] ones;
    private final float[] mask;
    private final float[] offset;

    Order(Program program, int capacity) {
      this.program = program;
      width = capacity;
      turned = new int[capacity * capacity];
      inverse = new int[capacity * capacity];
      zeros = new int[capacity];
      first = new int[capacity];
      Arrays.fill(first, -1);
      first[0] = 0;
      ones = new float[capacity * capacity];
      Arrays.fill(ones, 1);
      mask = new float[capacity * capacity];
      offset = new float[capacity];
    }

    void write(Executable to, float[] scores, int n) {
      Arrays.fill(turned, -1);
      Arrays.fill(inverse, -1);
      Arrays.fill(mask, NOT);
      float own = (float) -Math.log(n);
      Arrays.fill(offset, own);
      for (int o = 0; o < n; o++) {
        for (int t = 0; t < n; t++) {
          int other = (o + t) % n;
          turned[o * width + t] = other;
          inverse[other * width + t] = o;
          mask[o * width + t] = t == 0 ? own : scores[other] < scores[o] ? 0 : NOT;
        }
      }
      to.write(slot("turned"), turned, n * width);
      to.write(slot("turnedInverse"), inverse, n * width);
      to.write(slot("ones"), ones, n * width);
      to.write(slot("mask"), mask, n * width);
      to.write(slot("itself"), zeros, n);
      to.write(slot("offset"), offset, n);
      to.rows(program.axis("batch").orElseThrow(), 1);
      to.write(slot("span"), new int[] {0, n, 0}, 3);
      to.write(slot("zero"), zeros, 1);
      to.write(slot("firstExample"), zeros, 1);
      to.write(slot("firstExampleInverse"), first, n);
    }

    private Value slot(String name) {
      return program.slot(name).orElseThrow();
    }
  }
}
