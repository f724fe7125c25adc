package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.inference.reading.Embedder;
import io.github.lora4j.models.ModelDirectory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client that no one here wrote: the {@code openai} package of npm, where there is one: {@code -Dopenai.npm=DIR}. */
class NpmClientTest {

  @TempDir
  Path directory;

  @Test
  void openAisOwnClientIsServed() throws Exception {
    String installed = System.getProperty("openai.npm", "");
    assumeTrue(!installed.isEmpty(), "skipped: run `npm install openai` in a directory, and give it as -Dopenai.npm=DIR");
    Path script = Path.of(installed, "lora4j-client.mjs");
    Files.copy(clients().resolve("openai.mjs"), script, StandardCopyOption.REPLACE_EXISTING);
    TinyServer.write(directory, "one");
    TinyServer.lengthen(directory, 400);
    ServedModel model = new ServedModel(new ServedOptions(directory, "tiny", Map.of("one", directory.resolve("adapters/one")),
        new ServedOptions.Room(8, 400, 0, 0, Optional.empty()), new ServedOptions.Computing("cpu", 1)), EngineLimits.DEFAULT);
    Embedder vectors = new Embedder("vectors", ModelDirectory.open(directory), Map.of(), "cpu", 1);
    try (Served served = new Served(Optional.of(model), List.of(vectors), directory);
        Server server = new Server(served, ServerOptions.LOCAL, line -> { })) {
      ProcessBuilder node = new ProcessBuilder("node", script.toString()).redirectErrorStream(true);
      node.environment().put("LORA4J_URL", server.address());
      node.environment().put("CHAT_MODEL", "one");
      node.environment().put("EMBEDDING_MODEL", "vectors");
      Process process = node.start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), said);
      assertEquals(0, process.exitValue(), said);
      assertTrue(said.contains("chat: ok") && said.contains("embeddings: ok"), said);
    } finally {
      Files.delete(script);
    }
  }

  private static Path clients() {
    Path here = Path.of("src/test/clients");
    return Files.isDirectory(here) ? here : Path.of("../integrations/serve").resolve(here);
  }
}
