package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.inference.engine.Answer;
import io.github.lora4j.inference.engine.AnswerEvent;
import io.github.lora4j.inference.engine.TokenChance;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.EventStream;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Refusal;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Sends answers. A client that gets nothing for a while is sent something that means nothing (a blank before JSON, a comment among events): one
 * that has vanished is seen by that, and what it asked for is stopped.
 */
final class Replies {

  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private Replies() {}

  /** An answer that cannot be given, as a client is told. */
  private static Optional<Refusal> refusal(AnswerEvent event) {
    return switch (event) {
      case AnswerEvent.Failed failed -> Optional.of(Refusal.of(failed.why()));
      case AnswerEvent.TimedOut late -> Optional.of(late.waiting() ? Refusal.busy("there was no room for the request in time")
          : Refusal.late("the answer took longer than this server allows"));
      case AnswerEvent.Ended ended when ended.reason() == FinishReason.CANCELLED -> Optional.of(Refusal.busy("the server ends"));
      case AnswerEvent.Ended _, AnswerEvent.Text _ -> Optional.empty();
    };
  }

  /** All answers in one object. */
  static void whole(Call call, Answer answer, Form form, int prompt) throws IOException, InterruptedException {
    StringBuilder[] texts = new StringBuilder[answer.sequences()];
    java.util.Arrays.setAll(texts, i -> new StringBuilder());
    List<List<TokenChance>> tokens = new ArrayList<>();
    Reply[] replies = new Reply[texts.length];
    for (int i = 0; i < texts.length; i++) {
      tokens.add(new ArrayList<>());
    }
    OutputStream begun = null;
    long beat = System.nanoTime() + PATIENCE.toNanos();
    int left = texts.length;
    int generated = 0;
    while (left > 0) {
      Optional<AnswerEvent> next = answer.next(PATIENCE);
      if (System.nanoTime() - beat >= 0) {
        begun = begun != null ? begun : call.begin("application/json; charset=utf-8");
        begun.write(' ');
        begun.flush();
        beat = System.nanoTime() + PATIENCE.toNanos();
      }
      if (next.isEmpty()) {
        continue;
      }
      Optional<Refusal> refused = refusal(next.get());
      if (refused.isPresent()) {
        throw refused.get();
      }
      int index = next.get().index();
      if (next.get() instanceof AnswerEvent.Text text) {
        texts[index].append(text.text());
        tokens.get(index).addAll(text.tokens());
      } else if (next.get() instanceof AnswerEvent.Ended ended) {
        replies[index] = new Reply(texts[index].toString(), tokens.get(index), ended.reason(), ended.tokens());
        generated += ended.tokens();
        left--;
      }
    }
    ObjectNode whole = form.whole(List.of(replies), new Form.Usage(prompt, generated));
    if (begun == null) {
      call.send(200, whole);
    } else {
      begun.write(Json.bytes(whole));
      begun.close();
    }
  }

  /** Answers piece by piece, as events. */
  static void stream(Call call, Answer answer, Form form, int prompt, boolean usage) throws IOException, InterruptedException {
    EventStream events = null;
    boolean[] begun = new boolean[answer.sequences()];
    int left = begun.length;
    int generated = 0;
    while (left > 0) {
      Optional<AnswerEvent> next = answer.ready();
      if (next.isEmpty()) {
        if (events != null) {
          events.flush();
        }
        next = answer.next(PATIENCE);
      }
      if (next.isEmpty()) {
        events = events != null ? events : new EventStream(call);
        events.beat();
        continue;
      }
      Optional<Refusal> refused = refusal(next.get());
      if (refused.isPresent() && events == null) {
        throw refused.get();
      }
      events = events != null ? events : new EventStream(call);
      if (refused.isPresent()) {
        events.data(refused.get().json());
        events.end();
        return;
      }
      int index = next.get().index();
      if (!begun[index]) {
        begun[index] = true;
        form.begin(index).forEach(events::data);
      }
      if (next.get() instanceof AnswerEvent.Text text) {
        form.more(index, text.text(), text.tokens()).forEach(events::data);
      } else if (next.get() instanceof AnswerEvent.Ended ended) {
        form.end(index, ended.reason()).forEach(events::data);
        generated += ended.tokens();
        left--;
      }
    }
    if (events != null) {
      if (usage) {
        events.data(form.usage(new Form.Usage(prompt, generated)));
      }
      events.data("[DONE]");
      events.end();
    }
  }
}
