package io.github.lora4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A Chromium without a window, driven by chromedriver in the words of the W3C's WebDriver protocol: what the test of a page needs of it. */
final class Browser implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern PORT = Pattern.compile("successfully on port (\\d+)");
  private static final String ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

  static final String CONTROL = "\uE009";
  static final String ENTER = "\uE007";
  static final String TAB = "\uE004";
  static final String END = "\uE010";
  static final String HOME = "\uE011";
  static final String RIGHT = "\uE014";

  private final HttpClient client = HttpClient.newHttpClient();
  private final Process driver;
  private final String session;

  private Browser(Path chromedriver, Path profile) throws IOException, InterruptedException {
    driver = new ProcessBuilder(chromedriver.toString(), "--port=0").redirectErrorStream(true).start();
    BufferedReader said = driver.inputReader();
    String port = "";
    while (port.isEmpty()) {
      String line = said.readLine();
      if (line == null) {
        throw new IOException(chromedriver + " ended at once");
      }
      Matcher matcher = PORT.matcher(line);
      port = matcher.find() ? matcher.group(1) : "";
    }
    String root = "http://127.0.0.1:" + port + "/session";
    ObjectNode asked = JSON.createObjectNode();
    ObjectNode wanted = asked.putObject("capabilities").putObject("alwaysMatch").put("browserName", "chrome");
    wanted.putObject("goog:loggingPrefs").put("performance", "ALL").put("browser", "ALL");
    ObjectNode options = wanted.putObject("goog:chromeOptions");
    List.of("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir=" + profile)
        .forEach(options.putArray("args")::add);
    try {
      session = root + "/" + send("POST", root, asked).path("sessionId").asText();
    } catch (IOException | RuntimeException e) {
      driver.destroy();
      throw e;
    }
  }

  /** The driver of an installed Chromium, if there is one on the path. */
  static Optional<Path> driver() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator)).map(folder -> Path.of(folder, "chromedriver")).filter(Files::isExecutable)
        .findFirst();
  }

  static Browser start(Path chromedriver, Path profile) throws IOException, InterruptedException {
    return new Browser(chromedriver, profile);
  }

  private JsonNode send(String method, String url, JsonNode body) throws IOException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).method(method, body.isNull() ? HttpRequest.BodyPublishers.noBody()
        : HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)));
    HttpResponse<String> response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    JsonNode value = JSON.readTree(response.body()).path("value");
    if (response.statusCode() != 200) {
      throw new IOException(method + " " + url + ": " + value.path("message").asText());
    }
    return value;
  }

  private JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
    return send("POST", session + path, body);
  }

  void open(String address) throws IOException, InterruptedException {
    post("/url", JSON.createObjectNode().put("url", address));
  }

  /** What a script returns. */
  JsonNode run(String script) throws IOException, InterruptedException {
    ObjectNode body = JSON.createObjectNode().put("script", script);
    body.putArray("args");
    return post("/execute/sync", body);
  }

  /** Waits until an expression of JavaScript is true. */
  void await(String expression) throws IOException, InterruptedException {
    long until = System.nanoTime() + 120_000_000_000L;
    while (!run("return !!(" + expression + ")").booleanValue()) {
      if (System.nanoTime() > until) {
        throw new AssertionError("the page did not come to: " + expression + "; it says " + run("return document.body.innerText"));
      }
      Thread.sleep(50);
    }
  }

  private String element(String selector) throws IOException, InterruptedException {
    return post("/element", JSON.createObjectNode().put("using", "css selector").put("value", selector)).path(ELEMENT).asText();
  }

  void click(String selector) throws IOException, InterruptedException {
    post("/element/" + element(selector) + "/click", JSON.createObjectNode());
  }

  /** Replaces what an input holds. */
  void type(String selector, String text) throws IOException, InterruptedException {
    String element = element(selector);
    post("/element/" + element + "/clear", JSON.createObjectNode());
    post("/element/" + element + "/value", JSON.createObjectNode().put("text", text));
  }

  /** Presses keys where the focus is; those before the last are held. */
  void press(String... keys) throws IOException, InterruptedException {
    ObjectNode body = JSON.createObjectNode();
    ObjectNode keyboard = body.putArray("actions").addObject().put("type", "key").put("id", "keyboard");
    var actions = keyboard.putArray("actions");
    for (String key : keys) {
      actions.addObject().put("type", "keyDown").put("value", key);
    }
    for (int i = keys.length - 1; i >= 0; i--) {
      actions.addObject().put("type", "keyUp").put("value", keys[i]);
    }
    post("/actions", body);
  }

  /** The names by which a screen reader calls the visible elements of a kind. */
  List<String> names(String selector) throws IOException, InterruptedException {
    List<String> names = new ArrayList<>();
    for (JsonNode found : post("/elements", JSON.createObjectNode().put("using", "css selector").put("value", selector))) {
      String path = session + "/element/" + found.path(ELEMENT).asText();
      if (send("GET", path + "/displayed", JSON.nullNode()).booleanValue()) {
        names.add(send("GET", path + "/computedlabel", JSON.nullNode()).asText());
      }
    }
    return names;
  }

  /** Width, and whether the user likes it dark. */
  void look(int width, int height, boolean dark) throws IOException, InterruptedException {
    ObjectNode size = JSON.createObjectNode().put("cmd", "Emulation.setDeviceMetricsOverride");
    size.putObject("params").put("width", width).put("height", height).put("deviceScaleFactor", 1).put("mobile", false);
    post("/goog/cdp/execute", size);
    ObjectNode media = JSON.createObjectNode().put("cmd", "Emulation.setEmulatedMedia");
    media.putObject("params").putArray("features").addObject().put("name", "prefers-color-scheme").put("value", dark ? "dark" : "light");
    post("/goog/cdp/execute", media);
  }

  void screenshot(Path file) throws IOException, InterruptedException {
    Files.createDirectories(file.getParent());
    Files.write(file, Base64.getDecoder().decode(send("GET", session + "/screenshot", JSON.nullNode()).asText()));
  }

  /** What the page has complained of. */
  List<String> complaints() throws IOException, InterruptedException {
    List<String> all = new ArrayList<>();
    post("/se/log", JSON.createObjectNode().put("type", "browser")).forEach(entry -> all.add(entry.path("message").asText()));
    return all;
  }

  /** Addresses that the page has asked for. */
  List<String> requests() throws IOException, InterruptedException {
    List<String> all = new ArrayList<>();
    for (JsonNode entry : post("/se/log", JSON.createObjectNode().put("type", "performance"))) {
      JsonNode message = JSON.readTree(entry.path("message").asText()).path("message");
      if (message.path("method").asText().equals("Network.requestWillBeSent")) {
        all.add(message.at("/params/request/url").asText());
      }
    }
    return all;
  }

  @Override
  public void close() throws IOException, InterruptedException {
    try {
      send("DELETE", session, JSON.nullNode());
    } finally {
      driver.destroy();
      driver.waitFor();
      client.close();
    }
  }
}
