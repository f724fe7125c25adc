package io.github.lora4j.bench;

import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/**
 * One row of the table: a method, its settings, and the learning rate its search is around.
 *
 * @param name in the table and in the file of results
 * @param method in a recipe; "head" trains the classifier alone, "words" is {@link BagOfWords}
 */
record MethodSpec(String name, String method, Map<String, Object> settings, double rate) {

  private static final List<String> QV = List.of("query", "value");

  /** As many rates as any other method tries, each three times the one before. */
  List<Double> rates() {
    return DoubleStream.of(1 / 3.0, 1, 3, 9).map(factor -> Double.parseDouble("%.2e".formatted(rate * factor))).boxed().toList();
  }

  private static MethodSpec lora(int r, String where, Object targets) {
    return new MethodSpec("lora r=%d %s".formatted(r, where), "lora", Map.of("r", r, "lora_alpha", 2 * r, "target_modules", targets), 5e-4);
  }

  /** Every method that is compared, LoRA's baseline first. */
  static List<MethodSpec> all() {
    return List.of(lora(8, "q,v", QV),
        new MethodSpec("words and word pairs", "words", Map.of(), 0.1),
        new MethodSpec("frozen encoder, head alone", "head", Map.of(), 3e-3),
        new MethodSpec("full", "full", Map.of(), 5e-5),
        new MethodSpec("bitfit", "bitfit", Map.of(), 1e-3),
        new MethodSpec("ia3", "ia3", Map.of(), 5e-3),
        lora(1, "q,v", QV), lora(2, "q,v", QV), lora(64, "q,v", QV),
        lora(1, "all-linear", "all-linear"), lora(2, "all-linear", "all-linear"), lora(8, "all-linear", "all-linear"),
        lora(64, "all-linear", "all-linear"),
        new MethodSpec("lora+ r=8 q,v", "lora+", Map.of("r", 8, "lora_alpha", 16, "target_modules", QV), 1e-4),
        new MethodSpec("adalora 3 to 2 all-linear", "adalora", Map.of("init_r", 3, "target_r", 2, "target_modules", "all-linear"), 2e-3),
        new MethodSpec("adalora 12 to 8 q,v", "adalora", Map.of("init_r", 12, "target_r", 8, "target_modules", QV), 2e-3),
        new MethodSpec("dora r=8 q,v", "lora", Map.of("r", 8, "lora_alpha", 16, "target_modules", QV, "use_dora", true), 5e-4));
  }
}
