package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.inference.engine.TokenChance;
import io.github.lora4j.inference.model.ToolForm;
import io.github.lora4j.inference.model.ToolStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** Answers of {@code /v1/chat/completions}. */
final class ChatForm implements Form {

  private static final String PIECE = "chat.completion.chunk";

  private final Heading heading;
  private final ToolForm tools;
  private final boolean chances;
  private final Map<Integer, ToolStream> streams = new HashMap<>();

  ChatForm(Asked asked, ToolForm tools, boolean chances) {
    heading = Heading.of("chatcmpl", "chat.completion", asked);
    this.tools = tools;
    this.chances = chances;
  }

  @Override
  public ObjectNode whole(List<Reply> replies, Usage usage) {
    ObjectNode root = heading.whole();
    ArrayNode choices = root.putArray("choices");
    for (int i = 0; i < replies.size(); i++) {
      Reply reply = replies.get(i);
      ToolForm.Parts parts = tools.read(reply.text());
      ObjectNode choice = choices.addObject().put("index", i);
      ObjectNode message = choice.putObject("message").put("role", "assistant");
      if (parts.content().isEmpty() && !parts.calls().isEmpty()) {
        message.putNull("content");
      } else {
        message.put("content", parts.content());
      }
      message.putNull("refusal");
      if (!parts.calls().isEmpty()) {
        calls(message, parts.calls(), false);
      }
      logprobs(choice, reply.tokens());
      choice.put("finish_reason", parts.calls().isEmpty() ? Reply.reason(reply.reason()) : "tool_calls");
    }
    usage.json(root.putObject("usage"));
    return root;
  }

  private static void calls(ObjectNode message, List<ToolForm.ToolCall> calls, boolean indexed) {
    ArrayNode all = message.putArray("tool_calls");
    for (ToolForm.ToolCall call : calls) {
      ObjectNode node = all.addObject();
      if (indexed) {
        node.put("index", all.size() - 1);
      }
      node.put("id", "call_%016x".formatted(ThreadLocalRandom.current().nextLong())).put("type", "function").putObject("function")
          .put("name", call.name())
          .put("arguments", call.arguments());
    }
  }

  private void logprobs(ObjectNode choice, List<TokenChance> tokens) {
    if (!chances) {
      choice.putNull("logprobs");
      return;
    }
    ArrayNode content = choice.putObject("logprobs").putNull("refusal").putArray("content");
    for (TokenChance token : tokens) {
      ObjectNode node = content.addObject();
      chance(node, token);
      ArrayNode top = node.putArray("top_logprobs");
      token.top().forEach(other -> chance(top.addObject(), other));
    }
  }

  private static void chance(ObjectNode node, TokenChance token) {
    node.put("token", token.text()).put("logprob", token.logprob());
    if (token.text().indexOf('\uFFFD') >= 0) {
      node.putNull("bytes"); // A part of a character.
    } else {
      ArrayNode bytes = node.putArray("bytes");
      for (byte b : token.text().getBytes(StandardCharsets.UTF_8)) {
        bytes.add(b & 0xFF);
      }
    }
  }

  private ObjectNode delta(ObjectNode piece, int index) {
    return piece.putArray("choices").addObject().put("index", index).putObject("delta");
  }

  private static ObjectNode choice(ObjectNode piece) {
    return (ObjectNode) piece.withArray("choices").get(0);
  }

  private ObjectNode content(int index, String text, List<TokenChance> tokens) {
    ObjectNode piece = heading.piece(PIECE);
    delta(piece, index).put("content", text);
    logprobs(choice(piece), tokens);
    choice(piece).putNull("finish_reason");
    return piece;
  }

  @Override
  public List<ObjectNode> begin(int index) {
    ObjectNode piece = heading.piece(PIECE);
    delta(piece, index).put("role", "assistant").put("content", "");
    choice(piece).putNull("logprobs").putNull("finish_reason");
    return List.of(piece);
  }

  private ToolStream stream(int index) {
    return streams.computeIfAbsent(index, i -> new ToolStream(tools));
  }

  @Override
  public List<ObjectNode> more(int index, String text, List<TokenChance> tokens) {
    String now = stream(index).more(text);
    return now.isEmpty() && tokens.isEmpty() ? List.of() : List.of(content(index, now, tokens));
  }

  @Override
  public List<ObjectNode> end(int index, FinishReason reason) {
    List<ObjectNode> pieces = new ArrayList<>();
    ToolForm.Parts parts = stream(index).end();
    if (!parts.content().isEmpty()) {
      pieces.add(content(index, parts.content(), List.of()));
    }
    if (!parts.calls().isEmpty()) {
      ObjectNode piece = heading.piece(PIECE);
      calls(delta(piece, index), parts.calls(), true);
      choice(piece).putNull("logprobs").putNull("finish_reason");
      pieces.add(piece);
    }
    ObjectNode last = heading.piece(PIECE);
    delta(last, index);
    choice(last).putNull("logprobs").put("finish_reason", parts.calls().isEmpty() ? Reply.reason(reason) : "tool_calls");
    pieces.add(last);
    return pieces;
  }

  @Override
  public ObjectNode usage(Usage usage) {
    ObjectNode piece = heading.whole().put("object", PIECE);
    piece.putArray("choices");
    usage.json(piece.putObject("usage"));
    return piece;
  }
}
