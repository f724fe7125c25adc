package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.inference.engine.TokenChance;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Answers of {@code /v1/completions}. */
final class TextForm implements Form {

  private static final String KIND = "text_completion";

  private final Heading heading;
  private final boolean chances;
  /** Characters of each answer's text so far. */
  private final Map<Integer, Integer> offsets = new HashMap<>();

  TextForm(Asked asked, boolean chances) {
    heading = Heading.of("cmpl", KIND, asked);
    this.chances = chances;
  }

  private ObjectNode choice(ArrayNode choices, int index, String text, List<TokenChance> tokens) {
    ObjectNode choice = choices.addObject().put("index", index).put("text", text);
    if (!chances) {
      return choice.putNull("logprobs");
    }
    ObjectNode logprobs = choice.putObject("logprobs");
    ArrayNode texts = logprobs.putArray("tokens");
    ArrayNode values = logprobs.putArray("token_logprobs");
    ArrayNode tops = logprobs.putArray("top_logprobs");
    ArrayNode starts = logprobs.putArray("text_offset");
    for (TokenChance token : tokens) {
      texts.add(token.text());
      values.add(token.logprob());
      ObjectNode top = tops.addObject();
      token.top().forEach(other -> top.put(other.text(), other.logprob()));
      starts.add(offsets.merge(index, token.text().length(), Integer::sum) - token.text().length());
    }
    return choice;
  }

  @Override
  public ObjectNode whole(List<Reply> replies, Usage usage) {
    ObjectNode root = heading.whole();
    ArrayNode choices = root.putArray("choices");
    for (int i = 0; i < replies.size(); i++) {
      Reply reply = replies.get(i);
      choice(choices, i, reply.text(), reply.tokens()).put("finish_reason", Reply.reason(reply.reason()));
    }
    usage.json(root.putObject("usage"));
    return root;
  }

  @Override
  public List<ObjectNode> begin(int index) {
    return List.of();
  }

  @Override
  public List<ObjectNode> more(int index, String text, List<TokenChance> tokens) {
    ObjectNode piece = heading.piece(KIND);
    choice(piece.putArray("choices"), index, text, tokens).putNull("finish_reason");
    return List.of(piece);
  }

  @Override
  public List<ObjectNode> end(int index, FinishReason reason) {
    ObjectNode piece = heading.piece(KIND);
    choice(piece.putArray("choices"), index, "", List.of()).put("finish_reason", Reply.reason(reason));
    return List.of(piece);
  }

  @Override
  public ObjectNode usage(Usage usage) {
    ObjectNode piece = heading.whole();
    piece.putArray("choices");
    usage.json(piece.putObject("usage"));
    return piece;
  }
}
