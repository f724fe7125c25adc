package io.github.lora4j.train.tasks;

import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;

/** A task whose models answer with text. */
public interface AnsweringTask extends TrainingTask {

  /**
   * What a row asks, written as training writes it.
   *
   * @param row of the task's data, or one that is not typed: its text is the question, without a reference
   * @throws io.github.lora4j.vector.FormatException naming file and line of a row that asks nothing
   */
  Question question(Row row, RowReader reader);
}
