package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.gguf.GgufPlaces;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A LoRA adapter as llama.cpp reads it, and with it Ollama and LM Studio: A and B of each module as tensors {@code NAME.lora_a} and
 * {@code NAME.lora_b} behind the name of the base's weight, in F32, and one alpha. Their product counts alpha / rank times, the rank being the
 * tensor's own; what else scales a module (alpha_pattern, rsLoRA with several ranks) is in its B.
 */
final class GgufAdapter {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final String MERGE = "Merge the adapter instead: lora4j merge --to gguf";

  private final Model model;
  private final LoraAdapter adapter;
  private final LoadedAdapter loaded;
  private final GgufPlaces places;
  private final double alpha;

  private GgufAdapter(Model model, LoraAdapter adapter, LoadedAdapter loaded) {
    this.model = model;
    this.adapter = adapter;
    this.loaded = loaded;
    places = GgufPlaces.of(model.architecture());
    LoraConfig config = adapter.config();
    alpha = config.useRslora() ? config.loraAlpha() * Math.sqrt(config.r()) : config.loraAlpha();
  }

  /**
   * Writes a file.
   *
   * @param lora plain LoRA
   * @throws ConfigException for what the format cannot hold, naming it
   */
  static void write(AdaptedModel adapted, LoadedAdapter lora, Path file) {
    if (!(lora.adapter() instanceof LoraAdapter adapter)) {
      throw new ConfigException("a GGUF adapter holds LoRA, and this is %s. %s".formatted(lora.adapter().getClass().getSimpleName(), MERGE));
    }
    GgufAdapter export = new GgufAdapter(adapted.model(), adapter, lora);
    export.refuse();
    export.write(file);
  }

  /** What has no place in such a file, all at once. */
  private void refuse() {
    List<String> problems = new ArrayList<>();
    adapter.sites().forEach((module, site) -> {
      if (site.magnitude().isPresent()) {
        problems.add(module + ": DoRA's magnitudes");
      }
      if (site.bias().isPresent()) {
        problems.add(module + ": a bias behind B (lora_bias)");
      }
      String parameter = module + ".weight";
      ModuleInfo.Kind kind = site.target().module().kind();
      boolean table = kind == ModuleInfo.Kind.EMBEDDING && !places.tensor(parameter).equals(Optional.of("token_embd.weight"));
      if (places.tensor(parameter).isEmpty() || table || kind == ModuleInfo.Kind.CONVOLUTION || !site.weight().equals(parameter)) {
        problems.add(module + (model.tied().containsKey(parameter) ? ": its weight is another module's, so the base's file has none for it"
            : ": no tensor of llama.cpp's that an adapter may change"));
      } else if (model.tied().containsValue(parameter)) {
        problems.add(module + ": llama.cpp takes it for the output layer, too, which shares its weight, and ends with an assertion");
      }
    });
    adapter.parameters().stream().filter(AdapterParameter::ofBase).forEach(p -> problems.add(p.slot() + ": a parameter of the base trained whole ("
        + (p.slot().endsWith(".bias") ? "bias" : "modules_to_save") + ")"));
    if (!adapter.config().reach().tokens().isEmpty() || !adapter.config().reach().tokensOf().isEmpty()) {
      problems.add("trained tokens (trainable_token_indices)");
    }
    if (!adapter.config().reach().layerReplication().isEmpty()) {
      problems.add("replicated layers (layer_replication)");
    }
    if (!problems.isEmpty()) {
      throw new ConfigException("a GGUF adapter cannot hold %s. %s".formatted(Names.list(problems), MERGE));
    }
    if (adapter.sites().isEmpty()) {
      throw new ConfigException("the adapter has no modules, so there is nothing to export");
    }
  }

  private void write(Path file) {
    GgufWriter writer = new GgufWriter().key("general.architecture", GgufValue.of(places.keys().architecture()))
        .key("general.type", GgufValue.of("adapter")).key("adapter.type", GgufValue.of("lora")).key("adapter.lora.alpha", GgufValue.of((float) alpha));
    try (Arena arena = Arena.ofConfined()) {
      adapter.sites().forEach((module, site) -> {
        String tensor = places.tensor(module + ".weight").orElseThrow();
        add(writer, tensor + ".lora_a", site.embedding() ? turned(arena, site.a()) : values(site.a()), shape(site.a(), site.embedding()));
        add(writer, tensor + ".lora_b", b(arena, module, site), site.b().shape());
      });
      writer.write(file);
    }
  }

  private static List<Long> shape(AdapterParameter parameter, boolean turned) {
    return turned ? parameter.shape().reversed() : parameter.shape();
  }

  private static void add(GgufWriter writer, String name, MemorySegment values, List<Long> shape) {
    for (long i = 0; i < values.byteSize() / Float.BYTES; i++) {
      if (!Float.isFinite(values.getAtIndex(FLOAT, i))) {
        throw new FormatException("%s: element %d is %s; the adapter is broken".formatted(name, i, values.getAtIndex(FLOAT, i)));
      }
    }
    writer.add(new GgufTensor(name, GgmlType.F32, shape), values);
  }

  private MemorySegment values(AdapterParameter parameter) {
    return loaded.values().get(parameter.slot());
  }

  /** The adapter's table of an embedding has a row for each token. */
  private MemorySegment turned(Arena arena, AdapterParameter a) {
    MemorySegment turned = arena.allocate(values(a).byteSize(), 64);
    AdapterParameter.transpose(values(a), turned, a.shape().getFirst(), a.shape().getLast());
    return turned;
  }

  /** B with its rows where the base's file has them, and with what of the scale is not alpha / rank. */
  private MemorySegment b(Arena arena, String module, LoraAdapter.Site site) {
    String parameter = module + ".weight";
    double factor = site.target().scaling() * site.target().rank() / alpha;
    boolean scaled = Math.abs(factor - 1) > 1e-12;
    if (!scaled && places.straight(parameter)) {
      return values(site.b());
    }
    MemorySegment from = values(site.b());
    MemorySegment to = arena.allocate(from.byteSize(), 64);
    long columns = site.b().shape().getLast();
    for (long row = 0; row < site.b().shape().getFirst(); row++) {
      long ours = places.ours(parameter, row);
      for (long j = 0; j < columns; j++) {
        float value = from.getAtIndex(FLOAT, ours * columns + j);
        to.setAtIndex(FLOAT, row * columns + j, scaled ? (float) (value * factor) : value);
      }
    }
    return to;
  }
}
