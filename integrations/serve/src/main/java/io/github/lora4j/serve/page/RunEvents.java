package io.github.lora4j.serve.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.EventStream;
import io.github.lora4j.serve.http.Json;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Runs and what happens in them: the lines of their {@code metrics.jsonl} as events, for as long as somebody watches. */
final class RunEvents {

  private static final String METRICS = "metrics.jsonl";
  private static final int PIECE = 1 << 16;
  private static final int MOST_LINE = 1 << 20;
  private static final long LOOK = 250;

  private final Workspace workspace;

  RunEvents(Workspace workspace) {
    this.workspace = workspace;
  }

  void list(Call call) throws IOException {
    ArrayNode runs = Json.object().putArray("runs");
    for (String name : workspace.runs()) {
      runs.addObject().put("name", name).put("finished", Files.isDirectory(workspace.root().resolve(name).resolve("adapter")));
    }
    call.send(200, runs);
  }

  /** Each line that is whole is an event; a file that becomes shorter is that of a run begun anew, which an event says. */
  void watch(Call call) throws IOException, InterruptedException {
    Path file = workspace.run(parameter(call, "run").orElse("")).resolve(METRICS);
    EventStream events = new EventStream(call);
    StringBuilder line = new StringBuilder();
    long at = 0;
    int quiet = 0;
    boolean finished = false;
    while (!finished) {
      byte[] more = read(file, at);
      if (Files.exists(file) && Files.size(file) < at) {
        at = 0;
        line.setLength(0);
        events.data("{\"event\":\"again\"}");
        continue;
      }
      at += more.length;
      // A piece may end within a character: only ASCII line ends are looked for, and bytes stay bytes until a line is whole.
      line.append(new String(more, StandardCharsets.ISO_8859_1));
      int end;
      while ((end = line.indexOf("\n")) >= 0) {
        String whole = new String(line.substring(0, end).getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        line.delete(0, end + 1);
        events.data(whole);
        finished |= whole.startsWith("{\"event\":\"finished\"");
      }
      if (line.length() > MOST_LINE) {
        return;
      }
      events.flush();
      if (more.length == 0) {
        Thread.sleep(LOOK);
        quiet++;
        if (quiet % 8 == 0) {
          events.beat();
        }
      }
    }
    events.end();
  }

  private static byte[] read(Path file, long from) throws IOException {
    if (!Files.exists(file)) {
      return new byte[0];
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] piece = new byte[Math.clamp(in.length() - from, 0, PIECE)];
      in.seek(Math.min(from, in.length()));
      in.readFully(piece);
      return piece;
    }
  }

  static Optional<String> parameter(Call call, String name) {
    for (String pair : call.query().split("&")) {
      if (pair.startsWith(name + "=")) {
        return Optional.of(java.net.URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8));
      }
    }
    return Optional.empty();
  }
}
