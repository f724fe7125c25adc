package io.github.lora4j.serve.http;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Server-sent events. Written ones go out together when they are flushed. */
public final class EventStream {

  private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] END = {'\n', '\n'};

  private final OutputStream out;
  private final ByteArrayOutputStream held = new ByteArrayOutputStream();

  /** Begins the answer to a call. */
  public EventStream(Call call) throws IOException {
    out = call.begin("text/event-stream; charset=utf-8");
  }

  /** An event of JSON. */
  public void data(JsonNode json) {
    data(Json.bytes(json));
  }

  /** An event of a text of one line. */
  public void data(String line) {
    data(line.getBytes(StandardCharsets.UTF_8));
  }

  private void data(byte[] line) {
    held.writeBytes(DATA);
    held.writeBytes(line);
    held.writeBytes(END);
  }

  /** Something that no client takes for an event: it shows whether the client is still there. */
  public void beat() throws IOException {
    held.writeBytes(new byte[] {':', '\n', '\n'});
    flush();
  }

  /** Sends what was written. */
  public void flush() throws IOException {
    if (held.size() > 0) {
      out.write(held.toByteArray());
      held.reset();
      out.flush();
    }
  }

  /** Ends the answer. One that is not ended is cut, which its client sees. */
  public void end() throws IOException {
    flush();
    out.close();
  }
}
