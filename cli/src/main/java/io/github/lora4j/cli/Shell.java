package io.github.lora4j.cli;

import java.nio.file.Path;

/** Words of commands that are offered to be copied. */
public final class Shell {

  private Shell() {}

  /** The path as one word of a POSIX shell. */
  public static String quoted(Path path) {
    String text = path.toString();
    return text.matches("[\\w./:=@%+,-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
