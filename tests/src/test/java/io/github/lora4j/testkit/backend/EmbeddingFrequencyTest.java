package io.github.lora4j.testkit.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.ScatterTables;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.testkit.TestedBackends;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Gradients of embeddings that torch's scale_grad_by_freq divides by how often an id is in the batch; golden/lora_layers has torch's own numbers. */
class EmbeddingFrequencyTest {

  private static final int COLS = 3;
  private static final int[] IDS = {2, 0, 2, -1, 2, 4, 0};

  @TestFactory
  Stream<DynamicTest> gradients() {
    return TestedBackends.each(on -> Stream.of(true, false).map(scaled -> DynamicTest.dynamicTest("scaled " + scaled + " on " + on, () -> {
      ProgramBuilder builder = new ProgramBuilder();
      RowAxis rows = builder.axis("rows", IDS.length);
      Value ids = builder.table("ids", Shape.of(rows, 1));
      Value table = builder.trainable("table", Shape.of(5, COLS), 0);
      Value ones = builder.frozen("ones", Shape.of(1, COLS));
      Graph g = builder.entry("step");
      // Each row's loss is the sum of its columns, so each row's gradient is 1.
      Value loss = g.linear(g.embedding(table, ids, scaled), ones);
      g.backward(loss);
      try (Executable run = on.open().compile(builder.build(), CompileOptions.DEFAULT)) {
        run.write(ones, new float[] {1, 1, 1}, COLS);
        run.rows(rows, IDS.length);
        run.write(ids, IDS, IDS.length);
        ScatterTables.of(run.program(), ids).orElseThrow().write(run, IDS, IDS.length);
        run.run("step");
        float[] expected = new float[5 * COLS];
        for (int j = 0; j < COLS; j++) {
          expected[j] = scaled ? 1 : 2;
          expected[2 * COLS + j] = scaled ? 1 : 3;
          expected[4 * COLS + j] = 1;
        }
        assertArrayEquals(expected, run.floats(run.program().slot("table.grad").orElseThrow()), 1e-6f);
      }
    })));
  }
}
