package io.github.lora4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** What repositories and those who depend on modules want of their POMs. */
class PublishedTest {

  private static final Path ROOT = Path.of("..");

  private static Element pom(Path module) throws Exception {
    Document document = DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder().parse(new File(module.resolve("pom.xml").toString()));
    return document.getDocumentElement();
  }

  private static List<Element> children(Element of, String name) {
    List<Element> found = new ArrayList<>();
    for (Node node = of.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element element && element.getTagName().equals(name)) {
        found.add(element);
      }
    }
    return found;
  }

  private static String text(Element of, String... path) {
    Element at = of;
    for (String name : path) {
      List<Element> next = children(at, name);
      if (next.isEmpty()) {
        return "";
      }
      at = next.getFirst();
    }
    return at.getTextContent().strip();
  }

  private static List<Path> modules() throws Exception {
    return children(children(pom(ROOT), "modules").getFirst(), "module").stream().map(module -> ROOT.resolve(module.getTextContent().strip()))
        .toList();
  }

  private static boolean published(Element pom) {
    return !text(pom, "properties", "maven.deploy.skip").equals("true");
  }

  @Test
  void theBomHasEveryPublishedModuleInThisVersion() throws Exception {
    Element bom = pom(ROOT.resolve("bom"));
    String version = text(pom(ROOT), "version");
    assertEquals(version, text(bom, "version"));
    Set<String> expected = new TreeSet<>();
    for (Path module : modules()) {
      Element pom = pom(module);
      if (published(pom) && !text(pom, "artifactId").equals("lora4j-bom")) {
        expected.add(text(pom, "artifactId") + ":" + version);
      }
    }
    Set<String> listed = new TreeSet<>();
    for (Element dependency : children(children(children(bom, "dependencyManagement").getFirst(), "dependencies").getFirst(), "dependency")) {
      listed.add(text(dependency, "artifactId") + ":" + text(dependency, "version"));
    }
    assertEquals(expected, listed);
  }

  @Test
  void everyPublishedPomSaysWhatARepositoryWants() throws Exception {
    for (Path module : modules()) {
      Element pom = pom(module);
      for (String wanted : List.of("artifactId", "name", "description")) {
        assertTrue(!text(pom, wanted).isEmpty(), module + " lacks " + wanted);
      }
    }
    for (Path own : List.of(ROOT, ROOT.resolve("bom"))) {
      Element pom = pom(own);
      for (String[] wanted : new String[][] {{"url"}, {"licenses", "license", "url"}, {"developers", "developer", "name"}, {"scm", "url"},
          {"scm", "connection"}, {"scm", "developerConnection"}}) {
        assertTrue(!text(pom, wanted).isEmpty(), own + " lacks " + String.join("/", wanted));
      }
    }
  }
}
