package io.github.lora4j.train.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.List;
import java.util.Optional;

/** Answers before and after training, side by side. */
final class Samples {

  private Samples() {}

  /** The table; nothing where no question was answered. */
  static String html(List<JsonNode> sampled) {
    Optional<JsonNode> before = sampled.stream().filter(event -> event.path("step").asInt() == 0).findFirst();
    Optional<JsonNode> after = sampled.stream().filter(event -> event.path("step").asInt() > 0).reduce((first, second) -> second);
    JsonNode first = before.map(event -> event.path("samples")).orElse(MissingNode.getInstance());
    JsonNode last = after.map(event -> event.path("samples")).orElse(MissingNode.getInstance());
    JsonNode all = after.isPresent() ? last : first;
    if (all.isEmpty()) {
      return "";
    }
    boolean references = false;
    for (JsonNode sample : all) {
      references |= !sample.path("reference").asText().isEmpty();
    }
    StringBuilder out = new StringBuilder("<figure class=\"samples\"><figcaption>Answers</figcaption><div class=\"scroll\"><table>\n<tr>"
        + "<th scope=\"col\">prompt</th><th scope=\"col\">before</th><th scope=\"col\">after</th>"
        + (references ? "<th scope=\"col\">reference</th>" : "") + "</tr>\n");
    for (int i = 0; i < all.size(); i++) {
      out.append("<tr>").append(cell(all.get(i).path("prompt").asText(), ""));
      out.append(answer(first.path(i))).append(answer(last.path(i)));
      out.append(references ? cell(all.get(i).path("reference").asText(), "") : "").append("</tr>\n");
    }
    return out.append("</table></div></figure>\n").toString();
  }

  private static String answer(JsonNode sample) {
    if (!sample.isObject()) {
      return cell("", "not answered");
    }
    String ended = sample.path("ended").asText();
    return cell(sample.path("answer").asText(), ended.equals("length") ? "… (longest answer)" : ended.equals("context") ? "… (end of the context)"
        : "");
  }

  /** Models write anything: control characters have no place in a page. */
  private static String cell(String text, String remark) {
    String printable = text.replaceAll("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]", "\ufffd");
    return "<td>" + Page.escape(printable) + (remark.isEmpty() ? "" : "<i> " + Page.escape(remark) + "</i>") + "</td>";
  }
}
