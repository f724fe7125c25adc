package io.github.lora4j;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.inference.engine.Answer;
import io.github.lora4j.inference.engine.AnswerEvent;
import io.github.lora4j.inference.engine.Ask;
import io.github.lora4j.inference.engine.Voices;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ToolForm;
import io.github.lora4j.inference.model.ToolStream;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.ResourceException;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/** Texts and conversations of a model, by one of its names. */
record Texts(ServedModel model, String name) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TOKENS = 256;
  private static final List<String> BEAMS = List.of("num_beams", "num_return_sequences", "length_penalty", "early_stopping");
  private static final String TOOLS = "tools";
  private static final String VARIABLES = "chat_template_kwargs";

  /** A conversation as tokens, and how calls of tools in its answer are written. */
  record Rendered(int[] prompt, ToolForm form) {}

  Generated generate(String prompt, Map<String, Object> settings, Consumer<String> listener) {
    return ask(new Rendered(model.tokenizer().encode(prompt).ids(), ToolForm.NONE), true, config(settings), listener);
  }

  Generated chat(List<Map<String, Object>> messages, Map<String, Object> settings, Consumer<String> listener) {
    Map<String, Object> others = new LinkedHashMap<>(settings);
    others.keySet().removeAll(List.of(TOOLS, VARIABLES));
    GenerationConfig config = config(others);
    return ask(render(messages, settings), false, config, listener);
  }

  Rendered render(List<Map<String, Object>> messages, Map<String, Object> settings) {
    List<JsonNode> tools = settings.get(TOOLS) instanceof List<?> list ? nodes(Plain.maps(TOOLS, list)) : List.of();
    Chat chat = Chat.of(nodes(messages)).withTools(tools).withSpecialTokens(model.templates().specialTokens())
        .withEnding(Chat.Ending.GENERATION_PROMPT).withNow(LocalDateTime.now());
    if (settings.get(VARIABLES) instanceof Map<?, ?> variables) {
      for (Map.Entry<?, ?> variable : variables.entrySet()) {
        chat = chat.withVariable(String.valueOf(variable.getKey()), JSON.valueToTree(variable.getValue()));
      }
    }
    ChatTemplate template = model.templates().of(name.equals(model.name()) ? "" : name, !tools.isEmpty());
    int[] prompt = model.tokenizer().encode(template.render(chat.withParsedArguments()).text(), false).ids();
    return new Rendered(prompt, tools.isEmpty() ? ToolForm.NONE : ToolForm.of(template));
  }

  private static List<JsonNode> nodes(List<Map<String, Object>> maps) {
    return maps.stream().<JsonNode>map(JSON::valueToTree).toList();
  }

  private GenerationConfig config(Map<String, Object> settings) {
    List<String> beams = BEAMS.stream().filter(settings::containsKey).toList();
    if (!beams.isEmpty()) {
      throw new ConfigException("%s: texts are continued one token after another here; for a beam search see `lora4j generate`".formatted(
          String.join(", ", beams)));
    }
    Map<String, Object> own = new LinkedHashMap<>(model.settings());
    own.keySet().removeAll(BEAMS);
    if (!own.containsKey("max_new_tokens") && !own.containsKey("max_length")) {
      own.put("max_new_tokens", TOKENS);
    }
    return GenerationSettings.of(own, settings);
  }

  private Generated ask(Rendered rendered, boolean continues, GenerationConfig config, Consumer<String> listener) {
    int[] prompt = rendered.prompt();
    if (prompt.length >= model.context()) {
      throw new ConfigException("the prompt has %,d tokens; with an answer there may be %,d (option 'context')".formatted(prompt.length,
          model.context()));
    }
    Voices.Lease lease = model.lease(name, 1).orElseThrow(() -> new ConfigException("there is no adapter '%s' any more".formatted(name)));
    Request request;
    try {
      request = model.text().request(prompt, config, lease.adapter());
    } catch (RuntimeException e) {
      lease.giveBack();
      throw e;
    }
    try (Answer answer = model.engine().ask(List.of(new Ask(request, continues && !model.text().readsSource(), -1)), lease)
        .orElseThrow(() -> new ResourceException("the model takes no more prompts: it is closed, or too many wait"))) {
      return hear(answer, prompt.length, new ToolStream(rendered.form()), listener);
    }
  }

  private static Generated hear(Answer answer, int promptTokens, ToolStream stream, Consumer<String> listener) {
    StringBuilder text = new StringBuilder();
    Consumer<String> told = piece -> {
      if (!piece.isEmpty()) {
        text.append(piece);
        listener.accept(piece);
      }
    };
    while (true) {
      Optional<AnswerEvent> event;
      try {
        event = answer.next(Duration.ofHours(1));
      } catch (InterruptedException e) {
        throw Interrupted.now("the answer");
      }
      if (event.isPresent()) {
        switch (event.get()) {
          case AnswerEvent.Text more -> told.accept(stream.more(more.text()));
          case AnswerEvent.Failed failed -> throw failed.why();
          case AnswerEvent.TimedOut _ -> throw new ResourceException("the answer took too long");
          case AnswerEvent.Ended ended when ended.reason() == FinishReason.CANCELLED -> throw new CancellationException("the model was closed");
          case AnswerEvent.Ended ended -> {
            ToolForm.Parts parts = stream.end();
            told.accept(parts.content());
            return new Generated(text.toString(), new ArrayList<>(parts.calls()), ended.reason(), promptTokens, ended.tokens());
          }
        }
      }
    }
  }
}
