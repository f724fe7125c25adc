package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.serve.page.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page in a real Chromium, where one is installed. Pictures of it lie in {@code target/page}. */
class BrowserTest {

  private static final String CONTROLS = "input, select, textarea, button, summary, a";

  @TempDir
  Path directory;
  TinyServer tiny;
  Browser browser;

  @BeforeEach
  void start() throws Exception {
    Optional<Path> driver = Browser.driver();
    assumeTrue(driver.isPresent(), "skipped: no chromedriver on PATH; Debian has it in the package chromium-driver");
    TinyServer.write(directory, "pirate", "poet");
    Path workspace = Files.createDirectory(directory.resolve("work"));
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      rows.add("{\"messages\": [{\"role\": \"user\", \"content\": \"%d?\"}, {\"role\": \"assistant\", \"content\": \"yes %d\"}]}".formatted(i, i));
    }
    Files.write(workspace.resolve("talk.jsonl"), rows);
    tiny = new TinyServer(directory, TinyServer.room(4, 0), EngineLimits.DEFAULT, ServerOptions.LOCAL.working(Workspace.of(workspace)), "pirate",
        "poet");
    browser = Browser.start(driver.get(), directory.resolve("profile"));
    browser.look(1200, 900, false);
    // What Chromium's own first page has asked for is not the page's.
    browser.open("about:blank");
    browser.requests();
    browser.open(tiny.server.address() + "/");
    browser.await("document.querySelectorAll('#voices input').length === 3");
  }

  @AfterEach
  void stop() throws Exception {
    if (browser != null) {
      browser.close();
    }
    if (tiny != null) {
      tiny.close();
    }
  }

  @Test
  void chatsComparesWatchesAndTrains() throws Exception {
    browser.type("#tokens", "12");
    browser.type("#say", "Hi");
    browser.press(Browser.CONTROL, Browser.ENTER);
    browser.await("document.querySelectorAll('#answers article').length === 3 && document.getElementById('chat-stop').disabled");
    List<String> said = new ArrayList<>();
    for (String model : List.of("tiny", "pirate", "poet")) {
      JsonNode answer = browser.run("return document.querySelector('article[aria-label=%s] .turn:not(.user)').textContent".formatted(model));
      assertEquals(tiny.ask("/v1/chat/completions", ("{\"model\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], "
          + "\"temperature\": 0, \"max_tokens\": 12}").formatted(model)).at("/choices/0/message/content").textValue(), answer.textValue());
      said.add(answer.textValue());
    }
    assertNotEquals(said.get(0), said.get(1), "base and adapter side by side");
    pictures("chat");

    browser.click("#tab-data");
    browser.await("document.getElementById('file').value === 'talk.jsonl'");
    browser.click("#data-form button");
    browser.await("document.querySelectorAll('#masks mark').length > 0");
    assertTrue(browser.run("return document.getElementById('data-state').textContent").textValue().startsWith("Task chat: 12 examples"));
    pictures("data");

    browser.click("#tab-train");
    browser.await("document.getElementById('t-train').value === 'talk.jsonl'");
    browser.type("#t-output", "from-the-page");
    browser.type("#t-r", "2");
    browser.type("#t-batch", "4");
    browser.type("#t-epochs", "3");
    browser.click("#recipe-show");
    browser.await("document.getElementById('recipe').textContent.includes('r: 2')");
    pictures("train");
    browser.click("#train-form .main");
    browser.await("document.getElementById('run-state').textContent.startsWith('from-the-page: finished after 9 steps')");
    assertEquals(9, browser.run("return document.querySelector('#curve polyline').points.numberOfItems").intValue());
    assertEquals("from-the-page", browser.run("return document.querySelector('#run').selectedOptions[0].textContent").textValue());
    browser.click("#view-runs summary");
    pictures("runs");
    assertTrue(Files.exists(directory.resolve("work/from-the-page/adapter/adapter_model.safetensors")));

    List<String> requests = browser.requests();
    assertFalse(requests.isEmpty());
    assertTrue(requests.stream().allMatch(url -> url.startsWith(tiny.server.address() + "/") || url.startsWith("data:")), requests.toString());
    assertEquals(List.of(), browser.complaints());
  }

  @Test
  void keysAloneAreEnoughAndEverythingHasAName() throws Exception {
    browser.press(Browser.TAB);
    assertEquals("Skip to content", browser.run("return document.activeElement.textContent").textValue());
    browser.press(Browser.TAB);
    assertEquals("tab-chat", focus());
    browser.press(Browser.END);
    assertEquals("tab-train", focus());
    assertEquals("true", browser.run("return document.activeElement.getAttribute('aria-selected')").textValue());
    assertTrue(browser.run("return !document.getElementById('view-train').hidden && document.getElementById('view-chat').hidden").booleanValue());
    named();
    browser.press(Browser.HOME);
    named();
    for (String tab : List.of("tab-runs", "tab-data")) {
      browser.press(Browser.RIGHT);
      assertEquals(tab, focus());
      named();
    }
    browser.press(Browser.HOME);
    // From the tabs over the models and settings to the message, and with one key to the answers.
    for (int i = 0; i < 12 && !focus().equals("say"); i++) {
      browser.press(Browser.TAB);
    }
    assertEquals("say", focus());
    browser.press("a");
    browser.press(Browser.CONTROL, Browser.ENTER);
    browser.await("document.querySelectorAll('#answers article').length === 3 && document.getElementById('chat-stop').disabled");
    assertEquals("say", focus());
    assertEquals("polite", browser.run("return document.getElementById('answers').getAttribute('aria-live')").textValue());
  }

  private String focus() throws IOException, InterruptedException {
    return browser.run("return document.activeElement.id").asText();
  }

  private void named() throws IOException, InterruptedException {
    List<String> names = browser.names(CONTROLS);
    assertTrue(names.size() > 5 && names.stream().noneMatch(String::isBlank), names.toString());
  }

  private void pictures(String view) throws IOException, InterruptedException {
    for (int width : new int[] {1200, 360}) {
      for (boolean dark : new boolean[] {false, true}) {
        browser.look(width, 900, dark);
        assertTrue(browser.run("return document.documentElement.scrollWidth <= window.innerWidth").booleanValue(),
            view + " is wider than " + width + " pixels");
        browser.screenshot(Path.of("target/page/%s-%d-%s.png".formatted(view, width, dark ? "dark" : "light")));
      }
    }
    browser.look(1200, 900, false);
  }
}
