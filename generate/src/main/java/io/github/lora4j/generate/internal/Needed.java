package io.github.lora4j.generate.internal;

import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Leaves out of entries what nothing needs: a model is recorded whole, also where only one of its halves is to run. */
final class Needed {

  private Needed() {}

  /** The program whose entries compute their outputs, and what they write to slots, and nothing beside. */
  static Program of(Program program) {
    Map<String, Program.Entry> entries = new HashMap<>();
    program.entries().forEach((name, entry) -> entries.put(name, of(entry)));
    return new Program(program.axes(), program.slots(), program.parameters(), entries, program.constants());
  }

  private static Program.Entry of(Program.Entry entry) {
    Set<Value> read = new HashSet<>(entry.outputs().values());
    Deque<Program.Node> needed = new ArrayDeque<>();
    for (Program.Node node : entry.nodes().reversed()) {
      Op op = node.op();
      if (op.outputs().stream().anyMatch(value -> value.slot() || read.contains(value))) {
        read.addAll(op.inputs());
        needed.addFirst(node);
      }
    }
    return new Program.Entry(entry.name(), List.copyOf(needed), entry.outputs());
  }
}
