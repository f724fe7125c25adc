package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.RecipeBuilder;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {

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

  private int run(String... arguments) {
    CommandLine command = Main.commandLine();
    command.setErr(new PrintWriter(errors));
    return command.execute(arguments);
  }
}
