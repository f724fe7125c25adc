package io.github.lora4j.testkit.doors;

import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A small model of the toy family with its words, and data to train it on. */
final class ToyModel {

  /** No multiple of a block of the toy format. */
  private static final int WIDTH = 40;
  private static final List<String> WORDS = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bad", "fair", "good", "film", "plot");

  private ToyModel() {}

  /** Writes {@code model} and {@code train.tsv} into a directory. */
  static void write(Path dir) throws IOException {
    Path model = Files.createDirectories(dir.resolve("model"));
    Files.writeString(model.resolve("config.json"), """
        {"model_type": "toy-bag", "architectures": ["ToyModel"], "vocab_size": %d, "width": %d}""".formatted(WORDS.size(), WIDTH));
    Files.write(model.resolve("vocab.txt"), WORDS);
    try (Arena arena = Arena.ofConfined()) {
      Random random = new Random(5);
      new SafetensorsWriter().metadata("format", "pt").add(info("words.weight", WORDS.size(), WIDTH), normal(arena, random, WORDS.size() * WIDTH))
          .add(info("mix.weight", WIDTH, WIDTH), normal(arena, random, WIDTH * WIDTH))
          .add(info("mix.bias", WIDTH), normal(arena, random, WIDTH)).write(model.resolve("model.safetensors"));
    }
    Files.writeString(dir.resolve("train.tsv"), "text\tlabel\n" + "film bad\tlow\nfair plot\tmiddle\nplot film good\thigh\n".repeat(8));
  }

  private static TensorInfo info(String name, long... shape) {
    return new TensorInfo(name, DType.F32, Arrays.stream(shape).boxed().toList());
  }

  private static MemorySegment normal(Arena arena, Random random, int count) {
    MemorySegment data = arena.allocate((long) count * Float.BYTES, 64);
    for (int i = 0; i < count; i++) {
      data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() * 0.5f);
    }
    return data;
  }
}
