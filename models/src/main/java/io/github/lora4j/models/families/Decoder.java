package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;

/** A decoder of one stack of layers, with the heads that decoders have. A family says what its layers are. */
abstract class Decoder implements Architecture {

  final ModelConfig config;
  final int hidden;
  final int layers;
  final int heads;
  private final FamilyFacts facts;

  /**
   * A decoder by its config.json.
   *
   * @param hidden the field that says how wide hidden states are
   * @param heads the field that counts attention heads
   */
  Decoder(ModelConfig config, FamilyFacts facts, String hidden, String heads) {
    this.config = config;
    this.facts = facts;
    this.hidden = config.size(hidden);
    this.layers = config.size(facts.files().layerCount());
    this.heads = config.size(heads);
  }

  /** Records a layer for the rows wanted. */
  abstract Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted);

  /** All layers, the last one for the rows wanted alone. */
  final Value stacked(Sites base, PackedInputs in, Value x, Rows rows) {
    Value y = x;
    for (int i = 0; i < layers; i++) {
      int index = i;
      Value below = y;
      Sites sites = base.within(facts.files().layers() + i + ".");
      Rows wanted = i == layers - 1 ? rows : Rows.ALL;
      y = base.graph().region("layer." + i, () -> layer(sites, in, index, below, wanted));
    }
    return y;
  }

  /** Attention that sees what is before a token, with scores scaled as is usual. */
  final AttentionSpec causal(int headSize) {
    return new AttentionSpec(heads, heads, headSize, (float) (1 / Math.sqrt(headSize)), true);
  }

  /** A feed-forward of two linear modules, which ends a block. */
  final Value feedForward(Sites sites, Value x, String up, int inner, Activation activation, String down, boolean bias) {
    Graph graph = sites.graph();
    return sites.blockOutput(down, graph.activate(activation, sites.linear(up, x, inner, bias)), hidden, bias);
  }

  @Override
  public Value logits(Sites sites, Head head, Value rows) {
    return Decoders.logits(sites, this, head, rows);
  }

  @Override
  public final Rows rowsOf(Head head) {
    return Decoders.rowsOf(head);
  }

  @Override
  public final ModelConfig config() {
    return config;
  }

  @Override
  public final FamilyFacts facts() {
    return facts;
  }

  @Override
  public int hiddenSize() {
    return hidden;
  }
}
