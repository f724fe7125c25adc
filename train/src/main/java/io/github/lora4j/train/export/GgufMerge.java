package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.plain.MergedWeights;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.gguf.GgufCheck;
import io.github.lora4j.models.gguf.GgufModelKeys;
import io.github.lora4j.models.gguf.GgufPlaces;
import io.github.lora4j.tokenizer.GgufTokens;
import io.github.lora4j.tokenizer.chat.ChatTemplates;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Merged weights on their way into a GGUF file. */
final class GgufMerge {

  /** Buffers that some files hold beside the weights: nothing is computed from them. */
  private static final List<String> BUFFERS = List.of(".attn.bias", ".attn.masked_bias", "rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias",
      "position_ids");
  /** Tables that llama.cpp's converter keeps in F32. */
  private static final Set<String> PLAIN = Set.of("position_embd.weight", "token_types.weight");
  /** Noise, of the size of a change, that whoever merges is told of at length. */
  private static final double LOUD = 0.05;
  private static final int LISTED = 8;
  private static final String TEMPLATE = "tokenizer.chat_template";
  private static final String FILE_TYPE = "general.file_type";
  private static final Map<WeightFormat, Integer> FILE_TYPES = Map.of(WeightFormat.F32, 0, WeightFormat.F16, 1, WeightFormat.BF16, 32);
  private static final Map<String, Integer> BLOCK_TYPES = Map.of("q4_0", 2, "q4_1", 3, "q8_0", 7, "q5_0", 8, "q5_1", 9, "q6_k", 18);

  private final AdaptedModel adapted;
  private final ModelDirectory base;
  private final MergedWeights merged;
  private final MergedForm.Gguf form;
  private final GgufPlaces places;
  private final Set<String> turned;
  private final Beside beside;
  private final GgufWriter writer = new GgufWriter();
  private final Map<String, WeightFormat> formats = new TreeMap<>();
  private final List<GgufRows> rows = new ArrayList<>();
  /** Matrices whose rows are no whole number of the blocks asked for. */
  private final List<String> uneven = new ArrayList<>();

  /**
   * What an adapter's task says of a whole model.
   *
   * @param pooling of an encoder of texts: "mean", "cls"; empty where that is not known
   * @param template the chat template that was learnt, where it is not the base's
   */
  record Beside(String pooling, Optional<String> template) {}

