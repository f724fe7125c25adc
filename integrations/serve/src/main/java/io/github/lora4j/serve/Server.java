package io.github.lora4j.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.serve.adapters.AdapterDoor;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Handler;
import io.github.lora4j.serve.http.HttpDoor;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.serve.http.Routes;
import io.github.lora4j.serve.openai.OpenAi;
import io.github.lora4j.serve.page.Page;
import io.github.lora4j.serve.reading.ReadingDoor;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** Models behind HTTP. */
public final class Server implements AutoCloseable {

  private final Served served;
  private final HttpDoor door;
  private final Page page;
  private final ServerOptions options;
  private final long started = System.currentTimeMillis() / 1000;
  private volatile boolean draining;

  /**
   * Opens the port and begins to answer.
   *
   * @param served closed by the caller, after this
   * @param log told of errors that are no client's fault
   */
  public Server(Served served, ServerOptions options, Consumer<String> log) {
    this.served = served;
    this.options = options;
    Routes routes = new Routes().open("/health", this::health).open("/v1/health", this::health).add("GET", "/metrics", this::metrics)
        .add("GET", "/v1/models", this::models);
    ReadingDoor reading = new ReadingDoor(served.readers());
    routes.add("POST", "/v1/embeddings", reading::embed);
    for (String version : List.of("", "/v1")) {
      routes.add("POST", version + "/classify", reading::classify).add("POST", version + "/score", reading::score)
          .add("POST", version + "/rerank", reading::rerank);
    }
    served.text().ifPresentOrElse(text -> {
      OpenAi openAi = new OpenAi(text);
      AdapterDoor adapters = new AdapterDoor(text, options.adapters());
      routes.add("POST", "/v1/chat/completions", openAi::chat).add("POST", "/v1/completions", openAi::complete)
          .add("POST", "/v1/load_lora_adapter", adapters::load).add("POST", "/v1/unload_lora_adapter", adapters::unload)
          .add("GET", "/lora-adapters", adapters::list).add("POST", "/lora-adapters", adapters::scale);
    }, () -> {
      Handler none = call -> {
        throw Refusal.noModel("no model of this server continues texts; there are: " + String.join(", ", served.names()));
      };
      routes.add("POST", "/v1/chat/completions", none).add("POST", "/v1/completions", none);
    });
    page = new Page(routes, new Page.Shown(options.workspace(), served.base(), served.text().isPresent()));
    door = HttpDoor.open(new HttpDoor.Address(options.host(), options.port(), options.tls()), routes, options.guard(loopback(options.host())),
        options.limits(), log);
    door.start();
  }

  private static boolean loopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new ConfigException("--host %s: there is no such address".formatted(host), e);
    }
  }

  /** The port it listens on. */
  public int port() {
    return door.port();
  }

  /** Where clients find it. */
  public String address() {
    String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
    return "%s://%s:%d".formatted(options.tls().isPresent() ? "https" : "http", host, port());
  }

  private boolean healthy() {
    return served.text().map(text -> text.engine().healthy()).orElse(true);
  }

  private void health(Call call) throws IOException {
    boolean well = healthy() && !draining;
    call.send(well ? 200 : 503, Json.object().put("status", well ? "ok" : draining ? "draining" : "failed"));
  }

  private void models(Call call) throws IOException {
    ObjectNode root = Json.object().put("object", "list");
    ArrayNode data = root.putArray("data");
    served.text().ifPresent(text -> text.names().forEach(name -> {
      ObjectNode model = model(data, name).put("root", text.name()).put("max_model_len", text.context());
      if (name.equals(text.name())) {
        model.putNull("parent");
      } else {
        model.put("parent", text.name());
      }
    }));
    served.others().forEach(name -> model(data, name));
    call.send(200, root);
  }

  private ObjectNode model(ArrayNode data, String name) {
    return data.addObject().put("id", name).put("object", "model").put("created", started).put("owned_by", "lora4j");
  }

  private void metrics(Call call) throws IOException {
    StringBuilder out = new StringBuilder();
    served.text().ifPresent(text -> {
      gauge(out, "sequences_running", "Sequences that are being answered.", text.engine().running());
      gauge(out, "sequences_waiting", "Sequences that wait for room.", text.engine().waiting());
      gauge(out, "adapters", "Adapters that are loaded.", text.engine().voices().names().size());
      gauge(out, "model_bytes", "Native memory of the model.", text.text().generator().bytes());
      text.engine().metrics().write(out);
    });
    door.write(out);
    call.text(200, "text/plain; version=0.0.4; charset=utf-8", out.toString());
  }

  private static void gauge(StringBuilder out, String name, String help, long value) {
    out.append("# HELP lora4j_").append(name).append(' ').append(help).append("\n# TYPE lora4j_").append(name).append(" gauge\nlora4j_").append(name)
        .append(' ').append(value).append('\n');
  }

  /**
   * Refuses what is asked from now on, and waits for what was asked before.
   *
   * @return whether all of it was answered in this time
   */
  public boolean drain(Duration time) throws InterruptedException {
    draining = true;
    boolean all = served.text().isEmpty() || served.text().get().engine().drain(time);
    // What was said last is on its way.
    Thread.sleep(100);
    return all;
  }

  /** Closes the port, and cuts what is being sent. */
  @Override
  public void close() {
    door.close();
    page.close();
  }
}
