package io.github.lora4j.golden;

import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.ModuleInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The small models that adapters were recorded on: linear layers with tanh between them, perhaps an embedding before them. Which come in which
 * order is read off their sizes, biases are where there are some.
 */
record Perceptron(List<ModuleInfo> modules) {

  /**
   * The modules of these weights.
   *
   * @param weights NAME.weight [out, in], NAME.bias; an embedding's [entries, width]
   * @param width the width of the inputs; 0 where they are ids, of which an embedding is told by having no bias and its turn
   */
  static Perceptron of(Map<String, Tensor> weights, int width) {
    Set<String> left = new TreeSet<>();
    weights.keySet().stream().filter(name -> name.endsWith(".weight")).forEach(name -> left.add(name.substring(0, name.length() - 7)));
    List<ModuleInfo> modules = new ArrayList<>();
    int at = width;
    if (width == 0) {
      String embedding = embedding(weights, left);
      left.remove(embedding);
      List<Long> shape = weights.get(embedding + ".weight").shape();
      at = Math.toIntExact(shape.get(1));
      modules.add(ModuleInfo.embedding(embedding, Math.toIntExact(shape.get(0)), at));
    }
    while (!left.isEmpty()) {
      int in = at;
      String next = left.stream().filter(name -> weights.get(name + ".weight").shape().get(1) == in).findFirst()
          .orElseThrow(() -> GoldenCases.notYet("no layer of %s takes %d inputs".formatted(left, in)));
      left.remove(next);
      at = Math.toIntExact(weights.get(next + ".weight").shape().get(0));
      modules.add(ModuleInfo.linear(next, in, at, weights.containsKey(next + ".bias")));
    }
    return new Perceptron(modules);
  }

  /** The one without a bias whose rows no other module's outputs feed. */
  private static String embedding(Map<String, Tensor> weights, Set<String> names) {
    return names.stream().filter(name -> !weights.containsKey(name + ".bias")).filter(name -> names.stream().noneMatch(other ->
        !other.equals(name) && weights.get(other + ".weight").shape().get(0).equals(weights.get(name + ".weight").shape().get(1))
            && !weights.containsKey(other + ".bias"))).findFirst().orElseThrow(() -> GoldenCases.notYet("no embedding among " + names));
  }

  /** The outputs [rows, last] for inputs [rows, first], in double precision. */
  double[] outputs(Map<String, Tensor> weights, double[] x) {
    List<ModuleInfo> linears = modules.stream().filter(module -> module.kind() == ModuleInfo.Kind.LINEAR).toList();
    double[] hidden = x;
    for (ModuleInfo module : linears) {
      hidden = linear(hidden, weights, module);
      if (module != linears.getLast()) {
        for (int i = 0; i < hidden.length; i++) {
          hidden[i] = Math.tanh(hidden[i]);
        }
      }
    }
    return hidden;
  }

  /** The outputs for ids. */
  double[] outputs(Map<String, Tensor> weights, int[] ids) {
    ModuleInfo embedding = modules.getFirst();
    double[] table = weights.get(embedding.name() + ".weight").doubles();
    double[] x = new double[ids.length * embedding.out()];
    for (int i = 0; i < ids.length; i++) {
      System.arraycopy(table, ids[i] * embedding.out(), x, i * embedding.out(), embedding.out());
    }
    return outputs(weights, x);
  }

  private static double[] linear(double[] x, Map<String, Tensor> weights, ModuleInfo module) {
    double[] w = weights.get(module.name() + ".weight").doubles();
    double[] bias = module.bias() ? weights.get(module.name() + ".bias").doubles() : new double[module.out()];
    int in = module.in();
    double[] y = new double[x.length / in * module.out()];
    for (int i = 0; i < y.length; i++) {
      int o = i % module.out();
      y[i] = bias[o];
      for (int k = 0; k < in; k++) {
        y[i] += x[i / module.out() * in + k] * w[o * in + k];
      }
    }
    return y;
  }
}
