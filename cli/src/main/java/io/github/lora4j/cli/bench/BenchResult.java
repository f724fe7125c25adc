package io.github.lora4j.cli.bench;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * One run of the benchmark, as its JSON file has it.
 *
 * @param machine facts, in order
 * @param backends descriptions
 * @param warnings why the figures may be doubted
 */
record BenchResult(Map<String, String> machine, List<String> backends, List<String> warnings, List<Measurement> measurements) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** The best product rate that was measured on the processor, against which shares are given; 0 if none was. */
  double peak() {
    return measurements.stream().filter(m -> m.group().equals("kernel") && m.flops() > 0).mapToDouble(Measurement::gflops).max().orElse(0);
  }

  String json() {
    ObjectNode root = JSON.createObjectNode();
    machine.forEach(root.putObject("machine")::put);
    backends.forEach(root.putArray("backends")::add);
    warnings.forEach(root.putArray("warnings")::add);
    ArrayNode all = root.putArray("measurements");
    for (Measurement m : measurements) {
      ObjectNode one = all.addObject().put("group", m.group()).put("name", m.name()).put("backend", m.backend()).put("batch", m.batch())
          .put("tokens", m.tokens()).put("flops", m.flops()).put("traffic_bytes", m.traffic()).put("memory_bytes", m.memory());
      m.joules().ifPresent(joules -> one.put("joules", joules));
      ArrayNode seconds = one.putArray("seconds");
      for (double s : m.seconds()) {
        seconds.add(s);
      }
    }
    return root.toPrettyString() + "\n";
  }

  /** Reads a JSON file that {@link #json} wrote. */
  static BenchResult read(Path file) {
    try {
      JsonNode root = JSON.readTree(Files.readAllBytes(file));
      if (!root.path("measurements").isArray() || root.path("measurements").isEmpty()) {
        throw new FormatException("%s has no measurements: expected a bench.json of lora4j bench".formatted(file));
      }
      Map<String, String> machine = new LinkedHashMap<>();
      root.path("machine").properties().forEach(fact -> machine.put(fact.getKey(), fact.getValue().asText()));
      List<Measurement> all = new ArrayList<>();
      for (JsonNode m : root.path("measurements")) {
        double[] seconds = new double[m.path("seconds").size()];
        for (int i = 0; i < seconds.length; i++) {
          seconds[i] = m.path("seconds").get(i).asDouble();
        }
        if (seconds.length == 0) {
          throw new FormatException("%s: %s has no seconds".formatted(file, m.path("name").asText()));
        }
        all.add(new Measurement(m.path("group").asText(), m.path("name").asText(), m.path("backend").asText(), m.path("batch").asInt(),
            m.path("tokens").asLong(), m.path("flops").asLong(), m.path("traffic_bytes").asLong(), m.path("memory_bytes").asLong(),
            m.has("joules") ? OptionalDouble.of(m.path("joules").asDouble()) : OptionalDouble.empty(), seconds));
      }
      return new BenchResult(machine, texts(root.path("backends")), texts(root.path("warnings")), all);
    } catch (JacksonException e) {
      throw new FormatException("%s is not JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new FormatException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }
}
