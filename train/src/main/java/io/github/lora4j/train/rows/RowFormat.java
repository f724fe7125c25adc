package io.github.lora4j.train.rows;

import io.github.lora4j.vector.Names;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The formats of rows, in the order in which they are looked for. */
public enum RowFormat {
  /** Two answers, the better one first; with a prompt, or with a common beginning. */
  PREFERENCE("preference pairs", List.of("chosen", "rejected"), "prompt", "question", "instruction", "input", "system", "messages", "conversations"),
  /** One answer and whether it is good. */
  KTO("KTO rows", List.of("prompt", "completion", "label")),
  /** A conversation whose last answer is good or not. */
  KTO_MESSAGES("KTO rows", List.of("messages", "kto_tag"), "tools", "system"),
  /** A prompt and its completion. */
  PROMPT_COMPLETION("prompt and completion", List.of("prompt", "completion")),
  /** Conversations with "role" and "content". */
  MESSAGES("OpenAI messages", List.of("messages"), "tools", "parallel_tool_calls"),
  /** Conversations with "from" and "value". */
  SHAREGPT("ShareGPT conversations", List.of("conversations"), "system", "tools", "kto_tag"),
  /** Instruction, input and output. */
  ALPACA("Alpaca instructions", List.of("instruction", "output"), "input", "system", "history"),
  /** A text and what is to be made of it. */
  SOURCE_TARGET("sources and targets", List.of("source", "target")),
  /** The same of summaries. */
  DOCUMENT_SUMMARY("documents and summaries", List.of("document", "summary")),
  /** The same of anything. */
  INPUT_OUTPUT("inputs and outputs", List.of("input", "output")),
  /** One text in several languages, by language. */
  TRANSLATION("translations", List.of("translation"), "id"),
  /** Plain text. */
  TEXT("text", List.of("text"));

  private final String words;
  private final List<String> needed;
  private final Set<String> optional;

  RowFormat(String words, List<String> needed, String... optional) {
    this.words = words;
    this.needed = needed;
    this.optional = Set.of(optional);
  }

  /** What people call it. */
  public String words() {
    return words;
  }

  /** The name in recipes: "prompt_completion". */
  public String key() {
    return this == KTO_MESSAGES ? "kto" : name().toLowerCase(java.util.Locale.ROOT);
  }

  /** The columns that it cannot do without. */
  public List<String> needed() {
    return needed;
  }

  /** Whether its rows may have a weight. Pairs and verdicts have losses that are no sums over tokens. */
  boolean weighs() {
    return switch (this) {
      case PREFERENCE, KTO, KTO_MESSAGES -> false;
      case PROMPT_COMPLETION, MESSAGES, SHAREGPT, ALPACA, SOURCE_TARGET, DOCUMENT_SUMMARY, INPUT_OUTPUT, TRANSLATION, TEXT -> true;
    };
  }

  /** Columns that it has no use for. */
  List<String> unused(Collection<String> columns) {
    return columns.stream().filter(column -> !needed.contains(column) && !optional.contains(column))
        .filter(column -> !weighs() || !column.equals("weight")).toList();
  }

  /** The first whose columns are all there. */
  static Optional<RowFormat> of(Collection<String> columns) {
    return Arrays.stream(values()).filter(format -> columns.containsAll(format.needed)).findFirst();
  }

  /** The formats of a name in recipes. */
  public static List<RowFormat> named(String key) {
    return Arrays.stream(values()).filter(format -> format.key().equals(key)).toList();
  }

  /** Whether a recipe's data.format names a format of rows. */
  public static boolean isKey(String key) {
    return !named(key).isEmpty();
  }

  /** All names in recipes. */
  public static List<String> keys() {
    return Arrays.stream(values()).map(RowFormat::key).distinct().toList();
  }

  /** "prompt_completion (prompt, completion)": the format whose columns are nearest to these. */
  static String nearest(Collection<String> columns) {
    RowFormat best = TEXT;
    double least = Double.MAX_VALUE;
    for (RowFormat format : values()) {
      double distance = format.needed.stream().mapToDouble(name -> columns.stream().mapToDouble(column -> {
        String lower = column.toLowerCase(java.util.Locale.ROOT);
        return lower.contains(name) ? 0.5 * (lower.length() - name.length()) / lower.length() : (double) Names.distance(lower, name) / name.length();
      }).min().orElse(1)).average().orElse(1);
      if (distance < least) {
        least = distance;
        best = format;
      }
    }
    return "%s (%s)".formatted(best.key(), best.needed.stream().collect(Collectors.joining(", ")));
  }
}
