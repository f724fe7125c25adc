package io.github.lora4j;

import java.nio.file.Path;
import java.util.Map;

/**
 * The way in.
 *
 * <pre>{@code
 * try (LocalModel model = Lora4j.model("/path/to/instruct-model")) {
 *   TrainEvent.Finished trained = model.train(Map.of("output", "runs/support", "task", "chat", "data", Map.of("train", "conversations.jsonl")));
 *   model.load("support", trained.adapter());
 *   System.out.println(model.with("support").generate("How do I reset my password?").text());
 * }
 * }</pre>
 */
public final class Lora4j {

  private Lora4j() {}

  /** A model; see {@link #model(String, Map)}. */
  public static LocalModel model(String directory) {
    return model(directory, Map.of());
  }

  /** A model; see {@link #model(String, Map)}. */
  public static LocalModel model(Path directory) {
    return model(directory.toString(), Map.of());
  }

  /**
   * A model. Its weights are loaded when it is first asked, in the form that is needed: to continue texts, for vectors, or not at all for training,
   * which has its own.
   *
   * @param directory of a model as on the Hugging Face Hub, a GGUF file, or the directory of a finished run, whose adapter is then what answers
   * @param options {@code name}, what the model without adapter is called (its directory's name); {@code backend} ("cpu"); {@code threads} (0: all
   *     processors); {@code sequences} that are continued at a time (8); {@code context}, tokens of one at most (0: the model's own, up to 4,096);
   *     {@code weights} ("f32", "bf16", ...; as the files have them); {@code seats}, places for adapters that come while the model is in use, without
   *     which it is loaded anew when one comes (0), and {@code rank}, the largest of those (16)
   * @throws io.github.lora4j.vector.ConfigException when there is no such model, or an option is wrong
   */
  public static LocalModel model(String directory, Map<String, ?> options) {
    return new LocalModel(Path.of(directory), ModelOptions.of(options));
  }
}
