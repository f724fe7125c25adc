package io.github.lora4j.models;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects the modules of a recording, and lists them as Hugging Face's {@code named_modules()} does: parents before children. */
final class ModuleTree implements SiteHooks {

  private final Map<String, ModuleInfo> modules = new LinkedHashMap<>();
  private final Map<String, List<String>> orders = new LinkedHashMap<>();
  final Map<String, String> aliases = new LinkedHashMap<>();

  @Override
  public void module(ModuleInfo module) {
    ModuleInfo known = modules.putIfAbsent(module.name(), module);
    if (known != null && !known.equals(module)) {
      throw new ConfigException("module %s is recorded as %s and as %s".formatted(module.name(), known, module));
    }
  }

  @Override
  public void alias(String parameter, String source) {
    aliases.put(parameter, source);
  }

  @Override
  public void order(String module, List<String> children) {
    orders.put(module, children);
  }

  /** Modules recorded so far, in the order of the recording. */
  List<ModuleInfo> recorded() {
    return List.copyOf(modules.values());
  }

  /** A module and what it contains. */
  private record Node(String name, Map<String, Node> children) {}

  /** All modules; what names lead through is a container. */
  List<ModuleInfo> listed() {
    Node root = new Node("", new LinkedHashMap<>());
    for (String name : modules.keySet()) {
      Node at = root;
      for (int from = 0; from <= name.length();) {
        int dot = name.indexOf('.', from);
        int end = dot < 0 ? name.length() : dot;
        String whole = name.substring(0, end);
        at = at.children.computeIfAbsent(name.substring(from, end), leaf -> new Node(whole, new LinkedHashMap<>()));
        from = end + 1;
      }
    }
    List<ModuleInfo> list = new ArrayList<>();
    list(root, list);
    return List.copyOf(list);
  }

  private void list(Node node, List<ModuleInfo> into) {
    if (!node.name.isEmpty()) {
      into.add(modules.getOrDefault(node.name, ModuleInfo.other(node.name, ModuleInfo.Kind.CONTAINER)));
    }
    List<String> first = orders.getOrDefault(node.name, List.of());
    first.stream().filter(child -> !node.children.containsKey(child)).findFirst().ifPresent(child -> {
      throw new ConfigException("order(%s) names %s, which is not recorded".formatted(node.name, child));
    });
    node.children.entrySet().stream()
        .sorted(Comparator.comparingInt(e -> first.contains(e.getKey()) ? first.indexOf(e.getKey()) : first.size()))
        .forEach(e -> list(e.getValue(), into));
  }
}
