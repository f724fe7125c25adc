package io.github.lora4j.lora.plain;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.config.TiedEnds;
import io.github.lora4j.lora.internal.Elements;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.lora.settings.Problems;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * PEFT's trainable tokens: some rows of an embedding, or of a linear module, are replaced by rows that train; all others stay as they are.
 *
 * <p>Recorded with a selection S [entries, n] that holds a 1 where entry e is the i-th trainable one. An embedding gives
 * W[ids] − S[ids]·W' + S[ids]·D, with W' the base's rows and D the trained ones, which is exact, for S[ids] is 0 or picks one row. A linear
 * module gives x·Wᵀ + (x·Dᵀ − x·W'ᵀ)·Sᵀ. S costs entries·n floats, what a LoRA of rank n on the same module would.
 *
 * @param weight the base parameter whose rows are meant
 * @param indices the entries, in the order of the rows of the parameter
 */
record TokenRows(ModuleInfo module, String weight, List<Integer> indices, AdapterParameter parameter) {

  static TokenRows of(ModuleInfo module, String weight, List<Integer> indices, int group) {
    int dim = module.kind() == ModuleInfo.Kind.EMBEDDING ? module.out() : module.in();
    String slot = module.name() + ".token_adapter.trainable_tokens_delta";
    return new TokenRows(module, weight, indices, AdapterParameter.matrix(slot, indices.size(), dim, group,
        new Initial.OfRows(new BaseRows(weight, shape(module), indices))));
  }

  /** The entries that train, by module: of a tied pair that shares them the embedding alone. */
  static Map<ModuleInfo, List<Integer>> resolve(Problems problems, LoraConfig config, ModelDescription model) {
    Map<ModuleInfo, List<Integer>> resolved = new LinkedHashMap<>();
    if (!config.reach().tokens().isEmpty()) {
      // The input embedding comes before all others.
      model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.EMBEDDING).findFirst().ifPresentOrElse(
          m -> resolved.put(m, config.reach().tokens()), () -> problems.add("trainable_token_indices: this model has no embedding"));
    }
    config.reach().tokensOf().forEach((name, indices) -> {
      List<ModuleInfo> named = model.modules().stream().filter(m -> TargetSelector.endsWith(m.name(), name)).toList();
      if (named.isEmpty()) {
        problems.add("trainable_token_indices names '%s', which is no module of this model", name);
      }
      named.forEach(m -> resolved.put(m, indices));
    });
    resolved.forEach((module, indices) -> {
      if (module.kind() != ModuleInfo.Kind.EMBEDDING && module.kind() != ModuleInfo.Kind.LINEAR) {
        problems.add("trainable_token_indices: %s is a %s, which has no rows for tokens", module.name(), module.kind().torchName());
      } else {
        indices.stream().filter(i -> i >= entries(module)).forEach(i -> problems.add("trainable_token_indices: entry %d of %s does not "
            + "exist, it has %d; embeddings must be enlarged in the base model first", i, module.name(), entries(module)));
      }
    });
    TiedEnds.of(model).ifPresent(tie -> {
      Optional<List<Integer>> embedding = model.module(tie.embedding()).map(resolved::get);
      Optional<List<Integer>> head = model.module(tie.head()).map(resolved::get);
      if (embedding.isPresent() && head.isPresent()) {
        if (embedding.equals(head)) {
          model.module(tie.head()).ifPresent(resolved::remove);
        } else if (config.reach().ensureWeightTying()) {
          problems.add("trainable_token_indices: %s and %s share one weight, so with ensure_weight_tying they must have the same entries, "
              + "got %s and %s", tie.embedding(), tie.head(), embedding.get(), head.get());
        }
      }
    });
    return resolved;
  }

  /** The tie whose head uses the embedding's trained rows, if there is one. */
  static Optional<TiedEnds> head(Map<ModuleInfo, List<Integer>> tokens, ModelDescription model) {
    return TiedEnds.of(model).filter(tie -> tokens.keySet().stream().anyMatch(m -> m.name().equals(tie.embedding()))
        && tokens.keySet().stream().noneMatch(m -> m.name().equals(tie.head())));
  }

  /** As the program and the file hold the weight: one row for each entry. */
  private static Shape shape(ModuleInfo module) {
    return module.kind() == ModuleInfo.Kind.EMBEDDING ? Shape.of(module.in(), module.out()) : Shape.of(module.out(), module.in());
  }

  static int entries(ModuleInfo module) {
    return shape(module).rows();
  }

  String baseSlot() {
    return module.name() + ".token_adapter.base_rows";
  }

  BaseRows base() {
    return new BaseRows(weight, shape(module), indices);
  }

  Value embedding(Sites recording, Value ids, Value y) {
    Graph graph = recording.graph();
    Value chosen = graph.embedding(selection(graph), ids);
    Value others = graph.linearTransposedOnto(chosen, baseRows(graph), y, -1);
    return graph.linearTransposedOnto(chosen, parameter.declare(recording), others, 1);
  }

  Value linear(Sites recording, Value x, Value y) {
    Graph graph = recording.graph();
    Value before = graph.linear(x, baseRows(graph), -1);
    Value change = graph.linearOnto(x, parameter.declare(recording), before, 1);
    return graph.linearOnto(change, selection(graph), y, 1);
  }

  private Value baseRows(Graph graph) {
    return graph.program().frozen(baseSlot(), parameter.programShape());
  }

  private Value selection(Graph graph) {
    int n = indices.size();
    int entries = entries(module);
    return graph.program().constant(module.name() + ".token_adapter.selection", Shape.of(entries, n), () -> {
      float[] ones = new float[Math.multiplyExact(entries, n)];
      for (int i = 0; i < n; i++) {
        ones[indices.get(i) * n + i] = 1;
      }
      return ones;
    });
  }

  WeightChange change(AdapterValues values) {
    MemorySegment rows = values.get(parameter.slot());
    int cols = shape(module).cols();
    return (type, data) -> {
      double[] row = new double[cols];
      for (int i = 0; i < indices.size(); i++) {
        for (int j = 0; j < cols; j++) {
          row[j] = rows.getAtIndex(ValueLayout.JAVA_FLOAT, (long) i * cols + j);
        }
        Elements.store(module.name() + ".weight", type, row, data, (long) indices.get(i) * cols);
      }
    };
  }
}
