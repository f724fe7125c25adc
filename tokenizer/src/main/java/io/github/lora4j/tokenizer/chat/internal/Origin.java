package io.github.lora4j.tokenizer.chat.internal;

/**
 * Where characters came from.
 *
 * @param message index of the message they were copied from; -1 for what the template wrote itself
 * @param path place in that message, such as content or content/0/text; empty for what the template wrote itself
 * @param turn index of the message in whose turn they were written; -1 outside of the loop over messages
 * @param generation number of the generation block that they were written in; -1 for none
 */
record Origin(int message, String path, int turn, int generation) {

  /** The template's own. */
  static final Origin LITERAL = new Origin(-1, "", -1, -1);

  static Origin field(int message, String path) {
    return new Origin(message, path, -1, -1);
  }

  boolean literal() {
    return message < 0;
  }

  /** A member of what lies here. */
  Origin member(String key) {
    return literal() ? this : new Origin(message, path.isEmpty() ? key : path + '/' + key, turn, generation);
  }

  /** As written now: in the current turn, if there is one, and in the current generation block, if there is one. */
  Origin written(int currentTurn, int currentGeneration) {
    int newTurn = currentTurn >= 0 ? currentTurn : turn;
    int newGeneration = currentGeneration >= 0 ? currentGeneration : generation;
    return newTurn == turn && newGeneration == generation ? this : new Origin(message, path, newTurn, newGeneration);
  }
}
