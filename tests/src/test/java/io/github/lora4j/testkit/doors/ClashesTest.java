package io.github.lora4j.testkit.doors;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.cli.Main;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.Binder;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.WeightFormat;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A class path with one service too many, or a wrong one: the command, in a process of its own since services are found once, says so when it
 * starts, by the classes' names, and trains nothing.
 */
class ClashesTest {

  @TempDir
  private Path dir;

  static Stream<Arguments> services() {
    return Stream.of(
        clash("two families", ModelFamily.class, Clashing.Family.class, "", 2, "model_type \"toy-bag\"", ToyFamily.class.getName()),
        clash("a family whose recording and config disagree", ModelFamily.class, Clashing.Liar.class, "", 2, "Clashing$Layerless",
            "num_layers is 3, but 0 layers are recorded"),
        clash("two tasks", TrainingTask.class, Clashing.Task.class, "", 2, "two tasks are named \"ordinal\"", ToyTask.class.getName()),
        clash("a task without targets", TrainingTask.class, Clashing.Targetless.class, "task: targetless", 2, "task targetless",
            "gives no target for", "train.tsv, line 2"),
        clash("an op without a binder", TrainingTask.class, Clashing.WithUnbound.class, "task: unbound", 5, "no binder",
            Clashing.UnboundOp.class.getName()),
        clash("two formats", WeightFormat.class, Clashing.Format.class, "weights: toy8", 2, "two weight formats have the name \"toy8\"",
            ToyFormat.class.getName()),
        clash("a format that reads past its block", WeightFormat.class, Clashing.PastItsBlock.class, "weights: past", 2, "weight format past",
            "past its block"),
        clash("two methods of one name", AdapterMethod.class, Clashing.Method.class, "method: toy-bottleneck", 2,
            "two methods are named \"toy-bottleneck\"", BottleneckMethod.class.getName()),
        clash("two methods of one peft_type", AdapterMethod.class, Clashing.MethodOfType.class, "method: toy-bottleneck", 2,
            "two methods have the peft_type \"TOY_BOTTLENECK\"", BottleneckMethod.class.getName()),
        clash("two backends", Backend.Provider.class, Clashing.Provider.class, "", 5, "two backends are named \"cpu\"",
            CpuBackend.CpuProvider.class.getName()),
        clash("two binders", Binder.Provider.class, Clashing.Binders.class, "", 5, "two binders for " + ToyOpTest.SignedSquare.class.getName(),
            ToyOpTest.ToyBinders.class.getName()));
  }

  private static Arguments clash(String what, Class<?> service, Class<?> added, String setting, int code, String... said) {
    return Arguments.of(what, service, added, setting, code, List.of(said));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("services")
  void isSaidAtTheStart(String what, Class<?> service, Class<?> added, String setting, int code, List<String> said) throws Exception {
    ToyModel.write(dir);
    if (added == Clashing.Liar.class) {
      Path config = dir.resolve("model/config.json");
      Files.writeString(config, Files.readString(config).replace("\"toy-bag\"", "\"toy-liar\", \"num_layers\": 3"));
    }
    Path line = dir.resolve("path/META-INF/services/" + service.getName());
    Files.createDirectories(line.getParent());
    Files.writeString(line, added.getName() + "\n");
    String output = train(code, setting);
    for (String part : said) {
      assertTrue(output.contains(part), output);
    }
    // An op is named by its class, which the task brings; a liar's architecture by its own.
    assertTrue(output.contains(added == Clashing.Liar.class || added == Clashing.WithUnbound.class ? "Clashing" : added.getName()), output);
    assertFalse(Files.exists(dir.resolve("run/adapter")), output);
  }

  private String train(int code, String setting) throws Exception {
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), """
        model: %1$s/model
        output: %1$s/run
        %2$s
        data: {train: %1$s/train.tsv, label: label, labels: [low, middle, high]}
        batch_size: 8
        threads: 1
        %3$s
        """.formatted(dir, setting.startsWith("task") ? "" : "task: ordinal", setting));
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(), "--add-modules", "jdk.incubator.vector",
        "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp",
        dir.resolve("path") + File.pathSeparator + System.getProperty("java.class.path"), Main.class.getName(), "train", recipe.toString())
        .redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    int got = process.waitFor();
    assertTrue(got == code && !output.contains("\tat "), "exit code " + got + ", expected " + code + ": " + output);
    return output;
  }
}
