package io.github.lora4j.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;

/**
 * Splits the files that {@link Decoders} is given: train, search (held out while learning rates are compared) and test, the same each time. Descriptions of
 * one restaurant of E2E are in one part only.
 */
final class DecoderData {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TEST_ROWS = 500;
  private static final int SEARCH_ROWS = 200;
  private static final int TRAIN_PAIRS = 400;
  private static final int TEST_PAIRS = 200;
  private static final double SHAKESPEARE_PART = 0.025;

  private final Path directory;

  /**
   * Writes the parts.
   *
   * @param directory where they are written
   */
  DecoderData(Path directory) throws IOException {
    this.directory = Files.createDirectories(directory);
  }

  /** The file of a part. */
  Path part(DecoderTask task, String part) {
    return directory.resolve(task.key() + "-" + part + (task == DecoderTask.SHAKESPEARE ? ".txt" : ".jsonl"));
  }

  void write(DecoderTask task, Path source) throws IOException {
    switch (task) {
      case SHAKESPEARE -> shakespeare(Files.readString(source));
      case E2E -> e2e(restaurants(source));
      case ALPACA -> alpaca(source);
      case DPO -> pairs(restaurants(source));
    }
  }

  /** The end is the test, what stands before it the search; cut between speeches. */
  private void shakespeare(String text) throws IOException {
    int test = text.indexOf("\n\n", (int) (text.length() * (1 - SHAKESPEARE_PART))) + 2;
    int search = text.indexOf("\n\n", (int) (text.length() * (1 - 2 * SHAKESPEARE_PART))) + 2;
    Files.writeString(part(DecoderTask.SHAKESPEARE, "train"), text.substring(0, search));
    Files.writeString(part(DecoderTask.SHAKESPEARE, "search"), text.substring(search, test));
    Files.writeString(part(DecoderTask.SHAKESPEARE, "test"), text.substring(test));
  }

  /** Descriptions by what they describe, in an order drawn once. */
  private static List<Map.Entry<String, List<String>>> restaurants(Path source) throws IOException {
    Map<String, List<String>> texts = new LinkedHashMap<>();
    for (String line : Files.readAllLines(source)) {
      String[] sides = line.split("\\|\\|", 2);
      if (sides.length != 2) {
        throw new FormatException("%s: expected MEANING||TEXT, got \"%s\"".formatted(source, line));
      }
      texts.computeIfAbsent(sides[0].strip(), meaning -> new ArrayList<>()).add(sides[1].strip());
    }
    List<Map.Entry<String, List<String>>> all = new ArrayList<>(texts.entrySet());
    Collections.shuffle(all, new Random(7));
    return all;
  }

  /** Whole restaurants from the front until there are so many descriptions; they are taken out. */
  private static List<Map.Entry<String, List<String>>> take(List<Map.Entry<String, List<String>>> restaurants, int rows) {
    List<Map.Entry<String, List<String>>> taken = new ArrayList<>();
    for (int left = rows; left > 0;) {
      Map.Entry<String, List<String>> next = restaurants.removeFirst();
      List<String> texts = next.getValue().subList(0, Math.min(left, next.getValue().size()));
      taken.add(Map.entry(next.getKey(), texts));
      left -= texts.size();
    }
    return taken;
  }

  private void e2e(List<Map.Entry<String, List<String>>> restaurants) throws IOException {
    write(part(DecoderTask.E2E, "test"), described(take(restaurants, TEST_ROWS)));
    write(part(DecoderTask.E2E, "search"), described(take(restaurants, SEARCH_ROWS)));
    write(part(DecoderTask.E2E, "train"), described(restaurants));
  }

  private static List<ObjectNode> described(List<Map.Entry<String, List<String>>> restaurants) {
    return restaurants.stream().flatMap(one -> one.getValue().stream().map(text -> JSON.createObjectNode().put("prompt", one.getKey() + "\n")
        .put("completion", text))).toList();
  }

  private void alpaca(Path source) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    JSON.readTree(source.toFile()).forEach(rows::add);
    Collections.shuffle(rows, new Random(7));
    write(part(DecoderTask.ALPACA, "test"), rows.subList(0, TEST_ROWS));
    write(part(DecoderTask.ALPACA, "search"), rows.subList(0, 0));
    write(part(DecoderTask.ALPACA, "train"), rows.subList(TEST_ROWS, rows.size()));
  }

  /** A description, and the same with another restaurant's value in the place of one that it names. */
  private void pairs(List<Map.Entry<String, List<String>>> restaurants) throws IOException {
    Random random = new Random(7);
    List<ObjectNode> test = corrupted(take(restaurants, 4 * TEST_PAIRS), restaurants, random);
    Collections.shuffle(test, random);
    List<ObjectNode> train = corrupted(restaurants, restaurants, random);
    Collections.shuffle(train, random);
    write(part(DecoderTask.DPO, "test"), test.subList(0, TEST_PAIRS));
    write(part(DecoderTask.DPO, "search"), List.of());
    write(part(DecoderTask.DPO, "train"), train.subList(0, TRAIN_PAIRS));
  }

  private static List<ObjectNode> corrupted(List<Map.Entry<String, List<String>>> restaurants, List<Map.Entry<String, List<String>>> others,
      Random random) {
    Map<String, TreeSet<String>> values = new LinkedHashMap<>();
    others.forEach(one -> attributes(one.getKey()).forEach((name, value) -> values.computeIfAbsent(name, n -> new TreeSet<>()).add(value)));
    List<ObjectNode> pairs = new ArrayList<>();
    for (Map.Entry<String, List<String>> one : restaurants) {
      for (String text : one.getValue()) {
        corrupted(attributes(one.getKey()), text, values, random).ifPresent(wrong -> pairs.add(JSON.createObjectNode()
            .put("prompt", one.getKey() + "\n").put("chosen", text).put("rejected", wrong)));
      }
    }
    return pairs;
  }

  private static Optional<String> corrupted(Map<String, String> attributes, String text, Map<String, TreeSet<String>> values, Random random) {
    List<String> named = new ArrayList<>(attributes.keySet().stream().filter(name -> text.contains(attributes.get(name))).toList());
    Collections.shuffle(named, random);
    for (String name : named) {
      List<String> wrong = values.getOrDefault(name, new TreeSet<>()).stream().filter(value -> !attributes.containsValue(value)).toList();
      if (!wrong.isEmpty()) {
        return Optional.of(text.replace(attributes.get(name), wrong.get(random.nextInt(wrong.size()))));
      }
    }
    return Optional.empty();
  }

  private static Map<String, String> attributes(String meaning) {
    Map<String, String> attributes = new LinkedHashMap<>();
    Arrays.stream(meaning.split("\\|")).map(part -> part.split(":", 2)).filter(sides -> sides.length == 2)
        .forEach(sides -> attributes.put(sides[0].strip(), sides[1].strip()));
    return attributes;
  }

  private static void write(Path file, List<? extends JsonNode> rows) throws IOException {
    StringBuilder lines = new StringBuilder();
    rows.forEach(row -> lines.append(row).append('\n'));
    Files.writeString(file, lines);
  }
}