  /**
   * A merge.
   *
   * @param beside what the adapter's task says
   */
  GgufMerge(AdaptedModel adapted, ModelDirectory base, MergedWeights merged, MergedForm.Gguf form, Beside beside) {
    this.beside = beside;
    this.adapted = adapted;
    this.base = base;
    this.merged = merged;
    this.form = form;
    Model model = adapted.model();
    form.format().ifPresent(GgufMerge::type);
    form.touched().ifPresent(GgufMerge::type);
    if (!(model.head() instanceof Head.LanguageModel || model.head() instanceof Head.None)) {
      throw new ConfigException("a GGUF file holds a language model or an encoder, and this is a %s; write safetensors instead".formatted(model.className()));
    }
    places = GgufPlaces.of(model.architecture());
    turned = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.CONV1D).map(m -> m.name() + ".weight").collect(Collectors.toSet());
  }

  /** Writes a file and reads it again; what whoever uses it should know. */
  List<String> write(Path file) {
    Map<String, String> names = names();
    if (ModelDirectory.isGguf(base.path())) {
      ofGguf(names, file);
    } else {
      ofDirectory(names, file);
      ModelDirectory written = ModelDirectory.open(file);
      GgufCheck.require(adapted.model().architecture(), written.architecture());
      GgufTokens.requireSame(base.path(), file);
    }
    return notes();
  }

  /** Tensors of the file by the merged names of the parameters. */
  private Map<String, String> names() {
    Map<String, String> names = new TreeMap<>();
    List<String> nowhere = new ArrayList<>();
    for (String name : merged.names()) {
      String inside = name.substring(adapted.prefix().length());
      Optional<String> tensor = places.tensor(inside);
      boolean shares = !form.untie() && adapted.model().tied().containsKey(inside);
      if (tensor.isPresent() && !shares) {
        names.put(name, tensor.get());
      } else if (!shares && BUFFERS.stream().noneMatch(inside::endsWith) && !inside.startsWith("pooler.")) {
        nowhere.add(name);
      }
    }
    if (!nowhere.isEmpty()) {
      throw new ConfigException("llama.cpp has no place for %s in a model of architecture %s; write safetensors instead".formatted(Names.list(nowhere),
          places.keys().architecture()));
    }
    return names;
  }

  /** The base's own keys and vocabulary; tensors that do not change are copied as they are. */
  private void ofGguf(Map<String, String> names, Path file) {
    try (GgufFile from = GgufFile.open(base.path())) {
      GgufMetadata metadata = from.metadata();
      Map<String, String> parameters = names.entrySet().stream().collect(Collectors.toMap(Map.Entry::getValue, Map.Entry::getKey));
      for (GgufTensor tensor : from.tensors()) {
        Optional<String> written = Optional.ofNullable(parameters.remove(tensor.name()))
            .filter(name -> merged.changed(name) || form.format().isPresent() && tensor.shape().size() > 1);
        written.ifPresentOrElse(name -> add(name, tensor.name()), () -> writer.add(tensor, to -> GgufRows.copy(from, tensor, to)));
      }
      parameters.forEach((tensor, name) -> add(name, tensor));
      metadata.values().forEach((key, value) -> {
        if (key.equals(TEMPLATE) && beside.template.isPresent()) {
          return;
        }
        if (!key.equals(FILE_TYPE)) {
          writer.key(key, value);
        } else {
          form.format().flatMap(GgufMerge::fileType).ifPresentOrElse(type -> writer.key(key, GgufValue.u32(type)), () -> writer.key(key, value));
        }
      });
      beside.template.ifPresent(template -> writer.key(TEMPLATE, GgufValue.of(template)));
      writer.write(file);
    }
  }

  private void ofDirectory(Map<String, String> names, Path file) {
    writer.key("general.architecture", GgufValue.of(places.keys().architecture())).key("general.type", GgufValue.of("model"))
        .key("general.name", GgufValue.of(String.valueOf(base.path().toAbsolutePath().normalize().getFileName())));
    long inner = names.entrySet().stream().filter(e -> e.getValue().equals("blk.0.ffn_down.weight")).findFirst()
        .map(e -> turned.contains(e.getKey().substring(adapted.prefix().length())) ? merged.info(e.getKey()).shape().getFirst()
            : merged.info(e.getKey()).shape().getLast()).orElse(0L);
    GgufModelKeys.add(adapted.model().architecture(), inner, writer);
    switch (beside.pooling) {
      case "mean" -> writer.key(places.keys().architecture() + ".pooling_type", GgufValue.u32(1));
      case "cls" -> writer.key(places.keys().architecture() + ".pooling_type", GgufValue.u32(2));
      default -> { }
    }
    names.forEach(this::add);
    formats.values().stream().filter(f -> !f.equals(WeightFormat.F32)).findFirst().or(() -> Optional.of(WeightFormat.F32)).flatMap(GgufMerge::fileType)
        .ifPresent(type -> writer.key(FILE_TYPE, GgufValue.u32(type)));
    writer.key("general.quantization_version", GgufValue.u32(2));
    GgufTokens.of(base.path(), adapted.model().architecture().vocabSize()).forEach(writer::key);
    templates();
    writer.write(file);
  }

  private void templates() {
    ChatTemplates templates = ChatTemplates.load(base.path());
    List<String> named = templates.names().stream().filter(name -> !name.equals(ChatTemplates.DEFAULT)).sorted().toList();
    if (!named.isEmpty()) {
      writer.key("tokenizer.chat_templates", GgufValue.texts(named));
      named.forEach(name -> writer.key("tokenizer.chat_template." + name, GgufValue.of(templates.source(name))));
    }
    beside.template.or(() -> Optional.of(ChatTemplates.DEFAULT).filter(templates.names()::contains).map(templates::source))
        .ifPresent(template -> writer.key(TEMPLATE, GgufValue.of(template)));
  }

  private static GgmlType type(WeightFormat format) {
    return Arrays.stream(GgmlType.values()).filter(t -> t.formatName().equals(format.name())).findFirst().orElseThrow(() -> new ConfigException(
        "%s: GGUF has no such type; f32, f16, bf16, q8_0, q4_0, q4_k and others are".formatted(format.name())));
  }

  private static Optional<Integer> fileType(WeightFormat format) {
    return Optional.ofNullable(FILE_TYPES.get(format)).or(() -> Optional.ofNullable(BLOCK_TYPES.get(format.name())));
  }

  private void add(String name, String tensor) {
    String inside = name.substring(adapted.prefix().length());
    List<Long> shape = turned.contains(inside) ? merged.info(name).shape().reversed() : merged.info(name).shape();
    WeightFormat format = shape.size() < 2 || PLAIN.contains(tensor) ? WeightFormat.F32 : format(name, shape.getLast());
    GgmlType type = type(format);
    formats.put(tensor, format);
    GgufRows source = new GgufRows(merged, name, places, new GgufRows.Form(inside, turned.contains(inside), format), new GgufTensor(tensor, type, shape));
    rows.add(source);
    writer.add(source.tensor(), source::write);
  }

  /** What was asked for, or what the base has; F16 where rows are no whole number of blocks. */
  private WeightFormat format(String name, long columns) {
    WeightFormat stored = merged.source(name).isPresent() ? merged.stored(name) : WeightFormat.F32;
    WeightFormat all = form.format().orElse(stored.equals(WeightFormat.F64) ? WeightFormat.F32 : stored);
    WeightFormat wanted = !(all instanceof Elements) && merged.changed(name) ? form.touched().orElse(all) : all;
    if (columns % wanted.blockValues() == 0) {
      return wanted;
    }
    uneven.add(name);
    return WeightFormat.F16;
  }

  /** What is left of the adapter where a matrix that it changes was quantised, the worst ones by name. */
  private List<String> notes() {
    List<GgufRows> lossy = rows.stream().filter(r -> r.kept().isPresent()).sorted(Comparator.comparingDouble(GgufMerge::noise).reversed()).toList();
    List<String> notes = new ArrayList<>();
    if (!uneven.isEmpty()) {
      notes.add("%d matrices were written in F16, since their rows are no whole number of blocks: %s".formatted(uneven.size(), Names.list(uneven)));
    }
    if (lossy.isEmpty()) {
      return notes;
    }
    double most = noise(lossy.getFirst());
    notes.add(String.format(Locale.ROOT, "%d matrices that the adapter changes were quantised with its change in them: beside it lies a noise of %.1f %% "
        + "of its size at most, %.1f %% in the median", lossy.size(), 100 * most, 100 * noise(lossy.get(lossy.size() / 2))));
    if (most > LOUD) {
      lossy.stream().limit(LISTED).forEach(r -> notes.add(String.format(Locale.ROOT, "  %s as %s: %.1f %% of the change kept, noise %.1f %%",
          r.tensor().name(), r.tensor().type().formatName(), 100 * r.kept().orElseThrow().share(), 100 * noise(r))));
      notes.add("To keep more: --touched f16 writes the changed matrices in 16 bits; export --gguf keeps the adapter beside the base and loses nothing");
    }
    return notes;
  }

  private static double noise(GgufRows rows) {
    return rows.kept().orElseThrow().error();
  }
}
