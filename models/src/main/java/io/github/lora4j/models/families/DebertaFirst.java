package io.github.lora4j.models.families;

import io.github.lora4j.graph.ElementOp;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import java.util.List;

/** Version 1: queries, keys and values of each head in one layer, whose biases are apart; a distance is an entry. */
final class DebertaFirst extends Deberta {

  DebertaFirst(ModelConfig config, FamilyFacts facts) {
    super(config, facts);
  }

  @Override
  Distances distances() {
    return new Distances(config(), 0, 0, span("max_relative_positions", maxPositions()));
  }

  @Override
  Value normed(Sites encoder, Value distances) {
    return distances;
  }

  @Override
  List<Value> projected(Sites self, PackedInputs in, Value x, Rows wanted) {
    Graph graph = self.graph();
    List<Value> qkv = graph.split(self.linear("in_proj", x, 3 * hiddenSize(), false), heads(), List.of(headSize(), headSize(), headSize()));
    Value q = plus(self, "q_bias", in.choose(graph, wanted, qkv.getFirst()));
    return List.of(q, qkv.get(1), plus(self, "v_bias", qkv.get(2)));
  }

  /** A bias that belongs to no linear module, added to every row: its product with a column of ones. */
  private Value plus(Sites self, String bias, Value x) {
    Graph graph = self.graph();
    Value ones = graph.temp("ones", x.shape().withCols(1));
    graph.record(new ElementOp.Fill(1, ones));
    return graph.linearTransposedOnto(ones, self.parameter(bias, Shape.vector(hiddenSize())), x, 1);
  }

  @Override
  Value keysOf(Sites self, Value distances) {
    return self.linear("pos_proj", distances, hiddenSize(), false);
  }

  @Override
  Value queriesOf(Sites self, Value distances) {
    return self.linear("pos_q_proj", distances, hiddenSize(), true);
  }

  @Override
  int summands() {
    return 1 + kinds().size();
  }
}
