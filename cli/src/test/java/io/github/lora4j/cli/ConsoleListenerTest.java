package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.train.TrainEvent;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConsoleListenerTest {

  private static List<TrainEvent> run() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("loss", 0.51234);
    metrics.put("accuracy", 0.75);
    return List.of(new TrainEvent.Started("cpu: 2 threads\na model", 300, 100, 3200, 12345), new TrainEvent.Note("2 texts were cut"),
        new TrainEvent.Step(110, 300, 1.1, 0.69315, 1.25, 2e-4, Map.of(), 10_000, 320, 20), new TrainEvent.Step(120, 300, 1.2, 0.5, 0.0625, 1e-4,
        Map.of(), 50_000, 640, 30), new TrainEvent.Evaluated(120, 1.2, metrics, 3.4), new TrainEvent.Saved(120, Path.of("runs", "checkpoint-120")),
        new TrainEvent.Finished(300, 3723.4, Path.of("runs", "adapter"), metrics));
  }

  private static String told(boolean terminal) {
    StringWriter text = new StringWriter();
    ConsoleListener listener = new ConsoleListener(new PrintWriter(text), terminal);
    run().forEach(listener::on);
    return text.toString().replace(System.lineSeparator(), "\n").replace('\\', '/');
  }

  @Test
  void aLineForEachReport() {
    assertEquals("""
        cpu: 2 threads
        a model
        resumed after step 100
        note: 2 texts were cut
        step 110/300  loss 0.6932  grad 1.250  lr 2.00e-04  500 tokens/s  16.0 examples/s  ETA 6:20
        step 120/300  loss 0.5000  grad 0.063  lr 1.00e-04  4,000 tokens/s  32.0 examples/s  ETA 3:00
        eval  step 120  epoch 1.20  loss 0.5123  accuracy 0.7500  (0:03)
        saved runs/checkpoint-120
        done: 300 steps in 1:02:03: loss 0.5123  accuracy 0.7500
        adapter: runs/adapter
        """, told(false));
  }

  @Test
  void onATerminalTheProgressLineIsRewritten() {
    assertEquals(told(false).replaceAll("(step 1[12]0/300.*)\n(?=step)", "\r$1\u001b[K").replaceAll("(?<!\r)(step 120/300.*)", "\r$1\u001b[K"),
        told(true));
  }
}
