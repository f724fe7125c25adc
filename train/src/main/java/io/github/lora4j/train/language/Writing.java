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
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.rows.Message;
import io.github.lora4j.train.rows.Turns;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How prompts and answers are written as text: by a chat template, or one behind the other.
 *
 * @param chatTemplate empty for the model's own, "none" for plain text, the name of another of the model's, or a file
 * @param templateDate the day that a template prints, if it prints one
 * @param templateHash of the template an adapter was trained with; empty if that is not known yet
 * @param chatTemplateKwargs variables of the template
 * @param allowLostContent whether a template may leave out content of messages
 */
public record Writing(
    @Meaning("How conversations are written: a file, or the name of one of the model's templates; the model's own if not given; none writes prompts "
        + "and completions one behind the other, and instructions as Alpaca does.") String chatTemplate,
    @Meaning("The day that a chat template prints, such as 2026-07-26.") String templateDate,
    @Meaning("Variables that a chat template reads, such as {enable_thinking: false}.") Map<String, Object> chatTemplateKwargs,
    @Meaning("SHA-256 of the chat template, written by training: another template is refused.") String templateHash,
    @Meaning("Whether a chat template may leave out content of messages, such as thoughts of earlier turns.") boolean allowLostContent) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NONE = "none";
  private static final Set<String> GIVEN = Set.of("messages", "tools", "documents", "add_generation_prompt", "continue_final_message");

  /** Plain text. */
  static final Writing PLAIN = new Writing(NONE, "", Map.of(), "", false);

  /** By the model's own template. */
  public Writing() {
    this("", "", Map.of(), "", false);
  }

  /** Checks the day and the variables. */
  public Writing {
    chatTemplateKwargs = Collections.unmodifiableMap(new LinkedHashMap<>(chatTemplateKwargs));
    chatTemplateKwargs.keySet().forEach(name -> {
      if (GIVEN.contains(name)) {
        throw new ConfigException("chat_template_kwargs: %s comes from the data, it is no variable to be set".formatted(name));
      }
    });
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
    ModelTexts texts = ModelTexts.of(model.path());
    String now = plain() ? NONE : hash(texts.template(chatTemplate, false));
    if (!chatTemplateKwargs.isEmpty()) {
      read(plain() ? List.of() : texts.templates(chatTemplate), chatTemplateKwargs.keySet());
    }
    if (!templateHash.isEmpty() && !templateHash.equals(now)) {
      throw new ConfigException(("the chat template has changed: the adapter was trained with the one of SHA-256 %s, %s has the one of %s. Give the "
          + "old one by chat_template: FILE").formatted(templateHash, plain() ? "the recipe" : model.path(), now));
    }
    return new Writing(chatTemplate, templateDate, chatTemplateKwargs, now, allowLostContent);
  }

  /**
   * Checks that templates read variables.
   *
   * @throws ConfigException naming one that none of them reads: a name that is misspelt would change nothing
   */
  public static void read(List<ChatTemplate> templates, Collection<String> variables) {
    for (String variable : variables) {
      if (templates.stream().noneMatch(template -> Pattern.compile("\\b" + Pattern.quote(variable) + "\\b").matcher(template.source()).find())) {
        throw new ConfigException("chat_template_kwargs: " + (templates.isEmpty() ? "there is no chat template (chat_template: none) to read them"
            : "the chat template does not read %s, so it would change nothing".formatted(Names.printable(variable))));
      }
    }
  }

  /** A conversation with variables for its template. */
  public static Chat with(Chat chat, Map<String, Object> variables) {
    Chat with = chat;
    for (Map.Entry<String, Object> variable : variables.entrySet()) {
      with = with.withVariable(variable.getKey(), JSON.valueToTree(variable.getValue()));
    }
    return with;
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
    String text = render(before, tools, Chat.Ending.GENERATION_PROMPT, row, reader).text();
    String shown = before.size() == 1 ? before.getFirst().content() : before.stream().map(message -> message.role() + ": " + message.content())
        .collect(Collectors.joining("\n"));
    return new Question(DataFile.place(reader.file(), row.line()), Arrays.stream(reader.tokenizer().encode(text, false).ids()).boxed().toList(),
        shown, reference);
  }

  /** A text to go on from; the end token that a tokenizer may put behind it is left off. */
  static Question continued(String prompt, String reference, Row row, RowReader reader) {
    int[] ids = reader.tokenizer().encode(prompt, true).ids();
    OptionalInt end = reader.texts().end(reader.tokenizer());
    boolean ended = ids.length > 0 && end.isPresent() && ids[ids.length - 1] == end.getAsInt();
    return new Question(DataFile.place(reader.file(), row.line()), Arrays.stream(ids, 0, ids.length - (ended ? 1 : 0)).boxed().toList(), prompt,
        reference);
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
    float weight = Contents.weight(row);
    Marked marked = everything ? Marked.all(encoding, weight)
        : Marked.of(encoding, List.of(new Marked.Learnt(new Span(prompt.length(), prompt.length() + answer.length()), weight)));
    OptionalInt end = reader.texts().end(reader.tokenizer());
    if (end.isEmpty()) {
      throw reader.wrong(row, "nothing says which token ends a text: neither eos_token in tokenizer_config.json nor eos_token_id in config.json");
    }
    return marked.ended(end.getAsInt(), weight);
  }

  /**
   * A conversation; learnt is what the assistant says.
   *
   * @param from index of the first message that is learnt
   * @param last whether only the last answer is
   */
  Marked conversation(List<Message> messages, List<Object> tools, int from, boolean last, Row row, RowReader reader) {
    Rendered rendered = render(messages, tools, Chat.Ending.COMPLETE, row, reader);
    List<Answer> learnt = rendered.answers().stream()
        .filter(answer -> answer.message() >= from && messages.get(answer.message()).weight() > 0).toList();
    if (learnt.isEmpty()) {
      throw reader.wrong(row, "nothing to learn: the conversation has no answer of the assistant with a weight");
    }
    if (last) {
      learnt = List.of(learnt.getLast());
    }
    boolean marks = reader.texts().template(chatTemplate, !tools.isEmpty()).marksAnswers();
    Marked marked = encode(rendered, marks ? marked(rendered, messages, learnt, row, reader)
        : learnt.stream().map(answer -> new Marked.Learnt(new Span(answer.start(), answer.end()),
        (float) (messages.get(answer.message()).weight() * Contents.weight(row)))).toList(), row, reader);
    ends(messages, learnt.getLast(), marked, row, reader);
    return marked;
  }

  /** The parts that the template marks, of the answers that are learnt. */
  private List<Marked.Learnt> marked(Rendered rendered, List<Message> messages, List<Answer> learnt, Row row, RowReader reader) {
    Marks marks = Marks.of(rendered, messages);
    if (marks.problem().isPresent() && !allowLostContent) {
      throw reader.wrong(row, marks.problem().get());
    }
    marks.difference().ifPresent(reader.notes()::add);
    return marks.spans().stream().filter(span -> learnt.stream().anyMatch(answer -> answer.message() == span.message()))
        .map(span -> new Marked.Learnt(span.span(), (float) (messages.get(span.message()).weight() * Contents.weight(row)))).toList();
  }

  /** A conversation of which everything is learnt. */
  Marked everything(List<Message> messages, List<Object> tools, Row row, RowReader reader) {
    Rendered rendered = render(messages, tools, Chat.Ending.COMPLETE, row, reader);
    return encode(rendered, List.of(new Marked.Learnt(new Span(0, rendered.text().length()), Contents.weight(row))), row, reader);
  }

  private Rendered render(List<Message> messages, List<Object> tools, Chat.Ending ending, Row row, RowReader reader) {
    ChatTemplate of = reader.texts().template(chatTemplate, !tools.isEmpty());
    Chat chat = with(Chat.of(messages.stream().map(message -> (JsonNode) JSON.valueToTree(message.fields())).toList())
        .withTools(tools.stream().map(tool -> (JsonNode) JSON.valueToTree(tool)).toList()).withSpecialTokens(reader.texts().specialTokens())
        .withEnding(ending), chatTemplateKwargs);
    try {
      return of.render(templateDate.isEmpty() ? chat : chat.withNow(LocalDate.parse(templateDate).atStartOfDay()));
    } catch (ConfigException e) {
      throw new ConfigException(DataFile.place(reader.file(), row.line()) + ": " + e.getMessage(), e);
    } catch (FormatException e) {
      throw new FormatException(DataFile.place(reader.file(), row.line()) + ": " + e.getMessage(), e);
    }
  }

  private Marked encode(Rendered rendered, List<Marked.Learnt> spans, Row row, RowReader reader) {
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
      if (marked.weights()[t] > 0 && reader.texts().ends().contains(marked.ids()[t])) {
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
