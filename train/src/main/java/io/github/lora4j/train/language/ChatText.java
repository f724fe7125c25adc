package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.CausalLm;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.rows.Message;
import io.github.lora4j.train.rows.Turns;
import io.github.lora4j.train.tasks.AnsweringTask;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Supervised fine-tuning: what the assistant says is learnt, with the end of its turn, and nothing of the rest. Rows are conversations, prompts
 * with their completions, or instructions.
 *
 * @param trainOn which answers are learnt
 * @param writing how conversations are written
 */
public record ChatText(@Meaning("What is learnt: all answers of the assistant, the last one, or the whole text.") String trainOn, Writing writing,
    @Meaning(CausalText.LONG_ROWS) String longRows, @Meaning(CausalText.TOKEN_LOSS) String tokenLoss) implements AnsweringTask {

  /** The defaults. */
  public ChatText() {
    this("all", new Writing(), "truncate", "nll");
  }

  /** Checks the names. */
  public ChatText {
    if (!List.of("all", "last", "text").contains(trainOn)) {
      throw new ConfigException("train_on must be all, last or text, got \"%s\"".formatted(trainOn));
    }
    LongRows.named(longRows);
    CausalText.loss(tokenLoss);
  }

  @Override
  public String name() {
    return "chat";
  }

  @Override
  public boolean typedRows() {
    return true;
  }

  @Override
  public boolean writes() {
    return true;
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    return List.of();
  }

  @Override
  public TrainingTask settled(ModelDirectory model) {
    return new ChatText(trainOn, writing.settled(model), longRows, tokenLoss);
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new CausalLm(model.architecture(), CausalText.loss(tokenLoss));
  }

  @Override
  public Example example(Row row, RowReader reader) {
    return Contents.only(examples(row, reader), row, reader);
  }

  @Override
  public List<Example> examples(Row row, RowReader reader) {
    return marked(row, reader).examples(LongRows.named(longRows), reader.maxLength());
  }

  private Marked marked(Row row, RowReader reader) {
    return switch (Contents.of(row, reader)) {
      case Content.Conversation conversation -> conversation(conversation.messages(), conversation.tools(), 0, row, reader);
      case Content.Instruction instruction -> writing.plain() ? plain(Alpaca.prompt(instruction), instruction.output(), row, reader)
          : conversation(instruction.conversation().messages(), List.of(), 0, row, reader);
      case Content.Answer answer when writing.plain() && answer.prompt() instanceof Turns.Plain prompt
          && answer.answer() instanceof Turns.Plain text ->
          plain(prompt.text(), text.text(), row, reader);
      case Content.Answer answer -> {
        List<Message> before = answer.prompt().messages("user");
        List<Message> all = new ArrayList<>(before);
        all.addAll(answer.answer().messages("assistant"));
        yield conversation(all, List.of(), before.size(), row, reader);
      }
      case Content.Text text -> throw Contents.wrong(row, reader, name(), "conversations, prompts with completions and instructions");
      case Content.Preference preference -> throw Contents.wrong(row, reader, name(), "conversations, prompts with completions and instructions");
      case Content.Verdict verdict -> throw Contents.wrong(row, reader, name(), "conversations, prompts with completions and instructions");
    };
  }

  private Marked plain(String prompt, String answer, Row row, RowReader reader) {
    return writing.text(prompt, answer, trainOn.equals("text"), row, reader);
  }

  private Marked conversation(List<Message> messages, List<Object> tools, int from, Row row, RowReader reader) {
    if (writing.plain()) {
      throw reader.wrong(row, "messages cannot be written without a chat template (chat_template: none)");
    }
    return trainOn.equals("text") ? writing.everything(messages, tools, row, reader)
        : writing.conversation(messages, tools, from, trainOn.equals("last"), row, reader);
  }

  @Override
  public Question question(Row row, RowReader reader) {
    return switch (Contents.of(row, reader)) {
      case Content.Text text when writing.plain() -> Writing.continued(text.text(), "", row, reader);
      case Content.Text text -> writing.asked(List.of(Message.of("user", text.text())), List.of(), "", row, reader);
      case Content.Conversation conversation -> question(conversation, row, reader);
      case Content.Instruction instruction -> writing.plain() ? Writing.continued(Alpaca.prompt(instruction), instruction.output(), row, reader)
          : question(instruction.conversation(), row, reader);
      case Content.Answer answer when writing.plain() && answer.prompt() instanceof Turns.Plain prompt
          && answer.answer() instanceof Turns.Plain text ->
          Writing.continued(prompt.text(), text.text(), row, reader);
      case Content.Answer answer -> writing.asked(answer.prompt().messages("user"), List.of(), answer.answer().messages("assistant").stream()
          .filter(Message::ofAssistant).map(Message::content).findFirst().orElse(""), row, reader);
      case Content.Preference preference -> throw Contents.wrong(row, reader, name(), "conversations, prompts with completions and instructions");
      case Content.Verdict verdict -> throw Contents.wrong(row, reader, name(), "conversations, prompts with completions and instructions");
    };
  }

  /** The last answer is the reference; a conversation without one is the question. */
  private Question question(Content.Conversation conversation, Row row, RowReader reader) {
    List<Message> messages = conversation.messages();
    int last = messages.size() - 1;
    while (last > 0 && !messages.get(last).ofAssistant()) {
      last--;
    }
    return last > 0 ? writing.asked(messages.subList(0, last), conversation.tools(), messages.get(last).content(), row, reader)
        : writing.asked(messages, conversation.tools(), "", row, reader);
  }

  @Override
  public Map<String, Double> ofLoss(double loss) {
    return tokenLoss.equals("nll") ? TextMetrics.perplexity(loss) : Map.of();
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return TextMetrics.accuracy(judged);
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return TextMetrics.none(name());
  }
}
