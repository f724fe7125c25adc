package io.github.lora4j.train.answers;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.generate.text.TextGenerator;
import io.github.lora4j.generate.text.TextListener;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Answers questions with a model, with or without an adapter: the likeliest token each time, unless settings say otherwise. Answers end with an end
 * token of generation_config.json or config.json, and with the one that ends texts in training.
 *
 * @param adapter its directory; empty: the model alone
 */
public record Answerer(ModelDirectory directory, Optional<Path> adapter, WeightStorage weights, Backend backend) {

  private static final int TOGETHER = 16;

  /**
   * Answers all, several at a time.
   *
   * @param settings by their names in generation_config.json; max_new_tokens is one of them
   * @return the answers in the order of the questions
   * @throws ConfigException naming a question that leaves the model no position for an answer; when there is none
   */
  public List<Completion> answer(List<Question> questions, Map<String, Object> settings) {
    Model model = Generator.model(directory.architecture());
    GenerationConfig config = config(settings);
    int positions = model.architecture().maxPositions();
    int longest = 0;
    for (Question question : questions) {
      int prompt = Math.max(1, question.prompt().size());
      if (prompt >= positions) {
        throw new ConfigException(("%s: the prompt has %,d tokens and the model positions for %,d, which leaves none for an answer; shorten it or "
            + "leave it "
            + "out").formatted(question.where(), prompt, positions));
      }
      longest = Math.max(longest, Math.min(positions, config.length().limit(prompt)));
    }
    if (questions.isEmpty()) {
      throw new ConfigException("there are no questions to answer");
    }
    int together = Math.min(TOGETHER, questions.size());
    GeneratorOptions room = GeneratorOptions.of(model.architecture()).room(together, Math.max(2, longest)).weights(weights);
    try (Generator generator = open(model, room)) {
      TextGenerator text = new TextGenerator(generator, Tokenizer.load(directory.path()), directory);
      List<Request> requests = new ArrayList<>();
      questions.forEach(q -> requests.add(text.request(q.prompt().stream().mapToInt(Integer::intValue).toArray(), config, "")));
      return text.complete(requests, TextListener.NONE);
    }
  }

  private Generator open(Model model, GeneratorOptions room) {
    try (Checkpoint base = directory.checkpoint()) {
      if (adapter.isEmpty()) {
        return Generator.open(model, base, room, backend);
      }
      try (LoadedAdapter loaded = PeftFormat.load(adapter.get(), Generator.describe(model))) {
        return Generator.open(model, base, loaded, room, backend);
      }
    }
  }

  private GenerationConfig config(Map<String, Object> settings) {
    Map<String, Object> given = new LinkedHashMap<>(settings);
    Map<String, Object> own = GenerationSettings.ofModel(directory.path());
    // Drawn only if that is asked for: what is measured should be the same each time.
    own.put("do_sample", false);
    if (!given.containsKey("eos_token_id")) {
      Set<Object> ends = new LinkedHashSet<>(own.get("eos_token_id") instanceof List<?> several ? several
          : Optional.<Object>ofNullable(own.get("eos_token_id")).stream().toList());
      ModelTexts.of(directory.path()).end(Tokenizer.load(directory.path())).ifPresent(ends::add);
      if (!ends.isEmpty()) {
        own.put("eos_token_id", List.copyOf(ends));
      }
    }
    return GenerationSettings.of(own, given);
  }
}
