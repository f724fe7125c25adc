package io.github.lora4j.generate.text;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.tokenizer.StreamingDecoder;
import io.github.lora4j.tokenizer.Tokenizer;

/** The text of one sequence as its tokens come, up to a stop string, which ends it. For one thread. */
public final class TextStream {

  private final Sequence sequence;
  private final StreamingDecoder decoder;
  private final StopStrings stops;
  private final TextListener listener;
  private final StringBuilder text = new StringBuilder();

  /**
   * The text of a sequence that has no token yet.
   *
   * @param continues whether the answer's text goes on where the prompt's ends; otherwise it is a text of its own, as an answer in a chat is
   */
  public TextStream(Sequence sequence, Tokenizer tokenizer, TextListener listener, boolean continues) {
    this.sequence = sequence;
    this.listener = listener;
    decoder = tokenizer.streaming();
    stops = new StopStrings(sequence.request().config().stop().strings());
    if (continues) {
      // Some decoders leave out a blank where a text begins.
      sequence.request().prompt().forEach(decoder::next);
    }
  }

  /** Takes the next token; a stop string ends the sequence. */
  public void token(int id) {
    give(stops.next(decoder.next(id)));
    if (stops.found()) {
      sequence.finish(FinishReason.STOP_STRING);
    }
  }

  /** The answer, when no token follows. */
  public Completion completion() {
    give(stops.next(decoder.finish()));
    give(stops.finish());
    return new Completion(sequence, text.toString(), stops.found() ? FinishReason.STOP_STRING : sequence.finished().orElse(FinishReason.CANCELLED));
  }

  private void give(String piece) {
    if (!piece.isEmpty()) {
      text.append(piece);
      listener.text(sequence, piece);
    }
  }
}
