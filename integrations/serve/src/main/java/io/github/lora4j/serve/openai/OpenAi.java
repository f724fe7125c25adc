package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.generate.Request;
import io.github.lora4j.inference.engine.Answer;
import io.github.lora4j.inference.engine.Ask;
import io.github.lora4j.inference.engine.Voices;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ToolForm;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** {@code /v1/chat/completions} and {@code /v1/completions}. */
public final class OpenAi {

  private static final int MOST_PROMPTS = 256;
  private static final int MOST_TOOLS = 256;
  private static final int MOST_ALTERNATIVES = 20;
  private static final int TOKENS = 16;
  private static final String NOT_HERE = "this server does not have it";

  private final ServedModel served;

  /** Of a model. */
  public OpenAi(ServedModel served) {
    this.served = served;
  }

  /** {@code /v1/chat/completions}. */
  public void chat(Call call) throws IOException, InterruptedException {
    Fields body = new Fields(call.json(), "");
    Asked asked = Asked.read(body, served, 0);
    boolean chances = body.flag("logprobs");
    OptionalInt top = body.whole("top_logprobs", 0, MOST_ALTERNATIVES);
    if (top.isPresent() && !chances) {
      throw Refusal.invalid("top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
    }
    List<JsonNode> messages = Messages.read(body);
    List<JsonNode> tools = tools(body);
    Chat chat = Chat.of(messages).withTools(tools).withSpecialTokens(served.templates().specialTokens()).withEnding(Chat.Ending.GENERATION_PROMPT)
        .withNow(LocalDateTime.now());
    for (var variable : body.object("chat_template_kwargs").map(Fields::node).map(JsonNode::properties).orElse(java.util.Set.of())) {
      chat = chat.withVariable(variable.getKey(), variable.getValue());
    }
    text(body);
    body.ignore("parallel_tool_calls").end();
    ChatTemplate template = template(asked, !tools.isEmpty());
    int[] prompt = render(template, chat);
    ToolForm form = tools.isEmpty() ? ToolForm.NONE : ToolForm.of(template);
    answer(call, asked, List.of(prompt), false, chances ? top.orElse(0) : -1, new ChatForm(asked, form, chances));
  }

  private ChatTemplate template(Asked asked, boolean tools) {
    try {
      return served.templates().of(asked.model().equals(served.name()) ? "" : asked.model(), tools);
    } catch (ConfigException e) {
      throw Refusal.invalid("model", e.getMessage());
    }
  }

  private int[] render(ChatTemplate template, Chat chat) {
    try {
      return served.tokenizer().encode(template.render(chat.withParsedArguments()).text(), false).ids();
    } catch (ConfigException | FormatException e) {
      throw Refusal.invalid("messages", e.getMessage());
    }
  }

  /** What an answer must look like: a text. */
  private static void text(Fields body) {
    body.object("response_format").ifPresent(format -> {
      String type = format.required("type");
      if (!type.equals("text")) {
        throw Refusal.invalid("response_format.type", "response_format \"%s\" holds a model to a grammar, and %s".formatted(type, NOT_HERE));
      }
    });
    for (String key : List.of("audio", "functions", "function_call", "prediction", "web_search_options", "reasoning_effort", "guided_json",
        "guided_regex",
        "guided_choice", "guided_grammar", "grammar", "json_schema", "continue_final_message", "documents", "chat_template")) {
      body.refuse(key, NOT_HERE);
    }
    body.any("modalities").filter(kinds -> kinds.size() != 1 || !kinds.path(0).asText().equals("text")).ifPresent(kinds ->
        body.wrong("modalities", "[\"text\"]", kinds));
  }

  private static List<JsonNode> tools(Fields body) {
    List<JsonNode> tools = new ArrayList<>();
    for (Fields tool : body.objects("tools", MOST_TOOLS)) {
      if (!tool.required("type").equals("function")) {
        tool.wrong("type", "\"function\"", tool.node().get("type"));
      }
      tool.object("function").orElseThrow(() -> Refusal.invalid(tool.path() + "function", "'%sfunction' is required".formatted(tool.path())))
          .required("name");
      tools.add(tool.node());
    }
    Optional<JsonNode> choice = body.any("tool_choice");
    choice.filter(given -> !given.asText().equals("none") && !given.asText().equals("auto")).ifPresent(given -> {
      throw Refusal.invalid("tool_choice", "tool_choice may be \"none\" or \"auto\": a model is not held to a call here");
    });
    return choice.filter(given -> given.asText().equals("none")).isPresent() ? List.of() : tools;
  }

  /** {@code /v1/completions}. */
  public void complete(Call call) throws IOException, InterruptedException {
    Fields body = new Fields(call.json(), "");
    Asked asked = Asked.read(body, served, TOKENS);
    OptionalInt top = body.whole("logprobs", 0, MOST_ALTERNATIVES);
    List<int[]> prompts = prompts(body);
    body.refuse("suffix", NOT_HERE);
    if (body.flag("echo")) {
      throw Refusal.invalid("echo", "echo: " + NOT_HERE);
    }
    OptionalInt best = body.whole("best_of", 1, Integer.MAX_VALUE);
    if (best.isPresent() && best.getAsInt() != asked.n()) {
      throw Refusal.invalid("best_of", "best_of other than n: " + NOT_HERE);
    }
    text(body);
    body.end();
    answer(call, asked, prompts, true, top.orElse(-1), new TextForm(asked, top.isPresent()));
  }

  /** A text, a list of texts, ids, or a list of lists of ids. */
  private List<int[]> prompts(Fields body) {
    JsonNode prompt = body.any("prompt").orElseThrow(() -> Refusal.invalid("prompt", "'prompt' is required"));
    List<int[]> all = new ArrayList<>();
    if (prompt.isTextual()) {
      all.add(served.tokenizer().encode(prompt.textValue()).ids());
    } else if (prompt.isArray() && !prompt.isEmpty() && prompt.get(0).isNumber()) {
      all.add(ids(body, "prompt", prompt));
    } else if (prompt.isArray() && !prompt.isEmpty() && prompt.size() <= MOST_PROMPTS) {
      for (JsonNode one : prompt) {
        all.add(one.isTextual() ? served.tokenizer().encode(one.textValue()).ids() : ids(body, "prompt[%d]".formatted(all.size()), one));
      }
    } else {
      body.wrong("prompt", "a string, a list of at most %d strings, token ids, or a list of lists of token ids".formatted(MOST_PROMPTS), prompt);
    }
    return all;
  }

  private int[] ids(Fields body, String key, JsonNode list) {
    if (!list.isArray() || list.isEmpty()) {
      body.wrong(key, "a string or a list of token ids", list);
    }
    int[] ids = new int[list.size()];
    int vocabulary = served.text().generator().model().architecture().vocabSize();
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = list.get(i);
      if (!id.isInt() || id.intValue() < 0 || id.intValue() >= vocabulary) {
        body.wrong("%s[%d]".formatted(key, i), "a token id from 0 to %d".formatted(vocabulary - 1), id);
      }
      ids[i] = id.intValue();
    }
    return ids;
  }

