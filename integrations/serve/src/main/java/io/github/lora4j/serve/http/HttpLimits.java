package io.github.lora4j.serve.http;

import java.time.Duration;

/**
 * What a server takes from strangers.
 *
 * @param body bytes of a request's body
 * @param headers bytes of all its headers
 * @param connections open at a time
 * @param requests worked on at a time
 * @param receiving how long a client may take to send a request
 */
public record HttpLimits(long body, int headers, int connections, int requests, Duration receiving) {

  /** 16 MiB, 64 KiB, 1,024, 512, 30 seconds. */
  public static final HttpLimits DEFAULT = new HttpLimits(16L << 20, 64 << 10, 1024, 512, Duration.ofSeconds(30));

  /**
   * Makes them those of the JDK's server. It reads them once, when the first one of a process is made; what is set by {@code -D} stays.
   */
  void install() {
    // Small answers are sent at once: a token must not wait for the next one.
    set("sun.net.httpserver.nodelay", "true");
    // In seconds.
    set("sun.net.httpserver.maxReqTime", String.valueOf(Math.max(1, receiving.toSeconds())));
    set("sun.net.httpserver.maxReqHeaderSize", String.valueOf(headers));
    set("sun.net.httpserver.maxReqHeaders", "100");
    set("jdk.httpserver.maxConnections", String.valueOf(connections));
    set("sun.net.httpserver.maxIdleConnections", String.valueOf(connections));
  }

  private static void set(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }
}
