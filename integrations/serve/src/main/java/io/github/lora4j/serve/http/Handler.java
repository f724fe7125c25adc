package io.github.lora4j.serve.http;

import java.io.IOException;

/** Answers calls. */
@FunctionalInterface
public interface Handler {

  /**
   * Answers a call.
   *
   * @throws Refusal as an error in OpenAI's form, if the answer has not begun; otherwise the answer is cut
   * @throws IOException when the client has gone
   * @throws InterruptedException when the server ends
   */
  void handle(Call call) throws IOException, InterruptedException;
}
