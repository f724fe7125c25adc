package io.github.lora4j.cli;

import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The command line as it was given, before it is parsed. */
final class Arguments {

  /** What Java puts where the bytes of an argument are no text in its encoding. */
  private static final String UNREADABLE = "\uFFFD";

  /** Set by the launcher of Windows: the line as typed. Java's own is in the system's code page, with question marks for the rest. */
  private static final String TYPED = "LORA4J_ARGUMENTS";

  private Arguments() {}

  /**
   * The arguments for the parser. {@code --adapter.r 8} becomes {@code --set adapter.r=8}: which settings there are is the adapter method's to
   * know. Settings of a recipe may be spelt with dashes, as options often are: {@code --batch-size} is {@code --batch_size}.
   *
   * @throws ConfigException if an argument did not reach Java as it was given, or a setting of the adapter has no value
   */
  static String[] of(String[] args, Charset encoding, Map<String, String> environment) {
    readable(args, encoding, environment);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < args.length; i++) {
      String arg = args[0].equals("train") ? spelt(args[i]) : args[i];
      if (!arg.startsWith("--adapter.")) {
        all.add(arg);
        continue;
      }
      String setting = arg.substring(2);
      if (!setting.contains("=")) {
        if (i + 1 == args.length || args[i + 1].startsWith("--")) {
          throw new ConfigException("--%s has no value; give it as --%1$s VALUE or --%1$s=VALUE".formatted(setting));
        }
        setting += "=" + args[++i];
      }
      all.add("--set");
      all.add(setting);
    }
    return all.toArray(String[]::new);
  }

  /** An option with the recipe's spelling of its name, if that is a setting. */
  private static String spelt(String arg) {
    int end = arg.contains("=") ? arg.indexOf('=') : arg.length();
    if (!arg.startsWith("--") || arg.indexOf('-', 2) < 0 || arg.indexOf('-', 2) > end) {
      return arg;
    }
    String name = arg.substring(2, end).replace('-', '_');
    return name.startsWith("adapter.") || RecipeBuilder.settings().containsKey(name) ? "--" + name + arg.substring(end) : arg;
  }

  private static void readable(String[] args, Charset encoding, Map<String, String> environment) {
    for (int i = 0; i < args.length; i++) {
      if (args[i].contains(UNREADABLE)) {
        throw new ConfigException("argument %d, \"%s\", cannot be read: it is not text in %s, the encoding of this process's locale; %s"
            .formatted(i + 1, args[i].replace(UNREADABLE, "?"), encoding, remedy(encoding)));
      }
    }
    String typed = environment.getOrDefault(TYPED, "");
    if (!encoding.newEncoder().canEncode(typed)) {
      throw new ConfigException("this command line has characters that are not in %s, in which this system gives it to Java; %s"
          .formatted(encoding, remedy(encoding)));
    }
  }

  /** What to do about text or a path that this process's encoding does not have. */
  static String remedy(Charset encoding) {
    boolean locale = !encoding.name().equals("UTF-8");
    return (locale ? "set LC_ALL=C.UTF-8 (on Windows: UTF-8 in the region's language settings), or " : "") + "give texts in a UTF-8 file";
  }
}
