package io.github.lora4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.tasks.TrainingTask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The README's table of what is supported, from the services. {@code -Dreadme.update=true} writes it. */
final class SupportedTest {

  private static final Path README = Path.of("..", "README.md");
  private static final String BEGIN = "<!-- supported: written by SupportedTest -->\n";
  private static final String END = "<!-- end of supported -->\n";

  @Test
  void theReadmeSaysWhatTheServicesOffer() throws IOException {
    String readme = Files.readString(README);
    int begin = readme.indexOf(BEGIN) + BEGIN.length();
    int end = readme.indexOf(END);
    assertTrue(begin >= BEGIN.length() && end >= begin, "the README has no " + BEGIN.strip());
    if (Boolean.getBoolean("readme.update")) {
      Files.writeString(README, readme.substring(0, begin) + table() + readme.substring(end));
      return;
    }
    assertEquals(table(), readme.substring(begin, end), "run this test with -Dreadme.update=true");
  }

  private static String table() {
    return "| | supported |\n|---|---|\n"
        + row("model families (`model_type`)", shipped(ModelFamily.class).stream().flatMap(family -> family.modelTypes().stream()).toList())
        + row("tasks", shipped(TrainingTask.class).stream().map(TrainingTask::name).toList())
        + row("methods", shipped(AdapterMethod.class).stream().map(AdapterMethod::name).toList())
        + row("backends", shipped(Backend.Provider.class).stream().map(Backend.Provider::name).toList())
        + row("frozen weights", List.of("f32", "bf16", "f16").stream().filter(SupportedTest::stored).toList());
  }

  private static boolean stored(String weights) {
    Recipe recipe = Recipe.builder(Path.of("model"), Path.of("run")).set("data.train", "x.tsv").set("data.label", "label")
        .set("weights", weights).build();
    return recipe.computing().weights().equals(weights);
  }

  /** What the modules of the command offer, without what tests add. */
  private static <S> List<S> shipped(Class<S> service) {
    return ServiceLoader.load(service).stream().filter(provider ->
        !ShippedClasses.ofTests(provider.type())).map(ServiceLoader.Provider::get).toList();
  }

  private static String row(String what, Collection<String> names) {
    return "| %s | %s |\n".formatted(what, names.stream().sorted().map(name -> "`" + name + "`").collect(Collectors.joining(", ")));
  }
}
