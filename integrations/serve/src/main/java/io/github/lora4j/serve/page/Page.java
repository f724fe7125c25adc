package io.github.lora4j.serve.page;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Handler;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Routes;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The page at {@code /} and what it asks for. It loads nothing from elsewhere, and browsers are told not to. */
public final class Page implements AutoCloseable {

  private final @Nullable Trainings trainings;

  /**
   * What it shows.
   *
   * @param workspace what runs and data are looked at in; empty: the page only chats
   * @param model what trainings from the page start from
   * @param chats whether there is a model to chat with
   */
  public record Shown(Optional<Workspace> workspace, Path model, boolean chats) {}

  /** Adds it to a server's routes. */
  public Page(Routes routes, Shown shown) {
    routes.open("/", file("index.html", "text/html; charset=utf-8")).open("/page.css", file("page.css", "text/css; charset=utf-8"))
        .open("/page.js", file("page.js", "text/javascript; charset=utf-8"));
    routes.add("GET", "/api/page", call -> {
      ObjectNode node = Json.object().put("workspace", shown.workspace.isPresent()).put("chats", shown.chats).put("model",
          String.valueOf(shown.model.getFileName()));
      call.send(200, node);
    });
    Optional<Trainings> made = shown.workspace.map(where -> new Trainings(where, shown.model));
    trainings = made.orElse(null);
    shown.workspace.ifPresent(where -> {
      RunEvents runs = new RunEvents(where);
      Masks masks = new Masks(where, shown.model);
      Trainings starting = made.orElseThrow();
      routes.add("GET", "/api/runs", runs::list).add("GET", "/api/runs/events", runs::watch).add("POST", "/api/masks", masks::show)
          .add("GET", "/api/files", call -> call.send(200, Json.tree(where.files()))).add("POST", "/api/recipe", starting::show)
          .add("POST", "/api/train", starting::start).add("GET", "/api/train", starting::status).add("POST", "/api/train/stop", starting::stop);
    });
  }

  private static Handler file(String name, String type) {
    byte[] content;
    try (InputStream in = Page.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new ResourceException("the page's %s is missing from this installation".formatted(name));
      }
      content = in.readAllBytes();
    } catch (IOException e) {
      throw new ResourceException("the page's %s cannot be read".formatted(name), e);
    }
    return (Call call) -> call.with("Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; "
            + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
        .with("Referrer-Policy", "no-referrer").with("Cache-Control", "no-cache").send(200, type, content);
  }

  @Override
  public void close() {
    if (trainings != null) {
      trainings.close();
    }
  }
}
