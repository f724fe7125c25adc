package io.github.lora4j.cli.demo;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * The pairs (what a method does, the method) of one {@code -sources.jar}, read with the JDK's own compiler tree API; files
 * are parsed only, so no class path is needed.
 *
 * <p>Rules: public and protected methods of public and protected types, constructors and methods marked deprecated left
 * out; a first sentence of at least {@value #MIN_WORDS} words. Of methods with the same sentence (overloads, mostly) and
 * of methods with the same signature text only the first counts, so that every query has exactly one right answer. Order:
 * by file path, then by place in the file.
 *
 * @param jar the file that was read
 * @param pairs the pairs, at least one
 * @param files how many source files were parsed
 * @param broken source files left out because they do not parse or exceed {@value #MAX_FILE_BYTES} bytes
 */
record JavadocPairs(Path jar, List<Pair> pairs, int files, List<String> broken) {

  static final int MIN_WORDS = 3;
  static final int MAX_FILE_BYTES = 4 << 20;
  static final int MAX_FILES = 50_000;
  /** Parse trees of a whole library take hundreds of megabytes, those of a batch a few dozen. */
  private static final int BATCH = 100;

  /**
   * Reads a sources jar.
   *
   * @throws FormatException when the file is no jar, or holds no pair
   * @throws ConfigException when this Java has no compiler
   */
  public static JavadocPairs read(Path jar) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    if (compiler == null) {
      throw new ConfigException("reading " + jar + " needs the Java compiler, and this Java ("
          + System.getProperty("java.home") + ") has none; run with a full JDK 25 or later");
    }
    if (!Files.isRegularFile(jar)) {
      throw new ConfigException(jar + ": no such file; expected a -sources.jar");
    }
    List<String> broken = new ArrayList<>();
    List<Pair> found = new ArrayList<>();
    int files = 0;
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      List<? extends ZipEntry> entries = zip.stream().filter(JavadocPairs::isSource).sorted(
          (a, b) -> a.getName().compareTo(b.getName())).limit(MAX_FILES + 1L).toList();
      if (entries.size() > MAX_FILES) {
        throw new FormatException(jar + ": more than " + MAX_FILES + " source files; give a smaller jar");
      }
      files = entries.size();
      for (int from = 0; from < files; from += BATCH) {
        List<Source> batch = new ArrayList<>();
        for (ZipEntry entry : entries.subList(from, Math.min(files, from + BATCH))) {
          read(zip, entry, batch, broken);
        }
        parse(compiler, batch, found, broken);
      }
    } catch (IOException e) {
      throw new FormatException(jar + ": cannot be read as a jar (" + e.getMessage() + ")", e);
    }
    List<Pair> pairs = unique(found);
    if (pairs.isEmpty()) {
      throw new FormatException(jar + ": no public method with a Javadoc sentence in " + files + " source files ("
          + broken.size() + " of them broken); expected a -sources.jar with .java files, not a jar of classes");
    }
    return new JavadocPairs(jar, pairs, files, List.copyOf(broken));
  }

  private static boolean isSource(ZipEntry entry) {
    String name = entry.getName();
    return name.endsWith(".java") && !name.endsWith("-info.java") && !name.startsWith("META-INF/versions/");
  }

  private static void read(ZipFile zip, ZipEntry entry, List<Source> batch, List<String> broken) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(MAX_FILE_BYTES + 1);
      if (bytes.length > MAX_FILE_BYTES) {
        broken.add(entry.getName());
      } else {
        batch.add(new Source(entry.getName(), new String(bytes, StandardCharsets.UTF_8)));
      }
    }
  }

  private static void parse(JavaCompiler compiler, List<Source> batch, List<Pair> found, List<String> broken)
      throws IOException {
    DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
    JavacTask task =
        (JavacTask) compiler.getTask(null, null, diagnostics, List.of("-proc:none", "-Xlint:none"), null, batch);
    List<CompilationUnitTree> units = new ArrayList<>();
    task.parse().forEach(units::add);
    Set<String> bad = new HashSet<>();
    for (Diagnostic<? extends JavaFileObject> diagnostic : diagnostics.getDiagnostics()) {
      if (diagnostic.getKind() == Diagnostic.Kind.ERROR && bad.add(diagnostic.getSource().getName())) {
        broken.add(diagnostic.getSource().getName());
      }
    }
    DocTrees trees = DocTrees.instance(task);
    for (CompilationUnitTree unit : units) {
      String path = unit.getSourceFile().getName();
      if (!bad.contains(path)) {
        new MethodScanner(trees, unit, path, found).scan(unit, null);
      }
    }
  }

  /** Keeps the first pair of each sentence and of each signature. */
  static List<Pair> unique(List<Pair> pairs) {
    Set<String> queries = new HashSet<>();
    Set<String> signatures = new HashSet<>();
    return pairs.stream().filter(pair -> queries.add(key(pair.query())) & signatures.add(pair.signature())).toList();
  }

  /** Sentences that differ only in case or punctuation are the same question. */
  static String key(String query) {
    return query.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]+", " ").strip();
  }

  private static final class Source extends SimpleJavaFileObject {

    private final String path;
    private final String text;

    Source(String path, String text) {
      super(URI.create("mem:///source.java"), Kind.SOURCE);
      this.path = path;
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }

    /** The compiler hands back wrapped files; the name is what goes through. */
    @Override
    public String getName() {
      return path;
    }

    @Override
    public boolean isNameCompatible(String simpleName, Kind kind) {
      return true;
    }
  }
}
