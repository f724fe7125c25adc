package io.github.lora4j.cli;

import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A BERT of 2 layers, 16 wide, and little files of data to train it on. */
public final class TinyBert {

  static final List<String> GOOD = List.of("good", "great", "fine", "nice");
  static final List<String> BAD = List.of("bad", "awful", "poor", "sad");
  static final List<String> OTHER = List.of("film", "plot", "a", "the", "very", "is");
  static final int WIDTH = 16;
  static final int LAYERS = 2;
  static final int INNER = 32;
  private static final int POSITIONS = 24;

  private TinyBert() {}

  /** Writes a model directory. */
  public static Path model(Path directory, boolean pooler) throws IOException {
    Files.createDirectories(directory);
    List<String> vocabulary = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    vocabulary.addAll(GOOD);
    vocabulary.addAll(BAD);
    vocabulary.addAll(OTHER);
    Files.write(directory.resolve("vocab.txt"), vocabulary);
    Files.writeString(directory.resolve("config.json"), """
        {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d,
         "num_attention_heads": 2, "intermediate_size": %d, "max_position_embeddings": %d, "type_vocab_size": 2, "hidden_act": "gelu",
         "layer_norm_eps": 1e-12, "initializer_range": 0.02}
        """.formatted(vocabulary.size(), WIDTH, LAYERS, INNER, POSITIONS));
    weights(directory.resolve("model.safetensors"), vocabulary.size(), POSITIONS, 2, pooler);
    return directory;
  }

  /** The same encoder for another vocabulary. */
  static void weights(Path file, int vocabulary, int positions, int types, boolean pooler) throws IOException {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    matrix(shapes, "embeddings.word_embeddings.weight", vocabulary, WIDTH);
    matrix(shapes, "embeddings.position_embeddings.weight", positions, WIDTH);
    matrix(shapes, "embeddings.token_type_embeddings.weight", types, WIDTH);
    norm(shapes, "embeddings.LayerNorm");
    for (int i = 0; i < LAYERS; i++) {
      String layer = "encoder.layer." + i + ".";
      for (String name : List.of("query", "key", "value")) {
        linear(shapes, layer + "attention.self." + name, WIDTH, WIDTH);
      }
      linear(shapes, layer + "attention.output.dense", WIDTH, WIDTH);
      norm(shapes, layer + "attention.output.LayerNorm");
      linear(shapes, layer + "intermediate.dense", INNER, WIDTH);
      linear(shapes, layer + "output.dense", WIDTH, INNER);
      norm(shapes, layer + "output.LayerNorm");
    }
    if (pooler) {
      linear(shapes, "pooler.dense", WIDTH, WIDTH);
    }
    Random random = new Random(7);
    try (Arena arena = Arena.ofConfined()) {
      SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
      shapes.forEach((name, shape) -> {
        TensorInfo info = new TensorInfo(name, DType.F32, shape);
        MemorySegment data = arena.allocate(info.bytes(), 64);
        // Words far apart, so that a few steps suffice to tell them from one another.
        double deviation = name.contains("word_embeddings") ? 1 : 0.2;
        for (long i = 0; i < info.elements(); i++) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, i, name.endsWith("LayerNorm.weight") ? 1 : (float) (deviation * random.nextGaussian()));
        }
        writer.add(info, data);
      });
      writer.write(file);
    }
  }

  private static void matrix(Map<String, List<Long>> shapes, String name, long rows, long cols) {
    shapes.put(name, List.of(rows, cols));
  }

  private static void linear(Map<String, List<Long>> shapes, String name, long out, long in) {
    matrix(shapes, name + ".weight", out, in);
    shapes.put(name + ".bias", List.of(out));
  }

  private static void norm(Map<String, List<Long>> shapes, String name) {
    shapes.put(name + ".weight", List.of((long) WIDTH));
    shapes.put(name + ".bias", List.of((long) WIDTH));
  }

  /** One row of data: a text of up to 8 words, and what is said of it. */
  record Example(String text, boolean good, boolean plot, double value) {}

  /** Sentences with a mood. */
  static List<Example> examples(int count, long seed) {
    Random random = new Random(seed);
    List<Example> list = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      boolean good = random.nextBoolean();
      boolean plot = random.nextBoolean();
      StringBuilder text = new StringBuilder("the " + (plot ? "plot" : "film") + " is");
      int words = 1 + random.nextInt(4);
      for (int w = 0; w < words; w++) {
        text.append(w == 0 ? " " : " very ").append((good ? GOOD : BAD).get(random.nextInt(4)));
      }
      list.add(new Example(text.toString(), good, plot, good ? words : -words));
    }
    return list;
  }

  /** Classes, tab-separated. */
  public static Path tsv(Path file, int count, long seed) throws IOException {
    List<String> lines = new ArrayList<>(List.of("sentence\tmood"));
    examples(count, seed).forEach(e -> lines.add(e.text() + "\t" + (e.good() ? "good" : "bad")));
    return Files.write(file, lines);
  }

  /** Numbers, comma-separated. */
  public static Path csv(Path file, int count, long seed) throws IOException {
    List<String> lines = new ArrayList<>(List.of("score,\"text\""));
    examples(count, seed).forEach(e -> lines.add(e.value() + ",\"" + e.text() + "\""));
    return Files.write(file, lines);
  }

  /** Several labels, JSON lines. */
  static Path jsonl(Path file, int count, long seed) throws IOException {
    List<String> lines = new ArrayList<>();
    for (Example e : examples(count, seed)) {
      List<String> labels = new ArrayList<>();
      if (e.good()) {
        labels.add("\"praise\"");
      }
      if (e.plot()) {
        labels.add("\"plot\"");
      }
      lines.add("{\"text\": \"%s\", \"tags\": %s}".formatted(e.text(), labels));
    }
    return Files.write(file, lines);
  }

  /** Pairs of texts, tab-separated. */
  public static Path pairs(Path file, int count, long seed) throws IOException {
    List<String> lines = new ArrayList<>(List.of("query\tanswer"));
    examples(count, seed).forEach(e -> lines.add(e.text() + "\t" + (e.good() ? "nice " : "sad ") + (e.plot() ? "plot" : "film")));
    return Files.write(file, lines);
  }
}
