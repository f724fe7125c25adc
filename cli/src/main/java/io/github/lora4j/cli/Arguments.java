package io.github.lora4j.cli;

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
   * know.
   *
   * @throws ConfigException if an argument did not reach Java as it was given, or a setting of the adapter has no value
   */
  static String[] of(String[] args, Charset encoding, Map<String, String> environment) {
    readable(args, encoding, environment);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < args.length; i++) {
      if (!args[i].startsWith("--adapter.")) {
        all.add(args[i]);
        continue;
      }
      String setting = args[i].substring(2);
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
