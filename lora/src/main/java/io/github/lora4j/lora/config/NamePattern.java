package io.github.lora4j.lora.config;

import io.github.lora4j.lora.internal.PythonRegex;

/**
 * A key of rank_pattern or alpha_pattern: a regular expression for the end of a module's name, from a dot on.
 *
 * @param tail what the name must end with for the expression to match: a quick no to nearly all modules
 */
public record NamePattern(String tail, PythonRegex regex) {

  /** Compiles a key. */
  public static NamePattern of(String key) {
    int from = key.length();
    // With alternatives, flags or escapes the last letters are not what a name ends with.
    boolean plain = key.indexOf('|') < 0 && key.indexOf('\\') < 0 && !key.contains("(?");
    while (plain && from > 0 && (Character.isLetterOrDigit(key.charAt(from - 1)) || key.charAt(from - 1) == '_')) {
      from--;
    }
    return new NamePattern(key.substring(from), PythonRegex.compile("(.*\\.)?(", key, ")$"));
  }

  /** Whether a module's name, or a parameter's, is meant. */
  public boolean matches(String name) {
    return name.endsWith(tail) && regex.match(name);
  }
}
