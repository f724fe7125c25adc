package io.github.lora4j.lora;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.model.ModelDescription;
import java.util.ArrayList;
import java.util.List;

/** Descriptions of small models. */
public final class TestModels {

  private TestModels() {}

  /** BERT for sequence classification: 24 wide, two layers, three labels. */
  public static ModelDescription bert() {
    List<ModuleInfo> m = new ArrayList<>();
    m.add(ModuleInfo.embedding("bert.embeddings.word_embeddings", 97, 24));
    m.add(ModuleInfo.layerNorm("bert.embeddings.LayerNorm", 24));
    for (int i = 0; i < 2; i++) {
      String layer = "bert.encoder.layer." + i + ".";
      for (String name : List.of("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")) {
        m.add(ModuleInfo.linear(layer + name, 24, 24, true));
      }
      m.add(ModuleInfo.layerNorm(layer + "attention.output.LayerNorm", 24));
      m.add(ModuleInfo.linear(layer + "intermediate.dense", 24, 37, true));
      m.add(ModuleInfo.linear(layer + "output.dense", 37, 24, true));
      m.add(ModuleInfo.layerNorm(layer + "output.LayerNorm", 24));
    }
    m.add(ModuleInfo.linear("bert.pooler.dense", 24, 24, true));
    m.add(ModuleInfo.other("bert.pooler.activation", ModuleInfo.Kind.ACTIVATION));
    m.add(ModuleInfo.other("dropout", ModuleInfo.Kind.DROPOUT));
    m.add(ModuleInfo.linear("classifier", 24, 3, true));
    return ModelDescription.of("bert", m);
  }
}
