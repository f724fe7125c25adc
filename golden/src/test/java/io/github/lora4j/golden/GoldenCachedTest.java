package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every decoder token by token through its cache: the logits behind each token of the recorded batch, which was computed at once. */
class GoldenCachedTest {

  @TestFactory
  Stream<DynamicTest> decoders() {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories("models")) {
      JsonNode expected = GoldenCases.json(dir.resolve("expected.json"));
      String type = expected.path("model_class").asText();
      if (type.endsWith("ForCausalLM") || type.equals("GPT2LMHeadModel")) {
        cases.put(GoldenCases.name(dir) + ": cached", () -> decode(dir));
      }
    }
    return GoldenCases.tests("models", cases);
  }

  private static void decode(Path dir) {
    ModelDirectory directory = ModelDirectory.open(dir);
    if (!ModelFamily.all().containsKey(directory.modelType())) {
      throw GoldenCases.notYet("model_type \"%s\" is not supported".formatted(directory.modelType()));
    }
    String rope = String.valueOf(directory.config().json().findValue("rope_type"))
        + directory.config().json().findPath("rope_scaling").path("type").asText("");
    Model model = GoldenCases.supported(() -> Generator.model(directory.architecture()));
    try (Checkpoint weights = Checkpoint.open(dir); Checkpoint tensors = Checkpoint.open(dir.resolve("expected.safetensors"));
        CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2))) {
      List<Long> shape = tensors.info("batch.input_ids").shape();
      int rows = shape.get(1).intValue();
      int length = shape.get(2).intValue();
      float[] ids = Numbers.floats(tensors, "batch.input_ids");
      float[] mask = Numbers.floats(tensors, "batch.attention_mask");
      float[] logits = Numbers.floats(tensors, "base.logits");
      // Angles by length are those of the longest sequence there may be, here as long as the recorded batch.
      boolean byLength = rope.contains("dynamic") || rope.contains("longrope");
      // Behind the length that longrope's short factors are for, every sequence takes the long ones; the recorded batch takes those of its longest.
      int original = rope.contains("longrope") ? directory.config().json().findPath("original_max_position_embeddings").asInt() : 0;
      int shortest = original > 0 && length > original ? original + 1 : 1;
      int room = Math.min(byLength ? length : length + 2, model.architecture().maxPositions());
      try (Generator generator = Generator.open(model, weights, new GeneratorOptions(1, room, room, room, WeightFormat.F32), backend)) {
        int compared = 0;
        for (int row = 0; row < rows; row++) {
          int first = row * length;
          int real = (int) IntStream.range(0, length).takeWhile(t -> mask[first + t] == 1).count();
          int[] text = IntStream.range(0, Math.min(real, room - 1)).map(t -> (int) ids[first + t]).toArray();
          compared += compare(generator, text, shortest, Arrays.copyOfRange(logits, first * (logits.length / (rows * length)), logits.length));
        }
        assertEquals(true, compared > 0, "no row begins with a token");
      }
    }
  }

  /** Compares the logits behind each token of a text, once it is so long; says how many. */
  private static int compare(Generator generator, int[] text, int shortest, float[] want) {
    GenerationConfig one = GenerationSettings.of(Map.of("max_new_tokens", 1));
    int width = generator.model().architecture().vocabSize();
    double tolerance = 1e-4 * Numbers.max(want);
    List<Sequence> joined = new ArrayList<>();
    for (int n = shortest; n <= text.length; n++) {
      Request prefix = Request.of(Arrays.copyOf(text, n), one);
      if (joined.isEmpty()) {
        joined.add(generator.add(prefix));
      } else {
        generator.resume(joined.getFirst(), prefix);
      }
      int token = n - 1;
      generator.step((sequence, chosen) -> Numbers.assertClose(Arrays.copyOfRange(want, token * width, (token + 1) * width), generator.logits(),
          tolerance,
          "logits behind token " + token));
    }
    joined.forEach(generator::remove);
    return Math.max(0, text.length - shortest + 1);
  }
}
