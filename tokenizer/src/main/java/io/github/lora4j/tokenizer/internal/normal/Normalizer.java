package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.text.Text;
import java.util.List;

/** Makes of a text another, whose characters know where they come from. */
public interface Normalizer {

  /** The text normalised; the same object where nothing changes. */
  Text normalize(Text text);

  /** Leaves texts as they are. */
  static Normalizer none() {
    return text -> text;
  }

  /** Several, one behind another. */
  static Normalizer sequence(List<Normalizer> steps) {
    return text -> {
      Text result = text;
      for (Normalizer step : steps) {
        result = step.normalize(result);
      }
      return result;
    };
  }
}
