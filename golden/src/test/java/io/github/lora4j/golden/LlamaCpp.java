package io.github.lora4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** llama.cpp as the npm package node-llama-cpp brings it, continuing prompts greedily; see greedy.mjs. */
record LlamaCpp(Path home) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MINUTES = 10;

  /**
   * What is to be continued.
   *
   * @param lora the adapter's file; empty: none
   */
  record Job(Path model, String lora, List<int[]> prompts, List<String> texts, int tokens) {}

  /**
   * How it was.
   *
   * @param ids behind each prompt
   * @param last logits behind each prompt
   * @param texts the texts' tokens
   */
  record Answer(List<int[]> ids, List<float[]> last, List<int[]> texts) {}

  List<Answer> run(Path directory, List<Job> jobs) throws IOException, InterruptedException {
    Path script = directory.resolve("greedy.mjs");
    try (var in = Objects.requireNonNull(LlamaCpp.class.getResourceAsStream("/llamacpp/greedy.mjs"))) {
      Files.write(script, in.readAllBytes());
    }
    Path answers = directory.resolve("answers.json");
    JSON.writeValue(directory.resolve("jobs.json").toFile(), jobs.stream().map(job -> job.lora.isEmpty()
        ? Map.of("model", job.model.toString(), "prompts", job.prompts, "texts", job.texts, "tokens", job.tokens)
        : Map.of("model", job.model.toString(), "lora", job.lora, "prompts", job.prompts, "texts", job.texts, "tokens", job.tokens)).toList());
    Path log = directory.resolve("log.txt");
    Process process = new ProcessBuilder("node", script.toString(), home.toString(), directory.resolve("jobs.json").toString(), answers.toString())
        .redirectErrorStream(true).redirectOutput(log.toFile()).start();
    if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new IOException("node did not end in %d minutes".formatted(MINUTES));
    }
    if (process.exitValue() != 0) {
      throw new IOException("node ended with %d: %s".formatted(process.exitValue(), Files.readString(log)));
    }
    List<Answer> read = new ArrayList<>();
    for (JsonNode answer : JSON.readTree(answers.toFile())) {
      read.add(new Answer(ids(answer.path("ids")), floats(answer.path("last")), ids(answer.path("texts"))));
    }
    return read;
  }

  private static List<int[]> ids(JsonNode lists) {
    List<int[]> all = new ArrayList<>();
    lists.forEach(list -> {
      int[] ids = new int[list.size()];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = list.get(i).asInt();
      }
      all.add(ids);
    });
    return all;
  }

  private static List<float[]> floats(JsonNode lists) {
    List<float[]> all = new ArrayList<>();
    lists.forEach(list -> {
      float[] values = new float[list.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) list.get(i).asDouble();
      }
      all.add(values);
    });
    return all;
  }
}
