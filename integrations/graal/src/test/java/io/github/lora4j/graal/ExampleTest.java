package io.github.lora4j.graal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples, run as their README says. */
class ExampleTest {

  @TempDir
  Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"js", "python"})
  void theExampleTrains(String language) throws Exception {
    assumeTrue(Guests.there(language));
    Path examples = Path.of("../../examples/graal");
    Process process = new ProcessBuilder(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules",
        "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
        examples.resolve("Guest.java").toString(), examples.resolve("finetune." + Guests.ENDINGS.get(language)).toString(),
        Guests.tiny(directory.resolve("tiny")), Guests.letters(directory.resolve("letters.jsonl")), directory.resolve("run").toString()))
        .redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), out);
    assertTrue(out.contains("step 20 of 20: loss ") && out.contains("before: ") && out.contains("after: "), out);
  }
}
