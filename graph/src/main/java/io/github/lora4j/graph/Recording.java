package io.github.lora4j.graph;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** What an entry's recording consists of: ops in order, their regions, and what the caller reads. {@link Graph} has a method for each op. */
abstract sealed class Recording permits Graph {

  final ProgramBuilder builder;
  final String entry;
  final List<Program.Node> nodes = new ArrayList<>();
  private final Map<String, Value> outputs = new LinkedHashMap<>();
  final Set<Value> temps = new HashSet<>();
  private final List<Body> bodies = new ArrayList<>();
  String region = "";
  private String recomputed = "";

  /** A region as it was recorded: its ops are those from {@code first} to before {@code end}. */
  record Body(String name, int first, int end, Supplier<?> recording) {}

  Recording(ProgramBuilder builder, String entry) {
    this.builder = builder;
    this.entry = entry;
  }

  /** Where slots are declared. */
  public ProgramBuilder program() {
    return builder;
  }

  /** Records everything that {@code body} records as one region: a layer, the embedding, the head. */
  public <T> T region(String name, Supplier<T> body) {
    String outer = region;
    region = name;
    int first = nodes.size();
    try {
      T result = body.get();
      bodies.add(new Body(name, first, nodes.size(), body));
      return result;
    } finally {
      region = outer;
    }
  }

  /**
   * Lets {@link Graph#backward} compute regions again instead of keeping what they computed until their gradients are due: a forward pass more, and
   * of all but the last only what they begin with is kept. The gradients are the same to the bit. Said before {@code backward}.
   *
   * @param prefix what names of the regions begin with: "layer."
   */
  public void recompute(String prefix) {
    recomputed = prefix;
  }

  /** The regions to compute again. What the last of them computed is read at once, so it is kept. */
  List<Body> recomputedBodies() {
    List<Body> all = bodies.stream().filter(body -> !recomputed.isEmpty() && body.name.startsWith(recomputed)).toList();
    return all.isEmpty() ? all : all.subList(0, all.size() - 1);
  }

  /** Lets the caller read this value after a run of the entry. */
  public Value output(String name, Value value) {
    known(value);
    outputs.put(name, value);
    return value;
  }

  /** A hash of a site's name that no JVM or version changes: FNV-1a over UTF-16 units. */
  public static int siteHash(String site) {
    int hash = 0x811C9DC5;
    for (int i = 0; i < site.length(); i++) {
      hash = (hash ^ site.charAt(i)) * 0x01000193;
    }
    return hash;
  }

  /** Appends an op after its check; what it reads must have been recorded in this entry. */
  public void record(Op op) {
    op.check(new OpCheck(region));
    op.inputs().forEach(this::known);
    op.outputs().stream().filter(value -> !value.slot()).forEach(temps::add);
    nodes.add(new Program.Node(op, region));
  }

  /** Memory of temporaries is shared by entries, so one of another entry would be read as garbage. */
  private void known(Value value) {
    new OpCheck(region).that(value.slot() || temps.contains(value), entry, value.name(), "the value was recorded in another entry");
  }

  /** Puts an op in the place of another, under which it is known; see {@link Gradients#replace}. */
  void replace(Op old, Op by) {
    for (int i = 0; i < nodes.size(); i++) {
      if (nodes.get(i).op().equals(old)) {
        nodes.set(i, new Program.Node(by, nodes.get(i).region()));
        by.outputs().stream().filter(value -> !value.slot()).forEach(temps::add);
        return;
      }
    }
    throw new IllegalStateException("not of this entry: " + old);
  }

  void region(String name) {
    region = name;
  }

  /** A temporary for the result of an op that is to be recorded. */
  public Value temp(String name, Shape shape) {
    return builder.temp(name, shape);
  }

  List<Program.Node> nodes() {
    return nodes;
  }

  Map<String, Value> outputs() {
    return outputs;
  }
}
