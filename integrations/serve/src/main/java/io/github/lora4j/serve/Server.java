package io.github.lora4j.serve;

import io.github.lora4j.serve.adapters.AdapterDoor;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.HttpDoor;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Routes;
import io.github.lora4j.serve.model.ServedModel;
import io.github.lora4j.serve.openai.OpenAi;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.function.Consumer;

/** A model behind HTTP. */
public final class Server implements AutoCloseable {

  private final ServedModel model;
  private final HttpDoor door;
  private final ServerOptions options;
  private volatile boolean draining;

  /**
   * Opens the port and begins to answer.
   *
   * @param model closed by the caller, after this
   * @param log told of errors that are no client's fault
   */
  public Server(ServedModel model, ServerOptions options, Consumer<String> log) {
    this.model = model;
    this.options = options;
    OpenAi openAi = new OpenAi(model);
    AdapterDoor adapters = new AdapterDoor(model, options.adapters().directory(), options.adapters().bytes());
    Routes routes = new Routes().open("/health", this::health).open("/v1/health", this::health).add("GET", "/metrics", this::metrics)
        .add("GET", "/v1/models", openAi::models).add("POST", "/v1/chat/completions", openAi::chat).add("POST", "/v1/completions", openAi::complete)
        .add("POST", "/v1/load_lora_adapter", adapters::load).add("POST", "/v1/unload_lora_adapter", adapters::unload)
        .add("GET", "/lora-adapters", adapters::list).add("POST", "/lora-adapters", adapters::scale);
    door = HttpDoor.open(options.host(), options.port(), options.tls(), routes, options.guard(loopback(options.host())), options.limits(), log);
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

  private void health(Call call) throws IOException {
    boolean well = model.engine().healthy() && !draining;
    call.send(well ? 200 : 503, Json.object().put("status", well ? "ok" : draining ? "draining" : "failed"));
  }

  private void metrics(Call call) throws IOException {
    StringBuilder out = new StringBuilder();
    gauge(out, "sequences_running", "Sequences that are being answered.", model.engine().running());
    gauge(out, "sequences_waiting", "Sequences that wait for room.", model.engine().waiting());
    gauge(out, "adapters", "Adapters that are loaded.", model.engine().voices().names().size());
    gauge(out, "model_bytes", "Native memory of the model.", model.text().generator().bytes());
    model.engine().metrics().write(out);
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
    boolean all = model.engine().drain(time);
    // What was said last is on its way.
    Thread.sleep(100);
    return all;
  }

  /** Closes the port, and cuts what is being sent. */
  @Override
  public void close() {
    door.close();
  }
}
