package io.github.lora4j.serve.http;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What is found where. */
public final class Routes {

  private record Route(Handler handler, boolean open) {}

  private final Map<String, Map<String, Route>> routes = new LinkedHashMap<>();

  /** A handler for a method and a path. */
  public Routes add(String method, String path, Handler handler) {
    routes.computeIfAbsent(path, p -> new LinkedHashMap<>()).put(method, new Route(handler, false));
    return this;
  }

  /** A handler for GET that needs no key. */
  public Routes open(String path, Handler handler) {
    routes.computeIfAbsent(path, p -> new LinkedHashMap<>()).put("GET", new Route(handler, true));
    return this;
  }

  /** Whether a path is one of these; for counts by path, which must not grow with what clients make up. */
  boolean has(String path) {
    return routes.containsKey(path);
  }

  /**
   * Who answers a call.
   *
   * @throws Refusal when nobody does, or the key is wrong
   */
  Handler of(Call call, Guard guard) {
    Map<String, Route> methods = routes.get(call.path());
    if (methods == null) {
      guard.key(call);
      throw Refusal.of(404, "unknown_url", "there is no %s here; see /v1/models, /v1/chat/completions, /health".formatted(call.path()));
    }
    Route route = methods.get(call.method().equals("HEAD") ? "GET" : call.method());
    if (route == null) {
      Set<String> allowed = new TreeSet<>(methods.keySet());
      call.with("Allow", String.join(", ", allowed));
      throw Refusal.of(405, "method_not_allowed", "%s takes %s".formatted(call.path(), String.join(", ", allowed)));
    }
    if (!route.open) {
      guard.key(call);
    }
    return route.handler;
  }
}
