package io.github.lora4j.train.sentences;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A model without a head ({@code BertModel}, {@code LlamaModel}), as a sentence encoder: token states pooled to one vector for each text. Examples of
 * two or more texts are learnt from by a {@link SentenceLoss}.
 *
 * @param normalize whether vectors have length 1
 * @param texts of an example
 */
public record SentenceEmbedder(Model model, Pooling pooling, boolean normalize, SentenceLoss loss, int texts) implements RecordedTask {

  private static final double LEAST_NORM = 1e-12;
  /** torch.nn.functional.pairwise_distance adds it to each difference. */
  private static final double TORCH = 1e-6;

  /** How token states become a sentence vector. */
  public enum Pooling {
    /** Mean of all tokens (all-MiniLM, e5). */
    MEAN,
    /** The first token (bge). */
    CLS,
    /** The last token, the one that has read all of the others in a decoder (Qwen3-Embedding). */
    LAST
  }

  /** Checks the number of texts. */
  public SentenceEmbedder {
    if (texts < loss.fewestTexts() || texts > loss.mostTexts()) {
      throw new ConfigException("the loss %s takes %s texts, got %d".formatted(loss.kind(),
          loss.mostTexts() == Integer.MAX_VALUE ? loss.fewestTexts() + " or more" : loss.fewestTexts(), texts));
    }
  }

  /** The task on an architecture. A pooler, which is not on the way to a sentence vector, is no part of it. */
  public SentenceEmbedder(Architecture architecture, Pooling pooling, boolean normalize, SentenceLoss loss, int texts) {
    this(new Model(architecture, new Head.None()), pooling, normalize, loss, texts);
  }

  @Override
  public String taskType() {
    return "FEATURE_EXTRACTION";
  }

  @Override
  public Value predict(Sites sites, PackedInputs in) {
    Value pooled = switch (pooling) {
      case MEAN -> {
        Value rows = model.hidden(sites, in, Rows.ALL);
        yield sites.graph().region("head", () -> sites.graph().rangeMean(rows, in.ranges()));
      }
      case CLS -> model.hidden(sites, in, Rows.FIRST);
      case LAST -> model.hidden(sites, in, Rows.LAST);
    };
    return normalize ? sites.graph().region("head", () -> sites.graph().l2Normalize(pooled, LEAST_NORM)) : pooled;
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return graph.region("loss", () -> {
      SentenceSlots slots = SentenceSlots.declare(graph.program(), in, texts);
      if (loss.cuts().isEmpty()) {
        return judged(graph, slots, predictions);
      }
      @Nullable Value sum = null;
      for (SentenceLoss.Cut cut : loss.cuts()) {
        Value of = graph.scale(judged(graph, slots, first(graph, predictions, cut.columns())), cut.weight());
        sum = sum == null ? of : graph.add(sum, of);
      }
      return Objects.requireNonNull(sum);
    });
  }

  private static Value first(Graph graph, Value x, int columns) {
    int width = x.shape().cols();
    if (columns < 1 || columns > width) {
      throw new ConfigException("vectors of %d numbers cannot be cut to %d".formatted(width, columns));
    }
    return columns == width ? x : graph.split(x, 1, List.of(columns, width - columns)).getFirst();
  }

