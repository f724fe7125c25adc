package io.github.lora4j.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.train.AnsweringRun;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.scores.TextScore;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What {@code lora4j eval --generate} does: answers to a file's questions, compared with its references. */
final class GeneratedAnswers {

  private static final ObjectMapper JSON = new ObjectMapper();
  /** Tokens of an answer at most, if nobody says. */
  static final int NEW_TOKENS = 256;

  private static final String FILE = "generations.jsonl";

  private final List<Question> questions = new ArrayList<>();
  private final List<List<String>> references = new ArrayList<>();
  private final Map<String, List<Completion>> answers = new LinkedHashMap<>();

  /**
   * Rows with one prompt are one question with several references.
   *
   * @param limit questions at most; 0: all
   */
  GeneratedAnswers(List<Question> rows, int limit) {
    Map<List<Integer>, Integer> places = new LinkedHashMap<>();
    for (Question row : rows) {
      if (row.reference().isBlank()) {
        throw new FormatException("%s: no reference, or an empty one, to compare an answer with".formatted(row.where()));
      }
      Integer place = places.get(row.prompt());
      if (place == null && (limit == 0 || questions.size() < limit)) {
        places.put(row.prompt(), questions.size());
        questions.add(row);
        references.add(new ArrayList<>(List.of(row.reference())));
      } else if (place != null) {
        references.get(place).add(row.reference());
      }
    }
  }

  /** The metrics that were asked for. */
  static List<TextScore> scores(List<String> names) {
    return names.stream().map(TextScore::named).toList();
  }

  /** Settings given as NAME=VALUE, values as JSON or plain text. */
  static Map<String, Object> settings(List<String> given, int newTokens) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("max_new_tokens", newTokens);
    for (String setting : given) {
      int equals = setting.indexOf('=');
      if (equals < 1) {
        throw new ConfigException("--set %s: expected NAME=VALUE, for example temperature=0.7".formatted(setting));
      }
      settings.put(setting.substring(0, equals), value(setting.substring(equals + 1)));
    }
    return settings;
  }

  private static Object value(String text) {
    try {
      return JSON.readValue(text, Object.class);
    } catch (JsonProcessingException e) {
      return text; // a text without quotes
    }
  }

  /** Answers all questions, and measures the answers. */
  Map<String, Double> measure(String name, AnsweringRun run, Map<String, Object> settings, List<TextScore> scores) {
    List<Completion> given = run.answer(questions, settings);
    answers.put(name, given);
    Map<String, Double> metrics = new LinkedHashMap<>();
    List<String> texts = given.stream().map(Completion::text).toList();
    scores.forEach(score -> metrics.putAll(score.of(texts, references)));
    return metrics;
  }

  /** What the numbers mean and what is odd about the answers. */
  List<String> notes(List<TextScore> scores) {
    List<String> notes = new ArrayList<>();
    scores.forEach(score -> notes.add(score.name() + ": " + score.definition(references)));
    notes.add("%,d questions, %,d references".formatted(questions.size(), references.stream().mapToInt(List::size).sum()));
    answers.forEach((name, given) -> {
      long cut = given.stream().filter(answer -> answer.reason() == FinishReason.LENGTH).count();
      long full = given.stream().filter(answer -> answer.reason() == FinishReason.CONTEXT).count();
      if (cut > 0) {
        notes.add("%s: %,d of %,d answers were not ended after as many tokens as they may have".formatted(name, cut, given.size()));
      }
      if (full > 0) {
        notes.add("%s: %,d of %,d answers ended where the model's positions do".formatted(name, full, given.size()));
      }
    });
    return notes;
  }

  /** Writes all answers; returns the file. */
  Path write(Path run) {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < questions.size(); i++) {
      ObjectNode node = JSON.createObjectNode().put("prompt", questions.get(i).text());
      node.set("references", JSON.valueToTree(references.get(i)));
      int at = i;
      answers.forEach((name, given) -> {
        String prefix = name.equals("adapter") ? "" : name + "_";
        Completion answer = given.get(at);
        node.put(prefix + "answer", answer.text()).put(prefix + "finish_reason", answer.reason().name().toLowerCase(Locale.ROOT))
            .put(prefix + "new_tokens", answer.sequence().generatedCount());
      });
      lines.append(node).append('\n');
    }
    Path file = run.resolve(FILE);
    AtomicFiles.text(file, lines.toString());
    return file;
  }
}
