package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.data.Target;
import java.util.Arrays;

/**
 * A model without a head ({@code BertModel}, {@code LlamaModel}), as a sentence encoder: token states pooled to one vector of length 1. Trained on pairs (anchor,
 * positive) with the other positives of the batch as negatives: multiple-negatives ranking loss (Henderson et al. 2017) as in
 * sentence-transformers.
 *
 * @param scale factor on the cosine similarity, sentence-transformers' default is 20
 */
public record SentenceEmbedder(Model model, Pooling pooling, double scale) implements RecordedTask {

  /** How token states become a sentence vector. */
  public enum Pooling {
    /** Mean of all tokens (all-MiniLM, e5). */
    MEAN,
    /** The first token (bge). */
    CLS,
    /** The last token, the one that has read all of the others in a decoder (Qwen3-Embedding). */
    LAST
  }

  /** The task on an architecture. A pooler, which is not on the way to a sentence vector, is no part of it. */
  public SentenceEmbedder(Architecture architecture, Pooling pooling, double scale) {
    this(new Model(architecture, new Head.None()), pooling, scale);
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
    return sites.graph().region("head", () -> sites.graph().l2Normalize(pooled, 1e-12));
  }

  /** Rows of one side of the pairs: which sequence each is, and for each sequence which pair it belongs to, or −1. */
  public record PairSlots(RowAxis pairs, Value first, Value firstInverse, Value second, Value secondInverse) {}

  /** Declares the slots that say which sequences form pairs. */
  public PairSlots pairSlots(Graph graph, PackedInputs in) {
    var program = graph.program();
    RowAxis pairs = program.axis("pairs", Math.max(1, in.sequences().capacity() / 2));
    return new PairSlots(pairs, program.table("pairFirst", Shape.of(pairs, 1)), program.table("pairFirstInverse", Shape.of(in.sequences(), 1)),
        program.table("pairSecond", Shape.of(pairs, 1)), program.table("pairSecondInverse", Shape.of(in.sequences(), 1)));
  }

  @Override
  public Value loss(Graph graph, PackedInputs in, Value predictions) {
    return graph.region("loss", () -> {
      PairSlots slots = pairSlots(graph, in);
      Value a = graph.gather(predictions, slots.first, slots.firstInverse);
      Value b = graph.gather(predictions, slots.second, slots.secondInverse);
      return graph.inBatchNegatives(a, b, scale);
    });
  }

  @Override
  public void countTargets(Graph graph, PackedInputs in, Value total) {
    graph.countTargets(pairSlots(graph, in).first, total);
  }

  @Override
  public int sequencesPerExample() {
    return 2;
  }

  /** Sequences 2i and 2i + 1 are pair i. */
  @Override
  public Targets targets(PackedInputs in, Program program) {
    Value first = program.slot("pairFirst").orElseThrow();
    int capacity = first.shape().rows();
    int[] firstRows = new int[capacity];
    int[] secondRows = new int[capacity];
    int[] firstInverse = new int[in.sequences().capacity()];
    int[] secondInverse = new int[in.sequences().capacity()];
    Arrays.fill(firstInverse, -1);
    Arrays.fill(secondInverse, -1);
    for (int i = 0; i < capacity; i++) {
      firstRows[i] = 2 * i;
      secondRows[i] = 2 * i + 1;
    }
    for (int i = 0; i < in.sequences().capacity(); i++) {
      (i % 2 == 0 ? firstInverse : secondInverse)[i] = i / 2;
    }
    return new Targets() {
      private int pairs;

      @Override
      public void clear() {
        pairs = 0;
      }

      @Override
      public void add(Target target) {
        if (!(target instanceof Target.Pair)) {
          throw Targets.other(target, Target.Pair.class);
        }
        pairs++;
      }

      @Override
      public void write(Executable to) {
        to.rows(first.shape().axis().orElseThrow(), pairs);
        to.write(first, firstRows, pairs);
        to.write(program.slot("pairSecond").orElseThrow(), secondRows, pairs);
        to.write(program.slot("pairFirstInverse").orElseThrow(), firstInverse, 2 * pairs);
        to.write(program.slot("pairSecondInverse").orElseThrow(), secondInverse, 2 * pairs);
      }
    };
  }
}
