package io.github.lora4j.train.preference;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.Packer;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What a reference says of answers, computed once before training. */
public final class References {

  private References() {}

  /**
   * The same examples with log-probabilities of their answers' tokens.
   *
   * @param plain the task without a reference and without a loss of its own
   * @param session opened for it with room for targets: the model without an adapter, or with the adapter that is the reference
   */
  public static TokenizedData against(RecordedTask plain, Session session, TokenizedData data) {
    Packer packer = new Packer(plain, session);
    Executable executable = session.executable();
    int[] order = IntStream.range(0, data.size()).toArray();
    List<Example> examples = new ArrayList<>();
    session.prepare();
    for (int from = 0; from < data.size();) {
      packer.together(data, order, from, data.size());
      int to = packer.fill(data, order, from, data.size(), 0, 0);
      executable.run(TaskProgram.EVALUATE);
      float[] logs = executable.floats(session.task().evaluated().orElseThrow().judged());
      int at = 0;
      for (; from < to; from++) {
        Example example = data.examples().get(from);
        Target.Answers answers = (Target.Answers) example.target();
        int count = answers.labels().stream().mapToInt(References::counted).sum();
        examples.add(new Example(example.sequences(), answers.against(Arrays.copyOfRange(logs, at, at + count))));
        at += count;
      }
    }
    return new TokenizedData(examples);
  }

  /** Counted tokens that can be predicted: not the first of a sequence. */
  private static int counted(Target.TokenLabels labels) {
    return (int) IntStream.range(1, labels.ids().length).filter(t -> labels.counted()[t]).count();
  }
}
