package io.github.lora4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.recipe.RecipeBuilder;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows compiles and is read. */
final class ReadmeTest {

  private static String block(String language) throws IOException {
    Path readme = Path.of("..", "README.md");
    Matcher matcher = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(readme));
    assertTrue(matcher.find(), "the README has no " + language + " block");
    return matcher.group(1);
  }

  @Test
  void javaExampleCompiles(@TempDir Path out) throws IOException {
    String source = block("java");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter messages = new StringWriter();
    JavaFileObject file = new SimpleJavaFileObject(URI.create("string:///FineTune.java"), JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreEncodingErrors) {
        return source;
      }
    };
    boolean compiled = compiler.getTask(messages, null, null, List.of("-d", out.toString(), "-cp", System.getProperty("java.class.path"),
        "-Xlint:all,-classfile,-processing", "-Werror"), null, List.of(file)).call();
    assertEquals("", messages.toString());
    assertTrue(compiled);
  }

  @Test
  void recipeIsRead(@TempDir Path directory) throws IOException {
    Path yaml = Files.writeString(directory.resolve("recipe.yaml"), block("yaml"));
    var recipe = new RecipeBuilder().read(yaml).build();
    assertEquals(5e-4, recipe.training().optimizer().learningRate());
    assertEquals(List.of("query", "value"), recipe.adapter().settings().get("target_modules"));
  }
}
