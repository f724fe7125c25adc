package io.github.lora4j.testkit.reach;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The reachability-metadata.json of a module, in an order that does not change. */
final class Metadata {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] ALL = {"allDeclaredConstructors", "allDeclaredFields", "allDeclaredMethods"};

  private final Map<String, ObjectNode> types = new TreeMap<>();
  private final Set<String> proxies = new TreeSet<>();
  private final Set<String> resources = new TreeSet<>();
  private final Set<String> bundles = new TreeSet<>();
  private final Map<String, List<String>> downcalls = new TreeMap<>();
  private final Map<String, List<String>> upcalls = new TreeMap<>();

  /** A class all of whose members are found at run time. */
  void whole(String type) {
    ObjectNode node = type(type);
    node.remove("methods");
    for (String all : ALL) {
      node.put(all, true);
    }
  }

  /** A class that a method or constructor of is found at run time. */
  void member(String type, String name, String... parameters) {
    ObjectNode node = type(type);
    if (node.has("allDeclaredMethods")) {
      return;
    }
    ObjectNode method = node.withArray("methods").addObject().put("name", name);
    List.of(parameters).forEach(method.putArray("parameterTypes")::add);
  }

  private ObjectNode type(String type) {
    return types.computeIfAbsent(type, name -> JSON.createObjectNode().put("type", name));
  }

  /** An interface that is implemented at run time. */
  void proxy(String type) {
    proxies.add(type);
  }

  /** A file of the class path. */
  void resource(String name) {
    resources.add(name);
  }

  /** Texts by key. */
  void bundle(String name) {
    bundles.add(name);
  }

  /** Functions of C that are called, and those that C calls. */
  void functions(Uses uses) {
    downcalls.putAll(uses.downcalls);
    upcalls.putAll(uses.upcalls);
  }

  boolean isEmpty() {
    return types.isEmpty() && proxies.isEmpty() && resources.isEmpty() && bundles.isEmpty() && downcalls.isEmpty() && upcalls.isEmpty();
  }

  /** One entry a line. */
  String json() {
    List<ObjectNode> reflection = new ArrayList<>(types.values());
    proxies.forEach(proxy -> {
      ObjectNode node = JSON.createObjectNode();
      node.putObject("type").putArray("proxy").add(proxy);
      reflection.add(node);
    });
    List<ObjectNode> files = new ArrayList<>();
    resources.forEach(resource -> files.add(JSON.createObjectNode().put("glob", resource)));
    bundles.forEach(bundle -> files.add(JSON.createObjectNode().put("bundle", bundle)));
    List<String> parts = new ArrayList<>();
    array("", "reflection", reflection, parts);
    array("", "resources", files, parts);
    List<String> foreign = new ArrayList<>();
    array("  ", "downcalls", functions(downcalls), foreign);
    array("  ", "upcalls", functions(upcalls), foreign);
    if (!foreign.isEmpty()) {
      parts.add("  \"foreign\": {\n" + String.join(",\n", foreign) + "\n  }");
    }
    return "{\n" + String.join(",\n", parts) + "\n}\n";
  }

  private static List<ObjectNode> functions(Map<String, List<String>> functions) {
    return functions.values().stream().map(function -> {
      ObjectNode node = JSON.createObjectNode().put("returnType", function.getFirst());
      function.subList(1, function.size()).forEach(node.putArray("parameterTypes")::add);
      return node;
    }).toList();
  }

  private static void array(String indent, String name, List<ObjectNode> nodes, List<String> parts) {
    if (!nodes.isEmpty()) {
      parts.add(indent + "  \"" + name + "\": [\n" + indent + "    "
          + String.join(",\n" + indent + "    ", nodes.stream().map(ObjectNode::toString).toList()) + "\n" + indent + "  ]");
    }
  }
}
