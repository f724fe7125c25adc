package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class MainTest {

  @TempDir
  private Path dir;
  private final StringWriter errors = new StringWriter();

  @Test
  void aWrongOptionIsTwo() {
    assertEquals(2, run("demo", "--souces", "x.jar"));
    assertTrue(errors.toString().contains("--sources"), errors.toString());
  }

  @Test
  void anErrorOfOursIsOneMessageAndItsCode() {
    assertEquals(2, run("demo", "--sources", "no-such-file.jar"));
    assertEquals("error: no-such-file.jar: no such file; expected a -sources.jar", errors.toString().strip());
  }

  @Test
  void versionIsSaidWithAndWithoutAVerb() {
    for (String[] asked : new String[][] {{"--version"}, {"train", "-V"}}) {
      String said = Cli.ok(asked).out().strip();
      assertTrue(said.startsWith("lora4j ") && said.contains("Java " + Runtime.version()), said);
    }
  }

  @Test
  void helpOfEveryVerb() {
    for (String verb : Main.commandLine().getSubcommands().keySet()) {
      String help = Cli.ok(verb, "--help").out();
      assertTrue(help.startsWith("Usage: lora4j " + verb), help);
    }
    String train = Cli.ok("train", "--help").out();
    for (String setting : RecipeBuilder.settings().keySet()) {
      assertTrue(train.contains("--" + setting + "=VALUE"), setting);
    }
  }

  @Test
  void theExamplesAreRecipes() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("../examples"))) {
      List<Path> recipes = files.filter(file -> file.toString().endsWith(".yaml")).toList();
      assertFalse(recipes.isEmpty(), "no example was found");
      recipes.forEach(file -> new RecipeBuilder().read(file).build());
    }
  }

  @Test
  void anOptionThatLostItsValueIsNamed() {
    for (String[] line : List.of(new String[] {"train", "--adapter.r", "--max_steps", "3"}, new String[] {"train", "--adapter.r"})) {
      Cli result = Cli.run((Object[]) line);
      assertEquals(2, result.code());
      assertEquals("error: --adapter.r has no value; give it as --adapter.r VALUE or --adapter.r=VALUE", result.err().strip());
    }
    Cli result = Cli.run("train", "--batch_size", "--max_steps", "3");
    assertEquals(2, result.code());
    assertTrue(result.err().contains("--batch_size"), result.err());
    assertTrue(Cli.run("predict", dir, "--text", "--really?").err().contains("is not the directory of a run"));
    assertTrue(Cli.run("train", "--adapter.lora_alpha", "-1", "--set", "nothing=1").err().contains("nothing"));
  }

  /** {@code --batch-size} is {@code --batch_size}; values and options of other commands stay as they are. */
  @Test
  void settingsMayHaveDashes() {
    assertArrayEquals(new String[] {"train", "--batch_size", "4", "--optimizer.max_grad_norm=0.5", "--dry-run", "--set", "adapter.lora_alpha=2",
        "a-b"},
        Arguments.of(new String[] {"train", "--batch-size", "4", "--optimizer.max-grad-norm=0.5", "--dry-run", "--adapter.lora-alpha", "2", "a-b"},
            StandardCharsets.UTF_8, Map.of()));
    String[] other = {"predict", "--batch-size", "4", "--text", "--max-steps"};
    assertArrayEquals(other, Arguments.of(other, StandardCharsets.UTF_8, Map.of()));
    Cli none = Cli.run("train", "--batch-sizes", "4");
    assertEquals(2, none.code());
    assertTrue(none.err().contains("--batch_size"), none.err());
  }

  @Test
  void whatIsNotTextInTheLocaleIsRefused() {
    Cli result = Cli.run("predict", dir, "--text", "caf\uFFFD");
    assertEquals(2, result.code());
    assertTrue(result.err().startsWith("error: argument 4, \"caf?\", cannot be read"), result.err());
    String message = assertThrows(ConfigException.class, () -> Arguments.of(new String[] {"caf?"}, StandardCharsets.ISO_8859_1,
        Map.of("LORA4J_ARGUMENTS", "--text \u4e2d"))).getMessage();
    assertTrue(message.contains("not in ISO-8859-1"), message);
  }

  /** A process whose locale is C, as in a container or a cron job. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aLocaleWithoutLettersIsNeverReadWrongly() throws Exception {
    for (List<String> line : List.of(List.of("predict", dir.toString(), "--text", "caf\u00e9"), List.of("inspect", "\u00f6\u00df"),
        List.of("train", Files.writeString(dir.resolve("r.yaml"), "model: \u00f6\u00df\noutput: o\ndata: {train: a.tsv, label: l}\n").toString()))) {
      List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(), "-Xmx128m",
          "--add-modules", "jdk.incubator.vector", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"), Main.class.getName()));
      command.addAll(line);
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().put("LC_ALL", "C");
      Process process = builder.start();
      String text = new String(process.getInputStream().readAllBytes());
      assertEquals(2, process.waitFor(), text);
      assertTrue(text.contains("set LC_ALL=C.UTF-8"), text);
    }
  }

  @Test
  void pathsThatAreNone() {
    Cli result = Cli.run("inspect", "a\0b");
    assertEquals(2, result.code());
    assertTrue(result.err().contains("the path \"a?b\" cannot be used: Nul character not allowed"), result.err());
    assertTrue(Cli.run("inspect", "~/no-such-place").err().contains(System.getProperty("user.home") + "/no-such-place"));
    result = Cli.run("train", "--model", "m\0", "--output", dir, "--data.train", "x.tsv", "--data.label", "l");
    assertEquals(2, result.code(), result.err());
    assertFalse(result.err().contains("bug"), result.err());
  }

  @Command(name = "fail")
  private record Failing(Error error) implements Runnable {
    @Override
    public void run() {
      throw error;
    }
  }

  @Test
  void memoryOfTheJvmHasItsCode() {
    assertEquals(4, fail(new OutOfMemoryError("Java heap space")));
    assertTrue(errors.toString().startsWith("error: Java ran out of memory (Java heap space)"), errors.toString());
    assertEquals(4, fail(new StackOverflowError()));
    assertTrue(errors.toString().contains("-Xss16m"), errors.toString());
    assertFalse(errors.toString().contains("\tat "), errors.toString());
    assertEquals(1, fail(new AssertionError("broken")));
    assertTrue(errors.toString().contains("This is a bug in lora4j"), errors.toString());
  }

  private int fail(Error error) {
    CommandLine command = Main.commandLine().addSubcommand(new Failing(error));
    command.setErr(new PrintWriter(errors));
    return Main.run(command, "fail");
  }

  private int run(String... arguments) {
    CommandLine command = Main.commandLine();
    command.setErr(new PrintWriter(errors));
    return command.execute(arguments);
  }
}
