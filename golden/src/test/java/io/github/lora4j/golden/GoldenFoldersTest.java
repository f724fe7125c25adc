package io.github.lora4j.golden;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Folders of golden numbers that no other test compares: each of their cases is reported with the reason. */
class GoldenFoldersTest {

  private static final Set<String> COMPARED = Set.of("adalora", "chat", "chat_restricted", "dpo", "embedding", "errors", "features", "formats", "generation",
      "lora_init", "lora_layers", "loralib", "models", "multi_adapter", "optim", "real", "sft", "targets", "tokenizers");
  private static final Map<String, String> NOT_YET = Map.of(
      "diffusion", "no diffusion models",
      "gguf", "no adapters in GGUF",
      "quant", "no test of its own",
      "tiny_tokenizer", "a tokenizer that cases of other folders use");

  /** Folders in a folder that have tests of their own. */
  private static final Set<String> COMPARED_BELOW = Set.of("gguf/blocks", "gguf/files", "gguf/malformed", "gguf/models", "quant/blocks", "quant/models");

  /** Folders whose cases are NAME.json files, and beside them what belongs to one: NAME_adapter. */
  private static final Set<String> OF_FILES = Set.of("adalora", "errors", "lora_init", "lora_layers", "loralib", "multi_adapter", "optim", "targets");
  /** Folders whose cases are directories, some with a NAME.json beside them. */
  private static final Set<String> OF_DIRECTORIES = Set.of("features", "formats", "models", "real");

  @TestFactory
  Stream<DynamicTest> folders() throws IOException {
    try (Stream<Path> all = Files.list(GoldenCases.root())) {
      return all.filter(Files::isDirectory).map(GoldenCases::name).filter(folder -> !COMPARED.contains(folder)).sorted().toList().stream()
          .map(folder -> DynamicTest.dynamicTest(folder, () -> left(folder)));
    }
  }

  private static void left(String folder) {
    String reason = NOT_YET.getOrDefault(folder, "no test knows this folder");
    List<String> cases = names(GoldenCases.folder(folder)).stream()
        .filter(name -> COMPARED_BELOW.stream().noneMatch(below -> (folder + "/" + name + "/").startsWith(below + "/"))).toList();
    if (cases.isEmpty()) {
      GoldenReport.empty(folder, "no case: " + reason);
    }
    cases.forEach(name -> GoldenReport.left(folder, name, "", reason));
    throw GoldenCases.notYet("%d cases: %s".formatted(cases.size(), reason));
  }

  /** What lies in a folder and is not of the form that its tests look for. */
  @TestFactory
  Stream<DynamicTest> strangers() throws IOException {
    return Stream.concat(OF_FILES.stream(), OF_DIRECTORIES.stream()).filter(folder -> Files.isDirectory(GoldenCases.folder(folder))).sorted()
        .map(folder -> DynamicTest.dynamicTest(folder, () -> {
          List<String> files = GoldenCases.jsonFiles(folder).stream().map(GoldenCases::name).toList();
          List<String> directories = GoldenCases.directories(folder).stream().map(GoldenCases::name).toList();
          if (files.isEmpty() && directories.isEmpty()) {
            GoldenReport.empty(folder, "no case");
          }
          List<String> strange = OF_FILES.contains(folder)
              ? directories.stream().filter(name -> files.stream().noneMatch(file -> name.startsWith(file + "_") || name.equals(file))).toList()
              : files.stream().filter(name -> !directories.contains(name)).toList();
          String reason = OF_FILES.contains(folder) ? "a directory; cases are files here" : "a file without a directory of its name";
          strange.forEach(name -> GoldenReport.left(folder, name, "", reason));
          if (!strange.isEmpty()) {
            throw GoldenCases.notYet("%s: %s".formatted(String.join(", ", strange), reason));
          }
        }));
  }

  /** A case is a directory that says what is expected, or a JSON file. */
  private static List<String> names(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.getFileName().toString().matches("expected\\.json|.*\\.json(\\.gz)?") && isCase(folder, file))
          .map(file -> folder.relativize(file.endsWith("expected.json") ? file.getParent() : file).toString()
              .replaceFirst("\\.json(\\.gz)?$", "")).sorted().toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Whether a file says what is expected, and no other one in a directory above it does. */
  private static boolean isCase(Path folder, Path file) {
    if (file.endsWith("expected.json")) {
      return true;
    }
    for (Path at = file.getParent(); !at.equals(folder.getParent()); at = at.getParent()) {
      if (Files.exists(at.resolve("expected.json")) || Files.exists(at.resolve("tokenizer_config.json"))) {
        return false;
      }
    }
    return true;
  }
}
