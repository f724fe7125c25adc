package io.github.lora4j.train.session;

import io.github.lora4j.models.PackedBatch;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.Targets;
import io.github.lora4j.vector.ResourceException;
import java.util.AbstractList;
import java.util.List;

/** Fills batches with examples and their targets, as many as fit; reused from batch to batch. */
public final class Packer {

  private final Session session;
  private final PackedBatch batch;
  private final Targets targets;
  private final int virtual;
  private final Together together = new Together();

  /** Packs for a session of the program, with a batch of its capacity. */
  public Packer(RecordedTask program, Session session) {
    this.session = session;
    batch = new PackedBatch(session.task().in(), session.adapter().virtualTokens());
    targets = program.targets(session.task().in(), session.task().program());
    virtual = session.adapter().virtualTokens().rows();
    targets.virtualRows(virtual);
  }

  /**
   * Fills a batch with the examples at positions [from, to) of an order and writes it to the session.
   *
   * @param seed and step of dropout
   * @return the first position that found no room
   * @throws ResourceException if not even the first example does
   */
  public int fill(TokenizedData data, int[] order, int from, int to, long seed, int step) {
    batch.clear();
    targets.clear();
    int at = from;
    for (; at < to; at++) {
      Example example = data.examples().get(order[at]);
      int sequences = example.sequences().size();
      if (batch.sequences() + sequences > session.task().in().sequences().capacity()
          || !batch.fits(example.tokens() + (sequences - 1) * virtual)
          || !example.sources().isEmpty() && !batch.fits(example.tokens(), example.sourceTokens())) {
        break;
      }
      for (int s = 0; s < sequences; s++) {
        Sequence sequence = example.sequences().get(s);
        batch.add(sequence.ids(), sequence.types(), order[at] * sequences + s);
        if (!example.sources().isEmpty()) {
          batch.source(example.sources().get(s).ids());
        }
      }
      targets.add(example.target());
    }
    if (at == from) {
      throw new ResourceException("example %d with its %d tokens does not fit in a batch of %d tokens; raise max_tokens or lower data.max_length"
          .formatted(order[at] + 1, data.tokens(order[at]), session.task().in().tokens().capacity()));
    }
    batch.write(session.executable(), seed, step);
    targets.write(session.executable());
    return at;
  }

  /** Says that the examples at positions [from, to) of an order are learnt from together; before the first of them is packed. */
  public void together(TokenizedData data, int[] order, int from, int to) {
    together.examples = data.examples();
    together.order = order;
    together.from = from;
    together.count = to - from;
    targets.together(together);
  }

  /** A view, made once. */
  private static final class Together extends AbstractList<Target> {
    private List<Example> examples = List.of();
    private int[] order = {};
    private int from;
    private int count;

    @Override
    public Target get(int index) {
      return examples.get(order[from + index]).target();
    }

    @Override
    public int size() {
      return count;
    }
  }

  /** What metrics need of the rows that the loss judged in this batch. */
  public List<float[]> kept(float[] judged, int columns) {
    return targets.kept(judged, columns);
  }

  /** Tokens of the batch, virtual ones and those of sources included. */
  public int tokens() {
    return batch.tokens() + batch.sourceTokens();
  }
}
