package io.github.lora4j.serve.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;

/** The JDK's server with a virtual thread for each request, limits, and errors in OpenAI's form. */
public final class HttpDoor implements AutoCloseable {

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Routes routes;
  private final Guard guard;
  private final HttpLimits limits;
  private final Semaphore places;
  private final Consumer<String> log;
  private final Map<String, LongAdder> counts = new ConcurrentHashMap<>();

  /**
   * Where a server listens.
   *
   * @param port 0: any that is free
   * @param tls empty for plain HTTP
   */
  public record Address(String host, int port, Optional<SSLContext> tls) {}

  private HttpDoor(HttpServer server, Routes routes, Guard guard, HttpLimits limits, Consumer<String> log) {
    this.server = server;
    this.routes = routes;
    this.guard = guard;
    this.limits = limits;
    this.log = log;
    places = new Semaphore(limits.requests());
    server.setExecutor(threads);
    server.createContext("/", this::handle);
  }

  /**
   * Opens a port; it answers from {@link #start} on.
   *
   * @param log told of errors that are no client's fault
   * @throws ConfigException when the address is not this machine's, or the port is taken
   */
  public static HttpDoor open(Address at, Routes routes, Guard guard, HttpLimits limits, Consumer<String> log) {
    limits.install();
    try {
      InetSocketAddress address = new InetSocketAddress(InetAddress.getByName(at.host), at.port);
      HttpServer server;
      if (at.tls.isPresent()) {
        HttpsServer https = HttpsServer.create(address, 0);
        https.setHttpsConfigurator(new HttpsConfigurator(at.tls.get()));
        server = https;
      } else {
        server = HttpServer.create(address, 0);
      }
      return new HttpDoor(server, routes, guard, limits, log);
    } catch (IOException e) {
      throw new ConfigException("cannot listen on %s, port %d: %s".formatted(at.host, at.port, e.getMessage()), e);
    }
  }

  /** Begins to answer. */
  public void start() {
    server.start();
  }

  /** The port. */
  public int port() {
    return server.getAddress().getPort();
  }

  /** Requests by path and status, in Prometheus' text format. */
  public void write(StringBuilder out) {
    out.append("# HELP lora4j_requests_total HTTP requests by path and status.\n# TYPE lora4j_requests_total counter\n");
    new TreeMap<>(counts).forEach((labels, count) -> out.append("lora4j_requests_total{").append(labels).append("} ").append(count.sum())
        .append('\n'));
    out.append("# HELP lora4j_requests_active Requests that are worked on.\n# TYPE lora4j_requests_active gauge\nlora4j_requests_active ")
        .append(limits.requests() - places.availablePermits()).append('\n');
  }

  /** What is thrown closes the connection where it stands, so that an answer which is cut does not look whole. */
  private void handle(HttpExchange exchange) throws IOException {
    Call call = new Call(exchange, limits);
    boolean placed = places.tryAcquire();
    try {
      answer(call, placed);
      call.close();
    } catch (IOException e) {
      count(call, "gone");
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the server ends", e);
    } finally {
      if (placed) {
        places.release();
      }
    }
  }

  private void answer(Call call, boolean placed) throws IOException, InterruptedException {
    try {
      guard.origin(call);
      if (!placed) {
        call.with("Retry-After", "1");
        throw Refusal.busy("this server works on %d requests at a time".formatted(limits.requests()));
      }
      if (call.method().equals("OPTIONS")) {
        call.empty(204);
      } else {
        routes.of(call, guard).handle(call);
      }
      count(call, String.valueOf(call.status()));
    } catch (Refusal e) {
      refuse(call, e);
    } catch (Lora4jException e) {
      refuse(call, Refusal.of(e));
    } catch (RuntimeException e) {
      log.accept("%s %s: %s at %s".formatted(call.method(), call.path(), e, e.getStackTrace().length > 0 ? e.getStackTrace()[0]
          : "an unknown place"));
      refuse(call, Refusal.failed("an error of the server; its log says more"));
    }
  }

  private void refuse(Call call, Refusal why) throws IOException {
    if (why.status() >= 500) {
      log.accept("%s %s: %d, %s".formatted(call.method(), call.path(), why.status(), why.getMessage()));
    }
    count(call, String.valueOf(why.status()));
    if (call.begun()) {
      throw new IOException("the answer is cut");
    }
    if (why.status() == 503) {
      call.with("Retry-After", "1");
    }
    call.send(why.status(), why.json());
  }

  private void count(Call call, String status) {
    String path = routes.has(call.path()) ? call.path() : "other";
    counts.computeIfAbsent("path=\"%s\",status=\"%s\"".formatted(path, status), key -> new LongAdder()).increment();
  }

  /** Takes no more connections, and cuts those that are there. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
    threads.close();
  }
}
