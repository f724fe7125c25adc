package io.github.lora4j.train.rows;

import java.util.List;
import java.util.Optional;

/** Prompts of preference pairs, which may be said, or be the common beginning of both answers. */
record Pairs(Fields row, Optional<Turns> prompt) {

  Content.Preference of(Turns chosen, Turns rejected) {
    if (chosen instanceof Turns.Messages good && rejected instanceof Turns.Messages bad) {
      return ofMessages(good.messages(), bad.messages());
    }
    if (prompt.isPresent()) {
      return new Content.Preference(prompt.get(), chosen, rejected);
    }
    String good = ((Turns.Plain) chosen).text();
    String bad = ((Turns.Plain) rejected).text();
    int common = 0;
    while (common < Math.min(good.length(), bad.length()) && good.charAt(common) == bad.charAt(common)) {
      common++;
    }
    // A word that both answers begin with belongs to the answers, and so does the blank before it.
    int cut = good.lastIndexOf(' ', Math.max(0, common - 1));
    int end = common < good.length() && good.charAt(common) == ' ' ? common : Math.max(cut, 0);
    end = Math.max(end, good.lastIndexOf('\n', Math.max(0, common - 1)) + 1);
    if (end == 0 || common == good.length() || common == bad.length()) {
      throw row.wrong("without a \"prompt\", \"chosen\" and \"rejected\" must begin with the same text and then differ");
    }
    return new Content.Preference(new Turns.Plain(good.substring(0, end)), new Turns.Plain(good.substring(end)), new Turns.Plain(bad.substring(end)));
  }

  private Content.Preference ofMessages(List<Message> good, List<Message> bad) {
    int common = 0;
    while (common < Math.min(good.size(), bad.size()) && good.get(common).equals(bad.get(common))) {
      common++;
    }
    if (common == good.size() || common == bad.size()) {
      throw row.wrong("\"chosen\" and \"rejected\" are the same, or one goes on where the other ends");
    }
    Turns chosen = new Turns.Messages(good.subList(common, good.size()));
    Turns rejected = new Turns.Messages(bad.subList(common, bad.size()));
    if (!good.get(common).ofAssistant() || !bad.get(common).ofAssistant()) {
      throw row.wrong("\"chosen\" and \"rejected\" must differ in an answer of the assistant first, not in a message of role \"%s\""
          .formatted(good.get(common).role()));
    }
    if (common > 0) {
      return new Content.Preference(new Turns.Messages(good.subList(0, common)), chosen, rejected);
    }
    return new Content.Preference(prompt.orElseThrow(() -> row.wrong("no \"prompt\", and \"chosen\" and \"rejected\" have no common beginning")),
        chosen, rejected);
  }
}
