package io.github.lora4j.cli.generate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * An option for each setting of generation, by its name in transformers, with hyphens or underscores. Values are read as JSON where they are none
 * of text.
 */
final class SettingOptions {

  private static final ObjectMapper JSON = new ObjectMapper();

  private enum Kind {
    JSON, FLAG, TEXTS
  }

  private record Setting(String name, Kind kind, String meaning) {
    String option() {
      return "--" + name.replace('_', '-');
    }

    OptionSpec spec() {
      OptionSpec.Builder builder = (name.contains("_") ? OptionSpec.builder(option(), "--" + name)
          : OptionSpec.builder(option())).description(meaning);
      return switch (kind) {
        case FLAG -> builder.arity("0..1").type(String.class).paramLabel("true|false").fallbackValue("true").build();
        case JSON -> builder.type(String.class).paramLabel("VALUE").build();
        case TEXTS -> builder.type(List.class).auxiliaryTypes(String.class).paramLabel("TEXT").build();
      };
    }
  }

  private static final List<Setting> SETTINGS = List.of(
      new Setting("max_new_tokens", Kind.JSON, "Tokens of an answer at most (default: what the model's generation_config.json says, or 256)."),
      new Setting("max_length", Kind.JSON, "Tokens of prompt and answer at most."),
      new Setting("min_new_tokens", Kind.JSON, "No end token before an answer has so many."),
      new Setting("min_length", Kind.JSON, "No end token before prompt and answer have so many."),
      new Setting("do_sample", Kind.FLAG, "Draw tokens; otherwise the best one is taken. On if a setting for drawing is given."),
      new Setting("temperature", Kind.JSON, "Scores are divided by it."),
      new Setting("top_k", Kind.JSON, "Draw from the K best tokens; 0: all (transformers' default is 50)."),
      new Setting("top_p", Kind.JSON, "Draw from the fewest tokens that are so likely together."),
      new Setting("min_p", Kind.JSON, "Draw from tokens at least so likely, compared with the likeliest."),
      new Setting("typical_p", Kind.JSON, "Draw from the most typical tokens that are so likely together."),
      new Setting("epsilon_cutoff", Kind.JSON, "Draw from tokens at least so likely."),
      new Setting("eta_cutoff", Kind.JSON, "The same, less strict where many tokens are likely."),
      new Setting("seed", Kind.JSON, "Of the draws (default: 0)."),
      new Setting("repetition_penalty", Kind.JSON, "Above 1: tokens of prompt and answer become less likely."),
      new Setting("frequency_penalty", Kind.JSON, "Subtracted from a token's score for each time it is in the answer."),
      new Setting("presence_penalty", Kind.JSON, "Subtracted once from scores of tokens in the answer."),
      new Setting("no_repeat_ngram_size", Kind.JSON, "No run of so many tokens twice."),
      new Setting("num_beams", Kind.JSON, "Search with so many beams (generate only)."),
      new Setting("num_return_sequences", Kind.JSON, "Answers of a beam search."),
      new Setting("length_penalty", Kind.JSON, "Scores of beams are divided by their length to this power."),
      new Setting("early_stopping", Kind.FLAG, "A beam search ends when as many beams have ended as there are."),
      new Setting("stop_strings", Kind.TEXTS, "A text that ends the answer (repeatable)."),
      new Setting("eos_token_id", Kind.JSON, "Tokens that end the answer: 2, or [2,7]."),
      new Setting("bad_words_ids", Kind.JSON, "Token sequences that must not come: [[5,6],[7]]."),
      new Setting("suppress_tokens", Kind.JSON, "Tokens that must not come: [5,6]."),
      new Setting("begin_suppress_tokens", Kind.JSON, "The same for the answer's first token."),
      new Setting("forced_bos_token_id", Kind.JSON, "The second token of a sequence."),
      new Setting("forced_eos_token_id", Kind.JSON, "The last token where the length ends the answer."),
      new Setting("sequence_bias", Kind.JSON, "Added to scores: [[[5,6],-2.5]]."),
      new Setting("logit_bias", Kind.JSON, "Added to scores: {\"5\":-2.5}."),
      new Setting("renormalize_logits", Kind.FLAG, "Scores become log-probabilities at the end."));

  private SettingOptions() {}

  static void add(CommandSpec spec) {
    SETTINGS.forEach(setting -> spec.addOption(setting.spec()));
  }

  /** The settings that were given. */
  static Map<String, Object> given(CommandSpec spec) {
    Map<String, Object> settings = new LinkedHashMap<>();
    for (Setting setting : SETTINGS) {
      Optional.ofNullable(spec.findOption(setting.option()).<Object>getValue()).filter(value -> !List.of().equals(value)).ifPresent(value ->
          settings.put(setting.name, setting.kind == Kind.TEXTS ? value : parsed(setting, String.valueOf(value))));
    }
    return settings;
  }

  private static Object parsed(Setting setting, String value) {
    try {
      return JSON.readValue(value, Object.class);
    } catch (JsonProcessingException e) {
      throw new ConfigException("%s %s: cannot be read; an example: %s".formatted(setting.option(), value, setting.meaning), e);
    }
  }
}
