package io.github.lora4j.lora.plain;

import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.internal.Matrix;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * An adapter that was trained beside W − s·B₀·A₀ as plain LoRA of twice the rank beside W, with the same scale: [B, −B₀]·[A; A₀] = B·A −
 * B₀·A₀, as PEFT's {@code save_pretrained(path_initial_model_for_weight_conversion=…)} writes it.
 */
final class StartConversion {

  private StartConversion() {}

  static LoadedAdapter toLora(LoraAdapter adapter, AdapterValues values, AdapterValues start) {
    LoraConfig config = adapter.config();
    // alpha/r or alpha/√r must stay.
    double factor = config.useRslora() ? Math.sqrt(2) : 2;
    Map<String, Integer> ranks = new LinkedHashMap<>();
    config.rankPattern().forEach((pattern, r) -> ranks.put(pattern, 2 * r));
    Map<String, Double> alphas = new LinkedHashMap<>();
    config.alphaPattern().forEach((pattern, alpha) -> alphas.put(pattern, factor * alpha));
    LoraAdapter plain = new LoraMethod().restore(config.toBuilder().r(2 * config.r()).loraAlpha(factor * config
        .loraAlpha()).rankPattern(ranks)
        .alphaPattern(alphas).initLoraWeights(InitLoraWeights.DEFAULT).build(), adapter.model());
    AdapterValues all = new AdapterValues(plain.parameters());
    try {
      plain.sites().forEach((module, site) -> {
        LoraAdapter.Site old = Objects.requireNonNull(adapter.sites().get(module), "both have the same modules");
        int r = old.target().rank();
        int in = old.target().module().in();
        int out = old.target().module().out();
        beside(Matrix.of(r, in, values.get(old.a().slot())), Matrix.of(r, in, start.get(old.a().slot())),
            1).store(all.get(site.a().slot()));
        beside(Matrix.of(out, r, values.get(old.b().slot())).transpose(), Matrix.of(out, r, start.get(old.b().slot())).transpose(),
            -1).transpose()
            .store(all.get(site.b().slot()));
      });
      plain.parameters().stream().filter(p -> p.slot().endsWith(".bias") || p.ofBase())
          .forEach(p -> all.get(p.slot()).copyFrom(values.get(p.slot())));
      return new LoadedAdapter(plain, all);
    } catch (RuntimeException | Error e) {
      all.close();
      throw e;
    }
  }

  private static Matrix beside(Matrix upper, Matrix lower, double sign) {
    double[] data = Arrays.copyOf(upper.data(), upper.data().length + lower.data().length);
    for (int i = 0; i < lower.data().length; i++) {
      data[upper.data().length + i] = sign * lower.data()[i];
    }
    return new Matrix(upper.rows() + lower.rows(), upper.cols(), data);
  }
}
