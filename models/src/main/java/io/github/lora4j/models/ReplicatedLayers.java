package io.github.lora4j.models;

import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** A deeper model whose layers share the weights of another's. */
record ReplicatedLayers(Architecture deep, List<Integer> sources) implements Architecture {

  /** See {@link Architecture#replicated}. */
  static Architecture of(Architecture architecture, List<List<Integer>> ranges) {
    FamilyFacts.FileNames files = architecture.facts().files();
    if (files.layers().isEmpty()) {
      throw new ConfigException("layer_replication: model_type \"%s\" has no numbered layers".formatted(architecture.modelType()));
    }
    int layers = architecture.config().size(files.layerCount());
    List<Integer> order = new ArrayList<>();
    for (List<Integer> range : ranges) {
      if (range.size() != 2 || range.getFirst() < 0 || range.getFirst() >= range.getLast() || range.getLast() > layers) {
        throw new ConfigException(("layer_replication: a range must be [first, end] with 0 <= first < end <= %d, the number of layers, got "
            + "%s").formatted(layers, range));
      }
      IntStream.range(range.getFirst(), range.getLast()).forEach(order::add);
    }
    ModelConfig config = architecture.config().with(files.layerCount(), order.size());
    return new ReplicatedLayers(config.architecture(), List.copyOf(order));
  }

  @Override
  public Value hidden(Sites sites, PackedInputs in, Rows rows) {
    return deep.hidden(sites.sharing(name -> layer(name, i -> sources.indexOf(sources.get(i)))), in, rows);
  }

  @Override
  public String stored(String parameter) {
    return layer(parameter, sources::get);
  }

  private String layer(String parameter, IntUnaryOperator map) {
    String path = facts().files().layers();
    int from = parameter.startsWith(path) ? path.length() : parameter.startsWith(facts().prefix() + path) ? facts().prefix().length() + path.length()
        : -1;
    if (from < 0) {
      return parameter;
    }
    int dot = parameter.indexOf('.', from);
    return parameter.substring(0, from) + map.applyAsInt(Integer.parseInt(parameter.substring(from, dot))) + parameter.substring(dot);
  }

  @Override
  public ModelConfig config() {
    return deep.config();
  }

  @Override
  public FamilyFacts facts() {
    return deep.facts();
  }

  @Override
  public int vocabSize() {
    return deep.vocabSize();
  }

  @Override
  public int typeVocabSize() {
    return deep.typeVocabSize();
  }

  @Override
  public boolean readsSource() {
    return deep.readsSource();
  }

  @Override
  public OptionalInt lengthBorder() {
    return deep.lengthBorder();
  }

  @Override
  public OptionalInt decoderStart() {
    return deep.decoderStart();
  }

  @Override
  public int hiddenSize() {
    return deep.hiddenSize();
  }

  @Override
  public int maxPositions() {
    return deep.maxPositions();
  }

  @Override
  public int firstPosition() {
    return deep.firstPosition();
  }

  @Override
  public double initializerRange() {
    return deep.initializerRange();
  }

  @Override
  public Rows rowsOf(Head head) {
    return deep.rowsOf(head);
  }

  @Override
  public Value logits(Sites sites, Head head, Value rows) {
    return deep.logits(sites, head, rows);
  }

  @Override
  public Optional<Output> output() {
    return deep.output();
  }
}
