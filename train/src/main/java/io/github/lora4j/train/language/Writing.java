package io.github.lora4j.train.language;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.chat.Answer;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.tokenizer.chat.Missing;
import io.github.lora4j.tokenizer.chat.Rendered;
import io.github.lora4j.tokenizer.chat.Span;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.rows.Message;
import io.github.lora4j.train.rows.Turns;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/**
 * How prompts and answers are written as text: by a chat template, or one behind the other.
 *
 * @param chatTemplate empty for the model's own, "none" for plain text, the name of another of the model's, or a file
 * @param templateDate the day that a template prints, if it prints one
 * @param templateHash of the template an adapter was trained with; empty if that is not known yet
 * @param allowLostContent whether a template may leave out content of messages
 */
public record Writing(
    @Meaning("How conversations are written: a file, or the name of one of the model's templates; the model's own if not given; none writes prompts "
        + "and "
        + "completions one behind the other, and instructions as Alpaca does.") String chatTemplate,
    @Meaning("The day that a chat template prints, such as 2026-07-26.") String templateDate,
    @Meaning("SHA-256 of the chat template, written by training: another template is refused.") String templateHash,
    @Meaning("Whether a chat template may leave out content of messages, such as thoughts of earlier turns.") boolean allowLostContent) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NONE = "none";

  /** Plain text. */
  static final Writing PLAIN = new Writing(NONE, "", "", false);

  /** By the model's own template. */
  public Writing() {
    this("", "", "", false);
  }

  /** Checks the day. */
  public Writing {
    if (!templateDate.isEmpty()) {
      try {
        LocalDate.parse(templateDate);
      } catch (DateTimeParseException e) {
        throw new ConfigException("template_date must be a day such as 2026-07-26, got \"%s\"".formatted(templateDate), e);
      }
    }
  }

  boolean plain() {
    return chatTemplate.equals(NONE);
  }

  /**
   * The same with the template's hash; "none" for plain text.
   *
   * @throws ConfigException when it is not the one that an adapter was trained with
   */
  Writing settled(ModelDirectory model) {
    String now = plain() ? NONE : hash(ModelTexts.of(model.path()).template(chatTemplate, false));
    if (!templateHash.isEmpty() && !templateHash.equals(now)) {
      throw new ConfigException(("the chat template has changed: the adapter was trained with the one of SHA-256 %s, %s has the one of %s. Give the "
          + "old one by chat_template: FILE").formatted(templateHash, plain() ? "the recipe" : model.path(), now));
    }
    return new Writing(chatTemplate, templateDate, now, allowLostContent);
  }

  /** SHA-256 of a template's source, as {@code template_hash} keeps it. */
  public static String hash(ChatTemplate template) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(template.source().getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * A prompt with an answer.
   *
   * @param tools for the template
   */
  Marked answer(Turns prompt, Turns answer, List<Object> tools, Row row, RowReader reader) {
    if (plain()) {
      return text(text(prompt, row, reader), text(answer, row, reader), false, row, reader);
    }
    List<Message> before = prompt.messages("user");
    List<Message> all = new ArrayList<>(before);
    all.addAll(answer.messages("assistant"));
    return conversation(all, tools, before.size(), false, row, reader);
  }

  /** A prompt of messages, written up to where the assistant's answer begins. */
  Question asked(List<Message> before, List<Object> tools, String reference, Row row, RowReader reader) {
    if (plain()) {
      throw reader.wrong(row, "messages cannot be written without a chat template (chat_template: none)");
    }
    String text = render(before, tools, Chat.Ending.GENERATION_PROMPT, reader).text();
    String shown = before.size() == 1 ? before.getFirst().content() : before.stream().map(message -> message.role() + ": " + message.content())
        .collect(Collectors.joining("\n"));
    return new Question("%s, line %d".formatted(reader.file(), row.line()), Arrays.stream(reader.tokenizer().encode(text,
        false).ids()).boxed().toList(), shown, reference);
  }

  /** A text to go on from; the end token that a tokenizer may put behind it is left off. */
  static Question continued(String prompt, String reference, Row row, RowReader reader) {
    int[] ids = reader.tokenizer().encode(prompt, true).ids();
    OptionalInt end = reader.texts().end(reader.tokenizer());
    boolean ended = ids.length > 0 && end.isPresent() && ids[ids.length - 1] == end.getAsInt();
    return new Question("%s, line %d".formatted(reader.file(), row.line()), Arrays.stream(ids, 0, ids.length - (ended ? 1 : 0)).boxed().toList(),
        prompt, reference);
  }

  private static String text(Turns turns, Row row, RowReader reader) {
    return switch (turns) {
      case Turns.Plain plain -> plain.text();
      case Turns.Messages messages -> throw reader.wrong(row, "messages cannot be written without a chat template (chat_template: none)");
    };
  }

  /**
   * A prompt and its answer as one text that ends with the model's end token.
   *
   * @param everything learn the prompt, too
   */
  Marked text(String prompt, String answer, boolean everything, Row row, RowReader reader) {
    var encoding = reader.tokenizer().encode(prompt + answer, true);
    Marked marked = everything ? Marked.all(encoding) : Marked.of(encoding, List.of(new Span(prompt.length(), prompt.length() + answer.length())));
    OptionalInt end = reader.texts().end(reader.tokenizer());
    if (end.isEmpty()) {
      throw reader.wrong(row, "nothing says which token ends a text: neither eos_token in tokenizer_config.json nor eos_token_id in config.json");
    }
    return marked.ended(end.getAsInt());
  }

  /**
   * A conversation; learnt is what the assistant says.
   *
   * @param from index of the first message that is learnt
   * @param last whether only the last answer is
   */
  Marked conversation(List<Message> messages, List<Object> tools, int from, boolean last, Row row, RowReader reader) {
    Rendered rendered = render(messages, tools, reader);
    List<Answer> learnt = rendered.answers().stream().filter(answer -> answer.message() >= from && messages.get(answer.message()).trains()).toList();
    if (learnt.isEmpty()) {
      throw reader.wrong(row, "nothing to learn: the conversation has no answer of the assistant with a weight");
    }
    if (last) {
      learnt = List.of(learnt.getLast());
    }
    Marked marked = encode(rendered, learnt.stream().map(answer -> new Span(answer.start(), answer.end())).toList(), row, reader);
    ends(messages, learnt.getLast(), marked, row, reader);
    return marked;
  }

  /** A conversation of which everything is learnt. */
  Marked everything(List<Message> messages, List<Object> tools, Row row, RowReader reader) {
    Rendered rendered = render(messages, tools, reader);
    return encode(rendered, List.of(new Span(0, rendered.text().length())), row, reader);
  }

  private Rendered render(List<Message> messages, List<Object> tools, RowReader reader) {
    return render(messages, tools, Chat.Ending.COMPLETE, reader);
  }

  private Rendered render(List<Message> messages, List<Object> tools, Chat.Ending ending, RowReader reader) {
    ChatTemplate of = reader.texts().template(chatTemplate, !tools.isEmpty());
    Chat chat = Chat.of(messages.stream().map(message -> (JsonNode) JSON.valueToTree(message.fields())).toList())
        .withTools(tools.stream().map(tool -> (JsonNode) JSON.valueToTree(tool)).toList()).withSpecialTokens(reader.texts().specialTokens())
        .withEnding(ending);
    return of.render(templateDate.isEmpty() ? chat : chat.withNow(LocalDate.parse(templateDate).atStartOfDay()));
  }

  private Marked encode(Rendered rendered, List<Span> spans, Row row, RowReader reader) {
    if (!allowLostContent && !rendered.missing().isEmpty()) {
      Missing missing = rendered.missing().getFirst();
      throw reader.wrong(row, ("the chat template leaves out %s of message %d: \"%s\". Change the data or the template, or allow it by "
          + "allow_lost_content: true").formatted(missing.field(), missing.message() + 1, shown(missing.text())));
    }
    Marked marked = Marked.of(reader.tokenizer().encode(rendered.text(), false), spans);
    OptionalInt begin = reader.texts().begin(reader.tokenizer());
    if (begin.isPresent() && marked.ids().length > 1 && marked.ids()[0] == begin.getAsInt() && marked.ids()[1] == begin.getAsInt()) {
      throw reader.wrong(row, "the text begins with two %s; one of them is in the first message, take it out".formatted(
          reader.tokenizer().token(begin.getAsInt())));
    }
    if (marked.learnt() == 0) {
      throw reader.wrong(row, "no token to learn: the assistant says nothing");
    }
    return marked;
  }

  /** A model that never sees an end never learns to end. */
  private static void ends(List<Message> messages, Answer answer, Marked marked, Row row, RowReader reader) {
    if (reader.texts().ends().isEmpty() || answer.message() != messages.size() - 1) {
      return;
    }
    for (int t = 0; t < marked.ids().length; t++) {
      if (marked.counted()[t] && reader.texts().ends().contains(marked.ids()[t])) {
        return;
      }
    }
    throw reader.wrong(row,
        "the chat template writes no end token behind the last answer, so the model would not learn to stop: generation_config.json "
        + "stops at %s".formatted(reader.texts().ends().stream().map(reader.tokenizer()::token).toList()));
  }

  private static String shown(String text) {
    String printable = Names.printable(text);
    return printable.length() > 60 ? printable.substring(0, 60) + "…" : printable;
  }
}
