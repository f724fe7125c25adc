package io.github.lora4j.serve;

import io.github.lora4j.serve.adapters.Loading;
import io.github.lora4j.serve.http.Guard;
import io.github.lora4j.serve.http.HttpLimits;
import io.github.lora4j.serve.page.Workspace;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * Where a server listens, and to whom.
 *
 * @param host a name or address of this machine; a loopback address is reached from this machine alone
 * @param port 0: any that is free
 * @param tls empty for plain HTTP
 * @param key what clients must send as {@code Authorization: Bearer KEY}; empty: nothing
 * @param origins of web pages that may call, beside the server's own
 * @param limits of requests
 * @param adapters which may be loaded
 * @param workspace where the page finds data and runs, and trains; empty: it chats only
 */
public record ServerOptions(String host, int port, Optional<SSLContext> tls, String key, List<String> origins, HttpLimits limits, Loading adapters,
    Optional<Workspace> workspace) {

  /** The same with adapters that may be loaded. */
  public ServerOptions loading(Loading which) {
    return new ServerOptions(host, port, tls, key, origins, limits, which, workspace);
  }

  /** The same with a directory for the page. */
  public ServerOptions working(Workspace in) {
    return new ServerOptions(host, port, tls, key, origins, limits, adapters, Optional.of(in));
  }

  /** This machine alone, any port, no key. */
  public static final ServerOptions LOCAL = new ServerOptions("127.0.0.1", 0, Optional.empty(), "", List.of(), HttpLimits.DEFAULT,
      Loading.NONE, Optional.empty());

  /** Copies the list. */
  public ServerOptions {
    origins = List.copyOf(origins);
  }

  Guard guard(boolean loopback) {
    return new Guard(key, origins, loopback);
  }

  @Override
  public String toString() {
    return "ServerOptions[host=%s, port=%d, tls=%s, key=%s]".formatted(host, port, tls.isPresent(), key.isEmpty() ? "none" : "set");
  }
}