  private void answer(Call call, Asked asked, List<int[]> prompts, boolean continues, int alternatives, Form form) throws IOException,
      InterruptedException {
    int count = Math.multiplyExact(prompts.size(), asked.n());
    int tokens = 0;
    for (int[] prompt : prompts) {
      tokens += prompt.length;
      if (prompt.length >= served.context()) {
        throw Refusal.invalid(continues ? "prompt" : "messages", "context_length_exceeded",
            "the prompt has %,d tokens; with an answer there may be %,d".formatted(prompt.length, served.context()));
      }
    }
    List<Ask> asks = new ArrayList<>();
    Voices.Lease voice = asked.lease(served, count);
    try {
      for (int[] prompt : prompts) {
        for (int i = 0; i < asked.n(); i++) {
          Request request = served.text().request(prompt, asked.config(served, i), voice.adapter());
          asks.add(new Ask(request, continues && !served.text().readsSource(), alternatives));
        }
      }
    } catch (RuntimeException e) {
      voice.giveBack();
      throw e;
    }
    try (Answer answer = served.engine().ask(asks, voice)
        .orElseThrow(() -> Refusal.busy("the server has more requests than it can queue; try again later"))) {
      if (asked.stream()) {
        Replies.stream(call, answer, form, tokens, asked.usage());
      } else {
        Replies.whole(call, answer, form, tokens);
      }
    }
  }
}
