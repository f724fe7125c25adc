package io.github.lora4j.lora.files;

import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.GgufForm;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.BlockFormats;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * LoRA adapters as llama.cpp has them: {@code NAME.lora_a} [r, in] and {@code NAME.lora_b} [out, r] by the names of the base model's GGUF tensors,
 * with one {@code adapter.lora.alpha}. Updates are B·A·alpha/r with each pair's own r, and B·A where alpha is 0. Rows of B lie where the base's file
 * has the weight's.
 */
final class GgufLora {

  private static final String A = ".lora_a";
  private static final String B = ".lora_b";

  private final GgufFile file;
  private final ModelDescription model;
  /** Modules by the names of their weights' tensors. */
  private final Map<String, ModuleInfo> modules = new LinkedHashMap<>();
  private final Map<String, Integer> ranks = new LinkedHashMap<>();

  private GgufLora(GgufFile file, ModelDescription model) {
    this.file = file;
    this.model = model;
  }

  /** What PEFT's config would say of a file. */
  static Map<String, Object> config(Path path, ModelDescription model) {
    try (GgufFile file = GgufFile.open(path)) {
      return new GgufLora(file, model).config().toPeft();
    }
  }

  /** Reads a file for a model. */
  static LoadedAdapter load(Path path, ModelDescription model) {
    try (GgufFile file = GgufFile.open(path)) {
      GgufLora lora = new GgufLora(file, model);
      LoraAdapter adapter = new LoraMethod().restore(lora.config(), model);
      AdapterValues values = new AdapterValues(adapter.parameters());
      try {
        lora.fill(adapter, values);
        return new LoadedAdapter(adapter, values);
      } catch (RuntimeException e) {
        values.close();
        throw e;
      }
    }
  }

  private LoraConfig config() {
    GgufMetadata metadata = file.metadata();
    String type = metadata.optionalText("general.type").orElse("model");
    if (!type.equals("adapter")) {
      throw metadata.error("is a file of type \"%s\", not an adapter: give it as the model".formatted(Names.printable(type)));
    }
    String kind = metadata.optionalText("adapter.type").orElse("missing");
    if (!kind.equals("lora") || metadata.has("adapter.alora.invocation_tokens")) {
      throw metadata.error("adapter.type is %s%s; only plain LoRA is read".formatted(Names.printable(kind),
          metadata.has("adapter.alora.invocation_tokens") ? ", switched on by tokens (adapter.alora.invocation_tokens)" : ""));
    }
    String architecture = metadata.text("general.architecture");
    if (!architecture.equals(model.gguf().architecture())) {
      throw metadata.error("is an adapter for models of architecture \"%s\", and this model (model_type \"%s\") is %s".formatted(
          Names.printable(architecture), model.modelType(), model.gguf().architecture().isEmpty() ? "none that llama.cpp has"
          : "\"" + model.gguf().architecture() + "\""));
    }
    double alpha = metadata.number("adapter.lora.alpha");
    if (!(alpha >= 0) || Double.isInfinite(alpha)) {
      throw metadata.error("adapter.lora.alpha is %s; it must be a number, 0 or more".formatted(alpha));
    }
    pairs();
    int r = ranks.values().iterator().next();
    Map<String, Integer> otherRanks = new LinkedHashMap<>();
    Map<String, Double> otherAlphas = new LinkedHashMap<>();
    ranks.forEach((name, rank) -> {
      if (rank != r) {
        otherRanks.put(name, rank);
        if (alpha == 0) {
          otherAlphas.put(name, (double) rank);
        }
      }
    });
    return LoraConfig.builder().r(r).loraAlpha(alpha == 0 ? r : alpha).targetModules(new TargetModules.Names(List.copyOf(ranks.keySet())))
        .rankPattern(otherRanks).alphaPattern(otherAlphas).build();
  }

