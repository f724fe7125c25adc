package io.github.lora4j.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavadocPairsTest {

  private static final String TEXTS = """
      package a.b;
      import java.util.*;
      /** Text helpers. */
      public class Texts {
        /** Makes a new helper for texts. */
        public Texts() {}

        /**
         * Gets the {@code String} between two {@linkplain String strings}, e.g. the &lt;tag&gt;, of
         * a {@link java.util.Map#get(Object) map} or {@link java.util.Map#get(Object)}.  Never null.
         * @return it
         */
        @Deprecated_ public static <T extends Comparable<T>> java.util.Map<String, @Nullable ? extends T[]> between(
            final String open, @Nullable List<? super T> close, int[]... more) { return null; }

        /** Gets the string between two strings, e.g. the {@literal <tag>}, of a map or Map.get! */
        public String between(String open) {
          class Local { /** Does nothing much at all. */ public void local() {} }
          return null;
        }

        /** Too short. */
        public int size() { return 0; }
        /** {@inheritDoc} */
        public String toString() { return ""; }
        /** Forwards to the better method. @deprecated use the other */
        @Deprecated public void old1() {}
        /** Forwards to the other method.
         *  @deprecated use the other */
        public void old2() {}
        /** Does something very private. */
        private void hidden() {}
        /** Does something for the package. */
        void packaged() {}
        /** Closes all of it<p>and more. */
        protected void close() {}
        /** {@return the number of words} */
        public int words() { return 0; }

        /** Part of the house. */
        public interface Part {
          /**
           * <b>Joins</b> all
           *   parts:
           * <ul><li>one</ul>
           */
          Texts.Part join(java.util.Map.Entry<String, Part> parts);
        }
        static class Hidden {
          /** Not seen by any caller. */
          public void not() {}
        }
      }
      """;

  @TempDir Path folder;

  @Test
  void readsSentencesAndSignatures() throws IOException {
    JavadocPairs read = JavadocPairs.read(Jars.write(folder.resolve("texts-sources.jar"), Map.of(
        "a/b/Texts.java", TEXTS,
        "a/b/Broken.java", "package a.b; public class Broken { /** Does what nobody parses. */ public void a( {} }",
        "a/b/package-info.java", "/** Not a class. */ package a.b;",
        "META-INF/MANIFEST.MF", "")));
    assertEquals(List.of(
        new Pair("Gets the String between two strings, e.g. the <tag>, of a map or Map.get",
            "Texts.between(String open, List<? super T> close, int[]... more) : Map<String, ? extends T[]>", "a/b/Texts.java:13"),
        new Pair("Closes all of it", "Texts.close() : void", "a/b/Texts.java:36"),
        new Pair("Returns the number of words", "Texts.words() : int", "a/b/Texts.java:38"),
        new Pair("Joins all parts", "Texts.Part.join(Map.Entry<String, Part> parts) : Texts.Part", "a/b/Texts.java:47")), read.pairs());
    assertEquals(List.of("a/b/Broken.java"), read.broken());
    assertEquals(2, read.files());
    assertEquals("a/b/Texts.java", read.pairs().getFirst().file());
  }

  @Test
  void orderIsByPathWhateverTheJarSays() throws IOException {
    String source = "public class %s { /** Does the work of %s. */ public void run() {} }";
    Map<String, String> files = new java.util.LinkedHashMap<>();
    for (String name : List.of("C", "A", "B")) {
      files.put(name + ".java", source.formatted(name, name));
    }
    assertEquals(List.of("A.java:1", "B.java:1", "C.java:1"),
        JavadocPairs.read(Jars.write(folder.resolve("x.jar"), files)).pairs().stream().map(Pair::location).toList());
  }

  @Test
  void readsMarkdownComments() throws IOException {
    String source = """
        public class M {
          /// Opens the `file` of [java.util.List#size()] *now*
          /// or [later](there).
          ///
          /// Second paragraph.
          public void open() {}
        }
        """;
    assertEquals("Opens the file of List.size now or later",
        JavadocPairs.read(Jars.write(folder.resolve("m.jar"), Map.of("M.java", source))).pairs().getFirst().query());
  }

  @Test
  void sentencesEndWhereTheyShould() {
    assertEquals("Uses version 1.2 of it", JavadocText.firstSentence("Uses version 1.2 of it. And more."));
    assertEquals("Splits, i.e. cuts (cf. this), a text", JavadocText.firstSentence(" Splits, i.e. cuts (cf. this), a\n text. X"));
    assertEquals("No end", JavadocText.firstSentence("\u0000 No end: \u0000 rest."));
    assertEquals("Adds it if: 1. it is new", JavadocText.firstSentence("Adds it if: 1. it is new. Or not."));
    assertEquals("", JavadocText.firstSentence(" \u0000 "));
  }

  @Test
  void jarWithoutPairsIsAnError() throws IOException {
    Path classes = Jars.write(folder.resolve("classes.jar"), Map.of("a/B.class", "x"));
    assertTrue(assertThrows(FormatException.class, () -> JavadocPairs.read(classes)).getMessage().contains("-sources.jar"));
    Path broken = Jars.write(folder.resolve("broken.jar"), Map.of("B.java", "class {"));
    assertTrue(assertThrows(FormatException.class, () -> JavadocPairs.read(broken)).getMessage().contains("1 of them broken"));
  }

  @Test
  void whatIsNoJarIsAnError() throws IOException {
    Path text = Files.writeString(folder.resolve("text.jar"), "no zip");
    assertTrue(assertThrows(FormatException.class, () -> JavadocPairs.read(text)).getMessage().contains("text.jar"));
    assertThrows(ConfigException.class, () -> JavadocPairs.read(folder.resolve("none.jar")));
  }
}
