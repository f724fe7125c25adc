package io.github.lora4j.train.tasks;

import java.util.Map;

/** What a model says of one example, for people and for programs. */
public interface Prediction {

  /** One line without line breaks: the answer, and after a tab what it rests on. */
  String text();

  /** The members of a JSON object: texts, numbers, lists, arrays and maps of them. */
  Map<String, Object> fields();
}