  /** Finds the modules of the file's pairs, and checks their shapes. */
  private void pairs() {
    Map<String, ModuleInfo> known = new TreeMap<>();
    for (ModuleInfo module : model.modules()) {
      String weight = module.name() + ".weight";
      if ((module.kind() == ModuleInfo.Kind.LINEAR || module.kind() == ModuleInfo.Kind.CONV1D || module.kind() == ModuleInfo.Kind.EMBEDDING)
          && !model.tied().containsKey(weight)) {
        model.gguf().tensor(weight).ifPresent(tensor -> known.put(tensor, module));
      }
    }
    List<String> problems = new ArrayList<>();
    for (GgufTensor tensor : file.tensors()) {
      String name = tensor.name();
      boolean a = name.endsWith(A);
      if (!a && !name.endsWith(B)) {
        problems.add("%s: ends in neither %s nor %s".formatted(Names.printable(name), A, B));
        continue;
      }
      String base = name.substring(0, name.length() - A.length());
      ModuleInfo module = known.get(base);
      if (module == null) {
        problems.add("%s: no module of this model that an adapter may change has such a tensor".formatted(Names.printable(name)));
      } else if (!file.has(base + (a ? B : A))) {
        problems.add("%s is there, but %s is missing".formatted(name, base + (a ? B : A)));
      } else if (a) {
        modules.put(base, module);
      }
    }
    modules.forEach((base, module) -> rank(base, module).ifPresentOrElse(rank -> ranks.put(module.name(), rank), () ->
        problems.add("%s: lora_a is %s and lora_b %s, which do not fit each other, or a module of %d inputs and %d outputs".formatted(base,
            file.tensor(base + A).shape(), file.tensor(base + B).shape(), module.in(), module.out()))));
    if (problems.isEmpty() && ranks.isEmpty()) {
      problems.add("no tensor is named %s or %s".formatted(A, B));
    }
    if (!problems.isEmpty()) {
      throw new FormatException("%s is no adapter for this model: %s".formatted(file.describe(), Names.list(problems)));
    }
  }

  private Optional<Integer> rank(String base, ModuleInfo module) {
    List<Long> a = file.tensor(base + A).shape();
    List<Long> b = file.tensor(base + B).shape();
    if (a.size() != 2 || b.size() != 2) {
      return Optional.empty();
    }
    // The half of an embedding has a row for each token.
    boolean table = module.kind() == ModuleInfo.Kind.EMBEDDING;
    long rank = table ? a.getLast() : a.getFirst();
    long in = table ? a.getFirst() : a.getLast();
    boolean fits = b.getLast() == rank && in == module.in() && b.getFirst() == module.out() && rank <= Integer.MAX_VALUE;
    return fits ? Optional.of((int) rank) : Optional.empty();
  }

  private void fill(LoraAdapter adapter, AdapterValues values) {
    modules.forEach((base, module) -> {
      LoraAdapter.Site site = adapter.sites().get(module.name());
      if (site == null) {
        throw new FormatException("%s: module %s cannot be adapted".formatted(file.describe(), module.name()));
      }
      MemorySegment a = values.get(site.a().slot());
      MemorySegment b = values.get(site.b().slot());
      try (Memory memory = new Memory("an adapter's file")) {
        MemorySegment read = memory.allocate(Math.max(a.byteSize(), b.byteSize()), base);
        MemorySegment halfA = read.asSlice(0, a.byteSize());
        floats(file.tensor(base + A), halfA);
        if (site.embedding()) {
          AdapterParameter.transpose(halfA, a, module.in(), a.byteSize() / Float.BYTES / module.in());
        } else {
          a.copyFrom(halfA);
        }
        MemorySegment halfB = read.asSlice(0, b.byteSize());
        floats(file.tensor(base + B), halfB);
        long row = b.byteSize() / module.out();
        GgufForm form = model.gguf();
        for (long place = 0; place < module.out(); place++) {
          MemorySegment.copy(halfB, place * row, b, form.ours(module.name() + ".weight", place) * row, row);
        }
      }
    });
  }

  private void floats(GgufTensor tensor, MemorySegment target) {
    WeightFormat stored = tensor.type().elements().filter(DType::isFloat).<WeightFormat>map(Elements::new)
        .or(() -> GgufFormat.ofType(tensor.type().id())).orElseThrow(() -> new FormatException("%s: tensor %s is of type %s, which is not supported"
            .formatted(file.describe(), tensor.name(), tensor.type())));
    int columns = Math.toIntExact(tensor.columns());
    int rows = Math.toIntExact(tensor.elements() / columns);
    try (Memory memory = new Memory("an adapter's file")) {
      MemorySegment blocks = memory.allocate(tensor.bytes(), tensor.name());
      file.read(tensor.name(), 0, blocks);
      BlockFormats.requireFinite(stored, rows, columns, blocks, file.describe() + ": tensor " + tensor.name());
      for (int i = 0; i < rows; i++) {
        stored.decode(blocks, i * WeightFormats.rowBytes(stored, columns), target, (long) i * columns * Float.BYTES, columns);
      }
    }
  }
}
