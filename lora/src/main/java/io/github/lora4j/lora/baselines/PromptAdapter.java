package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.parameters.AdapterParameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Prompt tuning (Lester, Al-Rfou and Constant, "The Power of Scale for Parameter-Efficient Prompt Tuning", EMNLP 2021) as PEFT's
 * PROMPT_TUNING: learnt rows in place of word embeddings, before every sequence. Positions start at the first of them, and what reads a
 * sequence's first token, as BERT's pooler does, reads the first of them, too.
 */
public final class PromptAdapter implements Adapter {

  private final Map<String, Object> config;
  private final String words;
  private final AdapterParameter prompt;
  private final List<AdapterParameter> parameters = new ArrayList<>();

  /**
   * Makes the prompt.
   *
   * @param words the module that embeds tokens
   * @param saved parameters of the base model that train
   */
  PromptAdapter(Map<String, Object> config, ModuleInfo words, int tokens, List<AdapterParameter> saved) {
    this.config = config;
    this.words = words.name();
    prompt = VirtualTokenMethod.embeddings(tokens, words.out());
    parameters.add(prompt);
    parameters.addAll(saved);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return Collections.unmodifiableList(parameters);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return Collections.unmodifiableMap(config);
  }

  @Override
  public String basePrefix() {
    return VirtualTokenMethod.BASE;
  }

  @Override
  public VirtualTokens virtualTokens() {
    return new VirtualTokens(prompt.programShape().rows(), 0);
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite site, Value y) {
    if (!site.module().equals(words)) {
      return y;
    }
    // The rows of virtual tokens have the id −1, for which an embedding gives zero.
    Value ids = recording.graph().program().table(VirtualTokens.PROMPT_IDS, site.ids().shape());
    return recording.graph().embedding(prompt.declare(recording), ids, y);
  }
}
