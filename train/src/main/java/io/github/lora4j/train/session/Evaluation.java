package io.github.lora4j.train.session;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.tasks.TrainingTask;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Measures a program on examples: their mean loss, without dropout, and what the task makes of the rows that the loss judged. */
public final class Evaluation {

  private static final float[] ZERO = new float[1];

  private Evaluation() {}

  /**
   * Measures a session that was opened with room for targets.
   *
   * @param labels names of the classes
   * @param together examples of one batch at most: what a loss sees that compares the examples of a batch
   * @return the loss, then the task's metrics
   */
  public static Map<String, Double> of(TrainingTask task, List<String> labels, RecordedTask program, Session session, TokenizedData data,
      int together) {
    Packer packer = new Packer(program, session);
    Executable executable = session.executable();
    TaskProgram.Evaluated evaluated = session.task().evaluated().orElseThrow();
    int cols = evaluated.judged().shape().cols();
    int[] order = IntStream.range(0, data.size()).toArray();
    List<float[]> rows = new ArrayList<>();
    double loss = 0;
    double counted = 0;
    session.prepare();
    for (int next = 0; next < data.size();) {
      session.requireRunning();
      packer.together(data, order, next, Math.min(data.size(), next + together));
      next = packer.fill(data, order, next, Math.min(data.size(), next + together), 0, 0);
      executable.write(evaluated.count(), ZERO, 1);
      executable.run(TaskProgram.EVALUATE);
      // One by one, in double: the sum does not show which examples were packed together.
      for (float row : executable.floats(evaluated.rowLoss())) {
        loss += row;
      }
      counted += executable.floats(evaluated.count())[0];
      rows.addAll(packer.kept(executable.floats(evaluated.judged()), cols));
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("loss", loss / counted);
    result.putAll(task.ofLoss(loss / counted));
    result.putAll(task.metrics(rows.toArray(float[][]::new), data.examples().stream().map(Example::target).toList(), labels));
    return result;
  }
}
