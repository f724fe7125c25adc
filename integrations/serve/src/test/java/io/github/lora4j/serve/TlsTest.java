package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.serve.http.HttpLimits;
import io.github.lora4j.serve.http.Tls;
import io.github.lora4j.vector.ConfigException;
import java.io.ByteArrayInputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** HTTPS, by either kind of file. */
class TlsTest {

  private static final String PASSWORD = "changeit";

  @TempDir
  Path directory;

  private KeyStore made(Path file) throws Exception {
    Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(), "-genkeypair", "-alias", "server", "-keyalg", "EC",
        "-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1", "-storetype", "PKCS12", "-keystore", file.toString(), "-storepass", PASSWORD)
        .redirectErrorStream(true).start();
    String said = new String(keytool.getInputStream().readAllBytes());
    assertEquals(0, keytool.waitFor(), said);
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(new ByteArrayInputStream(Files.readAllBytes(file)), PASSWORD.toCharArray());
    return store;
  }

  private static String pem(String kind, byte[] bytes) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(kind, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes), kind);
  }

  @Test
  void clientsThatTrustTheCertificateAreServed() throws Exception {
    Path file = directory.resolve("server.p12");
    KeyStore store = made(file);
    Path certificate = Files.writeString(directory.resolve("cert.pem"), pem("CERTIFICATE", store.getCertificate("server").getEncoded()));
    Path key = Files.writeString(directory.resolve("key.pem"), pem("PRIVATE KEY", store.getKey("server", PASSWORD.toCharArray()).getEncoded()));
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("server", store.getCertificate("server"));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext client = SSLContext.getInstance("TLS");
    client.init(null, trust.getTrustManagers(), null);
    TinyServer.write(directory);
    for (SSLContext tls : List.of(Tls.pkcs12(file, PASSWORD), Tls.pem(certificate, key))) {
      ServerOptions options = new ServerOptions("127.0.0.1", 0, Optional.of(tls), "", List.of(), HttpLimits.DEFAULT, ServerOptions.LOCAL.adapters(),
          Optional.empty());
      try (TinyServer tiny = new TinyServer(directory, TinyServer.room(2, 0), EngineLimits.DEFAULT, options);
          HttpClient https = HttpClient.newBuilder().sslContext(client).build()) {
        assertTrue(tiny.server.address().startsWith("https://"));
        HttpResponse<String> answer = https.send(tiny.request("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 5, \"stream\": true}").build(),
            HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode());
        assertTrue(answer.body().endsWith("data: [DONE]\n\n"));
        assertThrows(java.io.IOException.class, () -> tiny.client.send(HttpRequest.newBuilder(tiny.uri("/health")).build(),
            HttpResponse.BodyHandlers.ofString()), "who does not trust it is not served");
      }
    }
  }

  @Test
  void filesThatAreNoneAreNamed() throws Exception {
    Path file = directory.resolve("server.p12");
    made(file);
    Path nonsense = Files.writeString(directory.resolve("nonsense"), "nonsense");
    assertTrue(assertThrows(ConfigException.class, () -> Tls.pkcs12(file, "wrong")).getMessage().contains("server.p12"));
    assertTrue(assertThrows(ConfigException.class, () -> Tls.pkcs12(nonsense, "")).getMessage().contains("nonsense"));
    assertTrue(assertThrows(ConfigException.class, () -> Tls.pem(nonsense, nonsense)).getMessage().contains("nonsense"));
    assertTrue(assertThrows(ConfigException.class, () -> Tls.pem(nonsense, directory.resolve("gone"))).getMessage().contains("gone"));
  }
}
