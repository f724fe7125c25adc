package io.github.lora4j.train.recorded;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class QuestionAnsweringTest {

  @Test
  void answersLieInTheirSequence() {
    QuestionAnswering task = new QuestionAnswering(ModelConfig.of(Map.of("model_type", "bert", "vocab_size", 11, "hidden_size", 4,
        "num_hidden_layers", 1, "num_attention_heads", 2, "intermediate_size", 8, "max_position_embeddings", 16)).architecture());
    ProgramBuilder builder = new ProgramBuilder();
    PackedInputs in = PackedInputs.declare(builder, 20, 2, 10);
    Graph graph = builder.entry("loss");
    graph.output("loss", task.loss(graph, in, task.predict(new Sites(graph, SiteHooks.NONE), in)));
    Targets targets = task.targets(in, builder.build());
    targets.add(new Target.Span(2, 9, 10));
    targets.add(new Target.Span(Target.TokenLabels.IGNORED, Target.TokenLabels.IGNORED, 5));
    targets.clear();
    String message = assertThrows(ConfigException.class, () -> targets.add(new Target.Span(2, 10, 10))).getMessage();
    assertTrue(message.contains("last token is 10") && message.contains("10 tokens"), message);
    assertThrows(ConfigException.class, () -> targets.add(new Target.OneClass(2)));
  }
}