  private Value judged(Graph graph, SentenceSlots slots, Value vectors) {
    Value x = loss.measure() == SentenceLoss.Measure.COSINE && !(normalize && loss.cuts().isEmpty()) ? graph.l2Normalize(vectors, LEAST_NORM) : vectors;
    // Only those that the loss compares: what does not reach it has no gradient.
    int compared = loss.kind() == SentenceLoss.Kind.MULTIPLE_NEGATIVES && !loss.symmetric() ? 1 : loss.fewestTexts();
    List<Value> of = slots.texts().stream().limit(compared).map(rows -> graph.gather(x, rows.ids(), rows.inverse())).toList();
    return switch (loss.kind()) {
      case MULTIPLE_NEGATIVES -> {
        Value found = graph.inBatchNegatives(of.get(0), graph.gather(x, slots.others().ids(), slots.others().inverse()), loss.scale());
        yield loss.symmetric() ? graph.scale(graph.add(found, graph.inBatchNegatives(of.get(1), of.get(0), loss.scale())), 0.5) : found;
      }
      case COSENT -> ordered(graph, slots, graph.scale(graph.rowDots(of.get(0), of.get(1)), loss.scale()));
      case ANGLE -> ordered(graph, slots, graph.scale(angle(graph, of.get(0), of.get(1)), loss.scale()));
      case COSINE_SIMILARITY -> graph.loss(Loss.MSE, graph.rowDots(of.get(0), of.get(1)), slots.scores(graph.program()));
      case TRIPLET -> graph.activate(Activation.RELU,
          graph.shift(graph.subtract(distance(graph, of.get(0), of.get(1)), distance(graph, of.get(0), of.get(2))), loss.margin()));
      case CONTRASTIVE -> {
        Value label = slots.scores(graph.program());
        Value near = distance(graph, of.get(0), of.get(1));
        Value far = graph.activate(Activation.RELU, graph.shift(graph.scale(near, -1), loss.margin()));
        Value other = graph.shift(graph.scale(label, -1), 1);
        yield graph.scale(graph.add(graph.multiply(label, graph.multiply(near, near)), graph.multiply(other, graph.multiply(far, far))), 0.5);
      }
    };
  }

  private Value distance(Graph graph, Value a, Value b) {
    return switch (loss.measure()) {
      case COSINE -> graph.shift(graph.scale(graph.rowDots(a, b), -1), 1);
      case EUCLIDEAN -> {
        Value difference = graph.shift(graph.subtract(a, b), TORCH);
        // x · x/|x| is |x|, and so is its gradient.
        yield graph.rowDots(difference, graph.l2Normalize(difference, LEAST_NORM));
      }
      case MANHATTAN -> {
        Value size = absolute(graph, graph.subtract(a, b));
        yield graph.rowDots(size, graph.shift(graph.scale(size, 0), 1));
      }
      case DOT -> throw new IllegalStateException("a dot product is no distance");
    };
  }

  private static Value absolute(Graph graph, Value x) {
    return graph.add(graph.activate(Activation.RELU, x), graph.activate(Activation.RELU, graph.scale(x, -1)));
  }

  /** |Re z + Im z| of the quotient of two vectors of complex numbers, whose real parts come first, divided by their lengths. */
  private static Value angle(Graph graph, Value x, Value y) {
    if (y.shape().cols() % 2 != 0) {
      throw new ConfigException("AnglE halves vectors, which have %d numbers".formatted(y.shape().cols()));
    }
    List<Value> half = graph.split(y, 2);
    Value turned = graph.join(List.of(graph.scale(half.get(1), -1), half.get(0)));
    return absolute(graph, graph.add(graph.rowDots(x, y), graph.rowDots(x, turned)));
  }

  /**
   * log(1 + Σ e^(s[j] − s[i])) over all i whose score is greater than that of j: for each i the logarithm of its share and of 1/n, and of their sum.
   * Columns and rows that hold a known number give what the logarithm of a softmax lacks.
   */
  private static Value ordered(Graph graph, SentenceSlots slots, Value s) {
    SentenceSlots.Order order = slots.order(graph.program());
    Value differences = graph.subtract(graph.unfold(s, order.turned(), order.inverse()), graph.scaleRows(order.ones(), s));
    Value share = graph.subtract(order.offset(), graph.logSoftmaxAt(graph.add(differences, order.mask()), order.itself()));
    Value row = graph.spread(share, order.span(), slots.examples().capacity());
    return graph.add(graph.loss(Loss.CROSS_ENTROPY, row, order.zero()), graph.gather(share, order.first().ids(), order.first().inverse()));
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    SentenceSlots slots = SentenceSlots.declare(graph.program(), in, texts);
    graph.countTargets(loss.ofBatch() ? slots.order(graph.program()).zero() : slots.texts().getFirst().ids(), total);
  }

  @Override
  public int sequencesPerExample() {
    return texts;
  }

  @Override
  public Targets targets(PackedInputs in, Program program) {
    return new SentenceTargets(program, in, loss, texts);
  }
}
