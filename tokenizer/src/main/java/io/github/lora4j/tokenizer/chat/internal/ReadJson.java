package io.github.lora4j.tokenizer.chat.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;

/** The filter from_json, which some templates expect beside those of Jinja. */
final class ReadJson {

  private static final ObjectMapper MAPPER = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private ReadJson() {}

  static Value filter(Run run, Value value, Arguments arguments) {
    arguments.bind(run, "from_json", 0);
    Str text = Values.string(run, "the value that from_json reads", value);
    run.spend(text.chars());
    try {
      return JsonValues.of(MAPPER.readTree(text.text()), text.origin());
    } catch (JsonProcessingException e) {
      throw run.fail("from_json: " + e.getOriginalMessage());
    }
  }
}
