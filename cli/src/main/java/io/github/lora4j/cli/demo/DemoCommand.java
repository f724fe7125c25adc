package io.github.lora4j.cli.demo;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
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

  private final PrintStream out = System.out;

  @Override
  public Integer call() {
    DemoData data = data();
    Ranker words = new Bm25(data.signatures());
    DemoReport report = new DemoReport(data);
    report.add("BM25", words);
    out.println();
    out.print(report.table());
    out.println();
    new SearchPrompt(words, data.heldOut(), out).run(queries, console(),
        new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset())));
    return 0;
  }

  /** Since JDK 22 there may be a console that is no terminal. */
  private static boolean console() {
    return System.console() != null && System.console().isTerminal();
  }

  private DemoData data() {
    List<Artifact> artifacts = new ArrayList<>();
    if (sources.isEmpty()) {
      artifacts.addAll(DemoLibraries.TRAIN);
      artifacts.add(DemoLibraries.HELD_OUT);
    }
    Map<Artifact, Path> files = new MavenArtifacts(offline, out).resolve(artifacts);
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
