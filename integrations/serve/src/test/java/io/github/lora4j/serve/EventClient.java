package io.github.lora4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Streams one answer over a connection of its own, with as little work as possible: it measures a server in the same process. */
final class EventClient {

  /**
   * An answer.
   *
   * @param first nanoseconds until its first piece of text
   */
  record Answer(String text, long first, int tokens) {}

  private final int port;

  EventClient(int port) {
    this.port = port;
  }

  Answer complete(String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    long begun = System.nanoTime();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(600_000);
      socket.getOutputStream().write(("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
          + "Content-Length: " + bytes.length + "\r\n\r\n" + body).getBytes(StandardCharsets.UTF_8));
      InputStream in = new BufferedInputStream(socket.getInputStream());
      String status = line(in);
      if (!status.contains(" 200 ")) {
        throw new IOException(status + new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
      for (String header = status; !header.isEmpty(); header = line(in)) {
        // None matters.
      }
      BufferedReader lines = new BufferedReader(new InputStreamReader(new Chunks(in), StandardCharsets.UTF_8));
      StringBuilder text = new StringBuilder();
      long first = 0;
      int tokens = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.equals("data: [DONE]")) {
          return new Answer(text.toString(), first, tokens);
        }
        if (line.startsWith("data: ")) {
          JsonNode event = TinyServer.JSON.readTree(line.substring(6));
          if (event.has("error")) {
            throw new IOException(line);
          }
          String piece = event.at("/choices/0/text").asText("");
          first = first == 0 && !piece.isEmpty() ? System.nanoTime() - begun : first;
          text.append(piece);
          tokens = Math.max(tokens, event.at("/usage/completion_tokens").asInt());
        }
      }
    }
    throw new IOException("the stream was cut");
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  /** The bytes of a body that is sent in chunks, none of which needs to end where a line does. */
  private static final class Chunks extends InputStream {

    private final InputStream in;
    private int left;
    private boolean ended;

    Chunks(InputStream in) {
      this.in = in;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      if (left == 0 && !ended) {
        left = Integer.parseInt(line(in), 16);
        ended = left == 0;
      }
      if (ended) {
        return -1;
      }
      int count = in.read(into, from, Math.min(length, left));
      if (count < 0) {
        throw new IOException("the stream was cut within a chunk");
      }
      left -= count;
      if (left == 0) {
        line(in);
      }
      return count;
    }
  }
}
