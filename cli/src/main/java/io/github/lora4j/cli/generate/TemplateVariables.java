package io.github.lora4j.cli.generate;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.train.language.Writing;
import io.github.lora4j.vector.ConfigException;
import java.io.PrintWriter;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What a chat template is given beside messages: from the command line, or else as the adapter was trained. */
final class TemplateVariables {

  @Option(names = "--chat-template-kwargs", paramLabel = "MAP",
      description = "Variables of the chat template, such as '{enable_thinking: false}' (default: those that the adapter was trained with).")
  private String variables;

  @Option(names = "--template-date", paramLabel = "DAY",
      description = "The day that a chat template prints, such as 2026-07-26 (default: the one that the adapter was trained with, or today).")
  private String date;

  /** The variables and the day. */
  record Chosen(Map<String, Object> variables, String date) {
    /** A conversation with them. */
    Chat on(Chat chat) {
      Chat with = Writing.with(chat, variables);
      return date.isEmpty() ? with : with.withNow(LocalDate.parse(date).atStartOfDay());
    }
  }

  /**
   * What is given to the template, saying where an adapter was trained with something else.
   *
   * @param trained how the adapters' training wrote conversations, by adapter
   */
  Chosen choose(Map<String, OpenModel.TrainedTemplate> trained, PrintWriter out) {
    Optional<OpenModel.TrainedTemplate> first = trained.values().stream().findFirst();
    Map<String, Object> chosen = Optional.ofNullable(variables).map(TemplateVariables::parsed)
        .or(() -> first.map(OpenModel.TrainedTemplate::variables)).orElse(Map.of());
    String day = Optional.ofNullable(date).map(TemplateVariables::day).or(() -> first.map(OpenModel.TrainedTemplate::date)).orElse("");
    trained.forEach((name, template) -> {
      if (!template.variables().equals(chosen)) {
        out.printf("note: adapter '%s' was trained with chat_template_kwargs: %s, here they are %s%n", name, template.variables(), chosen);
      }
      if (!template.date().isEmpty() && !template.date().equals(day)) {
        out.printf("note: adapter '%s' was trained with template_date: %s, here it is %s%n", name, template.date(), day);
      }
    });
    return new Chosen(chosen, day);
  }

  private static Map<String, Object> parsed(String text) {
    try {
      return new ObjectMapper(new YAMLFactory()).readValue(text, new TypeReference<Map<String, Object>>() { });
    } catch (JacksonException e) {
      throw new ConfigException("--chat-template-kwargs must be names with values, such as '{enable_thinking: false}', got %s".formatted(text), e);
    }
  }

  private static String day(String text) {
    try {
      return LocalDate.parse(text).toString();
    } catch (DateTimeParseException e) {
      throw new ConfigException("--template-date must be a day such as 2026-07-26, got %s".formatted(text), e);
    }
  }
}
