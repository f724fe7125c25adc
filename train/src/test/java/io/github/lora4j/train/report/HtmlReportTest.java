package io.github.lora4j.train.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.JsonlListener;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

final class HtmlReportTest {

  @TempDir
  private Path run;

  private void tell(TrainEvent... events) {
    JsonlListener listener = new JsonlListener(run.resolve("metrics.jsonl"));
    for (TrainEvent event : events) {
      listener.on(event);
    }
  }

  private static TrainEvent.Step step(int step, double loss, Map<String, Double> rates, double seconds) {
    return new TrainEvent.Step(step, 100, step / 50.0, loss, 1.5, 1e-3, rates, step * 100L, step * 8L, seconds);
  }

  /** The page, read by a strict parser: it is well-formed apart from HTML's void elements. */
  private Document page() throws Exception {
    String html = Files.readString(HtmlReport.write(run));
    assertFalse(html.contains("<script") || html.contains("src=") || html.contains("http"), "nothing from elsewhere");
    String xml = html.replaceFirst("<!DOCTYPE html>", "").replaceAll("<meta[^>]*>", "");
    return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
  }

  private static int count(Document page, String element) {
    return page.getElementsByTagName(element).getLength();
  }

  /** Drawings are made of numbers that browsers read, whatever digits the user's locale has. */
  @Test
  void aPageIsTheSameInEveryLocale() throws Exception {
    tell(new TrainEvent.Started("cpu", 100, 0, 800, 1234), step(10, 0.7, Map.of("A", 1e-3), 1),
        new TrainEvent.Ranks(10, 30, Map.of("encoder.layer.0.output.dense", 12), 0.2), step(20, 0.5, Map.of("A", 5e-4), 2),
        new TrainEvent.Evaluated(20, 0.4, Map.of("accuracy", 0.75), 1));
    Locale before = Locale.getDefault(Locale.Category.FORMAT);
    try {
      Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
      String page = Files.readString(HtmlReport.write(run));
      Locale.setDefault(Locale.Category.FORMAT, Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertEquals(page, Files.readString(HtmlReport.write(run)));
    } finally {
      Locale.setDefault(Locale.Category.FORMAT, before);
    }
  }

  @Test
  void aWholeRunShowsEveryCurveAndTheRanks() throws Exception {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    for (int layer = 0; layer < 3; layer++) {
      ranks.put("encoder.layer." + layer + ".attention.self.query", layer);
      ranks.put("encoder.layer." + layer + ".output.dense", 2 * layer + 1);
    }
    tell(new TrainEvent.Started("cpu\nmodel <x> & \"y\"", 100, 0, 800, 1234),
        step(10, 0.7, Map.of("A", 1e-3, "B", 1.6e-2), 1), new TrainEvent.Ranks(10, 30, ranks, 0.2), step(20, 0.5, Map.of("A", 5e-4, "B", 8e-3), 2),
        new TrainEvent.Ranks(20, 12, ranks, 0.1), new TrainEvent.Evaluated(20, 0.4, Map.of("accuracy", 0.75, "loss", 0.6), 1),
        new TrainEvent.Note("a <note>"));
    Files.writeString(run.resolve("recipe.yaml"), "model: \"a & b\"\n");
    Document page = page();
    assertEquals(7, count(page, "svg"), "loss, orthogonality, evaluation, rates, norm, speed, ranks");
    assertEquals(6, count(page, "td"), "a cell for each module");
    String text = page.getDocumentElement().getTextContent();
    for (String part : new String[] {"1,234", "20 of 100", "model <x> & \"y\"", "a <note>", "attention.self.query", "0.75", "model: \"a & b\"",
      "budget: from 30 to 12", "penalty: from 0.2 to 0.1", "as measured: from 0.7 to 0.5"}) {
      assertTrue(text.contains(part), part);
    }
  }

  /** What models write is text and nothing else, whatever it looks like. */
  @Test
  void answersBeforeAndAfter() throws Exception {
    String script = "</td></table><script>alert(1)</script> & \u0000\u001b[31m\tend";
    tell(new TrainEvent.Started("cpu", 20, 0, 8, 1),
        new TrainEvent.Sampled(0, List.of(sample("Who?", script, "I.", "length"), sample("Why <b>?", "", "", "eos"))), step(20, 0.5, Map.of(), 1));
    Document before = page();
    assertEquals(8, count(before, "td"), "prompt, before, after and reference of two");
    assertTrue(before.getDocumentElement().getTextContent().contains("not answered"));
    tell(new TrainEvent.Sampled(20, List.of(sample("Who?", "I.", "I.", "eos"), sample("Why <b>?", "So.\nAnd <so>.", "", "context"))));
    Document page = page();
    List<String> cells = new ArrayList<>();
    for (int i = 0; i < count(page, "td"); i++) {
      cells.add(page.getElementsByTagName("td").item(i).getTextContent());
    }
    assertEquals(List.of("Who?", "</td></table><script>alert(1)</script> & \ufffd\ufffd[31m\tend … (longest answer)", "I.", "I.", "Why <b>?", "",
        "So.\nAnd <so>. … (end of the context)", ""), cells);
  }

  private static TrainEvent.Sample sample(String prompt, String answer, String reference, String ended) {
    return new TrainEvent.Sample(prompt, answer, reference, ended);
  }

  @Test
  void oneStepNoStepAndNumbersThatAreNone() throws Exception {
    tell(new TrainEvent.Started("cpu", 1, 0, 8, 1), step(1, 0.5, Map.of(), 1));
    Document one = page();
    assertTrue(count(one, "circle") >= 3, "a lone point is a dot");
    Files.delete(run.resolve("metrics.jsonl"));
    tell(new TrainEvent.Started("cpu", 1, 0, 8, 1));
    assertTrue(page().getDocumentElement().getTextContent().contains("nothing was recorded"));
    tell(step(1, Double.NaN, Map.of("A", 0.0), 1), step(2, Double.POSITIVE_INFINITY, Map.of("A", 0.0), 2), step(3, 0.25, Map.of("A", 0.0), 3));
    assertFalse(Files.readString(HtmlReport.write(run)).contains("NaN"));
  }

  @Test
  void aLineCutByACrashEndsTheLog() throws Exception {
    tell(new TrainEvent.Started("cpu", 9, 0, 8, 1), step(4, 0.5, Map.of(), 1));
    Files.writeString(run.resolve("metrics.jsonl"), "{\"event\":\"step\",\"st", StandardOpenOption.APPEND);
    assertTrue(page().getDocumentElement().getTextContent().contains("4 of 100"));
  }

  @Test
  void withoutMetricsThereIsNoReport() {
    String message = assertThrows(FormatException.class, () -> HtmlReport.write(run)).getMessage();
    assertTrue(message.contains("metrics.jsonl"), message);
  }

  @Test
  void axesHaveRoundNumbers() throws IOException {
    assertArrayEquals(new double[] {0, 0.2, 0.4, 0.6, 0.8}, Chart.ticks(0.05, 0.79, 0), 1e-12);
    assertArrayEquals(new double[] {0, 100, 200, 300, 400, 500}, Chart.ticks(1, 500, 1), 1e-9);
    assertEquals("0.05", Chart.label(0.05));
    assertEquals("1.0e-5", Chart.label(1e-5));
    assertEquals("4000", Chart.label(4000));
    double[] smooth = HtmlReport.smooth(new double[] {1, Double.NaN, 1, 1});
    assertArrayEquals(new double[] {1, 1, 1, 1}, smooth, 1e-12);
  }
}
