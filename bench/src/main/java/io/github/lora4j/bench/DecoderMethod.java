package io.github.lora4j.bench;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * A row of the tables of decoders.
 *
 * @param name in tables and in the file of results
 * @param lines of the recipe that make this row differ from the others
 * @param rate the learning rate that its search is around
 */
record DecoderMethod(String name, String lines, double rate) {

  private static final String EVERYWHERE = "adapter: {r: 8, lora_alpha: 16, target_modules: all-linear}\n";

  /** What one line of a recipe switches between. */
  static final List<DecoderMethod> FOUR = List.of(
      new DecoderMethod("lora", "method: lora\n" + EVERYWHERE, 3e-3),
      new DecoderMethod("lora+", "method: lora+\n" + EVERYWHERE, 5e-4),
      new DecoderMethod("adalora", "method: adalora\nadapter: {init_r: 12, target_r: 8, target_modules: all-linear}\n", 6e-3),
      new DecoderMethod("dora", "method: lora\nadapter: {r: 8, lora_alpha: 16, target_modules: all-linear, use_dora: true}\n", 3e-3));

  /** These and what they are held against. */
  static final List<DecoderMethod> ALL = List.of(FOUR.getFirst(), FOUR.get(1), FOUR.get(2), FOUR.get(3),
      new DecoderMethod("full", "method: full\n", 1e-3),
      new DecoderMethod("adapter (Houlsby)", "method: houlsby\nadapter: {bottleneck_size: 32}\n", 3e-3),
      // Of the 256 positions of a small model its virtual tokens take sixteen.
      new DecoderMethod("prefix", "method: prefix-tuning\nadapter: {num_virtual_tokens: 16}\ndata.max_length: 240\n", 1e-1));

  /** The recipe of a task with these lines, in place of those that say the same. */
  String in(String recipe) {
    Set<String> said = lines.lines().map(DecoderMethod::key).collect(Collectors.toSet());
    return recipe.lines().filter(line -> !said.contains(key(line))).collect(Collectors.joining("\n", "", "\n")) + lines;
  }

  private static String key(String line) {
    return line.substring(0, line.indexOf(':'));
  }

  /** As many rates as any other method tries, each three times the one before. */
  List<Double> rates() {
    return DoubleStream.of(1 / 3.0, 1, 3).map(factor -> Double.parseDouble("%.2e".formatted(rate * factor))).boxed().toList();
  }
}
