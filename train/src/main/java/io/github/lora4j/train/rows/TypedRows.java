package io.github.lora4j.train.rows;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads the rows of one file: its first row says which format they have. */
public final class TypedRows {

  private final List<RowFormat> wanted;
  private final Map<String, String> columns;
  private final Messages messages;
  private @Nullable RowFormat format;

  /**
   * Starts a file.
   *
   * @param wanted the formats that rows may have; empty: found by the columns
   * @param columns names of columns as they should be, to those that the file has
   * @param roles names of roles as they occur, to those of templates
   */
  public TypedRows(List<RowFormat> wanted, Map<String, String> columns, Map<String, String> roles) {
    this.wanted = List.copyOf(wanted);
    this.columns = columns;
    messages = new Messages(roles);
  }

  /**
   * Reads a row.
   *
   * @param where file and line, for messages
   * @param values its columns as JSON values
   * @throws FormatException naming the place, and the nearest format where none fits
   */
  public TypedRow read(String where, Map<String, Object> values) {
    Fields row = renamed(where, values);
    RowFormat of = format;
    if (of == null) {
      of = find(row);
      format = of;
    }
    List<String> lacking = of.needed().stream().filter(name -> !row.has(name)).toList();
    if (!lacking.isEmpty()) {
      throw row.wrong("no %s, which rows of %s need (data.format: %s); the columns are %s".formatted(quoted(lacking), of.words(), of.key(),
          list(row)));
    }
    return new TypedRow(of, content(of, row), of.unused(row.values().keySet()));
  }

  private Fields renamed(String where, Map<String, Object> values) {
    if (columns.isEmpty()) {
      return new Fields(where, values);
    }
    Map<String, Object> renamed = new LinkedHashMap<>(values);
    columns.forEach((ours, theirs) -> {
      if (!values.containsKey(theirs)) {
        throw new FormatException("%s: no \"%s\", which data.columns names; the columns are %s".formatted(where, Names.printable(theirs),
            list(new Fields(where, values))));
      }
      renamed.remove(theirs);
      renamed.put(ours, values.get(theirs));
    });
    return new Fields(where, renamed);
  }

  private RowFormat find(Fields row) {
    List<String> there = row.values().keySet().stream().filter(row::has).toList();
    if (!wanted.isEmpty()) {
      return wanted.stream().filter(one -> there.containsAll(one.needed())).findFirst().orElse(wanted.getFirst());
    }
    return RowFormat.of(there).orElseThrow(() -> row.wrong(("the columns %s are of no known format; nearest is %s. Rename them by data.columns: "
        + "[NAME=COLUMN], or see docs/data-formats.md").formatted(list(row), RowFormat.nearest(there))));
  }

  private Content content(RowFormat of, Fields row) {
    return switch (of) {
      case TEXT -> new Content.Text(row.text("text"));
      case PROMPT_COMPLETION -> new Content.Answer(turns(row, "prompt"), turns(row, "completion"));
      case KTO -> new Content.Verdict(turns(row, "prompt"), turns(row, "completion"), row.yes("label"));
      case ALPACA -> new Content.Instruction(row.text("instruction"), row.optional("input"), row.text("output"), row.optional("system"),
          history(row));
      case MESSAGES -> new Content.Conversation(messages.of(row, "messages"), row.optionalList("tools"));
      case SHAREGPT -> shareGpt(row);
      case KTO_MESSAGES -> verdict(row, messages.of(row, "messages"));
      case PREFERENCE -> preference(row);
    };
  }

  private Content shareGpt(Fields row) {
    List<Message> all = withSystem(row, messages.of(row, "conversations"));
    return row.has("kto_tag") ? verdict(row, all) : new Content.Conversation(all, row.optionalList("tools"));
  }

  private static List<Message> withSystem(Fields row, List<Message> messages) {
    List<Message> all = new ArrayList<>(messages);
    if (!row.optional("system").isEmpty()) {
      all.addFirst(Message.of("system", row.text("system")));
    }
    return all;
  }

  private static Content verdict(Fields row, List<Message> all) {
    if (all.size() < 2 || !all.getLast().ofAssistant()) {
      throw row.wrong("the last message must be the assistant's, and one before it, for kto_tag to judge it");
    }
    return new Content.Verdict(new Turns.Messages(all.subList(0, all.size() - 1)), new Turns.Messages(List.of(all.getLast())), row.yes("kto_tag"));
  }

  private static List<List<String>> history(Fields row) {
    List<List<String>> turns = new ArrayList<>();
    for (Object turn : row.optionalList("history")) {
      if (!(turn instanceof List<?> pair) || pair.size() != 2 || !pair.stream().allMatch(String.class::isInstance)) {
        throw row.wrong("\"history\" must be a list of [question, answer], got %s".formatted(Fields.shown(turn)));
      }
      turns.add(List.of((String) pair.getFirst(), (String) pair.getLast()));
    }
    return turns;
  }

  private Turns turns(Fields row, String column) {
    return row.holdsList(column) ? new Turns.Messages(messages.of(row, column)) : new Turns.Plain(row.text(column));
  }

  private Content preference(Fields row) {
    Turns chosen = answer(row, "chosen");
    Turns rejected = answer(row, "rejected");
    if (chosen.getClass() != rejected.getClass()) {
      throw row.wrong("one of \"chosen\" and \"rejected\" is text, the other messages");
    }
    if (row.has("messages") || row.has("conversations")) {
      return new Content.Preference(new Turns.Messages(withSystem(row, messages.of(row, row.has("messages") ? "messages" : "conversations"))), chosen,
          rejected);
    }
    Optional<Turns> prompt = row.has("prompt") ? Optional.of(turns(row, "prompt")) : row.has("question") ? Optional.of(turns(row, "question"))
        : row.has("instruction") ? Optional.of(new Turns.Plain(new Content.Instruction(row.text("instruction"), row.optional("input"), "", "",
            List.of()).question())) : Optional.empty();
    return new Pairs(row, prompt).of(chosen, rejected);
  }

  private Turns answer(Fields row, String column) {
    return row.get(column) instanceof Map<?, ?> || row.holdsList(column) ? new Turns.Messages(messages.several(row, column))
        : new Turns.Plain(row.text(column));
  }

  private static String quoted(List<String> names) {
    return "\"" + String.join("\", \"", names) + "\"";
  }

  private static String list(Fields row) {
    return "[" + Names.list(List.copyOf(row.values().keySet())) + "]";
  }
}
