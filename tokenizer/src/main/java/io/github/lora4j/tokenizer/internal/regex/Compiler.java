package io.github.lora4j.tokenizer.internal.regex;

import io.github.lora4j.tokenizer.internal.text.CodePoints;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes a program of a tree. */
final class Compiler {

  private static final int MAX_SIZE = 100_000;
  private static final int MAX_SETS = 2_000;

  private final Parser parser;
  private final Map<BitSet, CodePoints> known;
  private final List<CodePoints> sets = new ArrayList<>();
  private final List<Program> inner = new ArrayList<>();
  private int[] code = new int[64];
  private int size;
  private int registers;

  private Compiler(Parser parser, Map<BitSet, CodePoints> known) {
    this.parser = parser;
    this.known = known;
  }

  static Program compile(Node node, Parser parser) {
    return new Compiler(parser, new HashMap<>()).program(node);
  }

  private Program program(Node node) {
    emit(node);
    op(Program.MATCH, 0, 0, 0);
    return new Program(Arrays.copyOf(code, size), sets.toArray(CodePoints[]::new), inner.toArray(Program[]::new), registers);
  }

  private void emit(Node node) {
    switch (node) {
      case Node.Row row -> row.nodes().forEach(this::emit);
      case Node.Literal literal -> op(Program.CHAR, literal.c(), 0, 0);
      case Node.One one -> op(Program.SET, set(one.set()), 0, 0);
      case Node.Choice choice -> choice(choice.nodes());
      case Node.Repeat repeat -> repeat(repeat);
      case Node.Atomic atomic -> atomic(atomic.node());
      case Node.Look look -> look(look);
      case Node.Place place -> op(Program.PLACE, place.kind().ordinal(), 0, 0);
    }
  }

  private void choice(List<Node> nodes) {
    List<Integer> ends = new ArrayList<>();
    for (int i = 0; i < nodes.size(); i++) {
      BitSet first = Widths.first(nodes.get(i));
      int guard = first == null ? -1 : op(Program.GUARD, set(first), 0, 0);
      boolean last = i == nodes.size() - 1;
      int split = last ? -1 : op(Program.SPLIT, size + Program.WIDTH, 0, 0);
      emit(nodes.get(i));
      if (!last) {
        ends.add(op(Program.JUMP, 0, 0, 0));
        code[split + 2] = size;
      }
      if (guard >= 0) {
        // Behind the last alternative there is nothing else to try.
        code[guard + 2] = last ? -1 : size;
      }
    }
    ends.forEach(end -> code[end + 1] = size);
  }

  private void repeat(Node.Repeat repeat) {
    Node node = repeat.node();
    if (repeat.mode() == Node.Mode.GREEDY && node instanceof Node.One one) {
      op(Program.LOOP, set(one.set()), repeat.least(), repeat.most());
      return;
    }
    if (repeat.mode() == Node.Mode.GREEDY && node instanceof Node.Literal literal) {
      op(Program.LOOP, set(Sets.of(literal.c(), literal.c())), repeat.least(), repeat.most());
      return;
    }
    boolean lazy = repeat.mode() == Node.Mode.LAZY;
    for (int i = 0; i < repeat.least(); i++) {
      emit(node);
    }
    if (repeat.most() < 0) {
      int register = registers++;
      int split = op(Program.SPLIT, 0, 0, 0);
      op(Program.MARK, register, 0, 0);
      emit(node);
      int check = op(Program.CHECK, register, 0, 0);
      op(Program.JUMP, split, 0, 0);
      split(split, lazy);
      code[check + 2] = size;
      return;
    }
    List<Integer> splits = new ArrayList<>();
    for (int i = repeat.least(); i < repeat.most(); i++) {
      splits.add(op(Program.SPLIT, 0, 0, 0));
      emit(node);
    }
    splits.forEach(split -> split(split, lazy));
  }

  /** A split between what follows it and the end of the program so far. */
  private void split(int at, boolean lazy) {
    code[at + (lazy ? 2 : 1)] = at + Program.WIDTH;
    code[at + (lazy ? 1 : 2)] = size;
  }

  private void atomic(Node node) {
    if (node instanceof Node.Repeat repeat && repeat.mode() == Node.Mode.GREEDY && repeat.node() instanceof Node.One one) {
      op(Program.LOOP_ONCE, set(one.set()), repeat.least(), repeat.most());
    } else {
      op(Program.ATOMIC, inner(node), 0, 0);
    }
  }

  private void look(Node.Look look) {
    int program = inner(look.node());
    if (!look.behind()) {
      op(look.negative() ? Program.NOT_AHEAD : Program.AHEAD, program, 0, 0);
      return;
    }
    int most = Widths.most(look.node());
    if (most < 0) {
      throw parser.broken("looks behind without a bound");
    }
    op(look.negative() ? Program.NOT_BEHIND : Program.BEHIND, program, Widths.least(look.node()), most);
  }

  private int inner(Node node) {
    inner.add(new Compiler(parser, known).program(node));
    return inner.size() - 1;
  }

  private int set(BitSet set) {
    CodePoints points = known.computeIfAbsent(set, CodePoints::of);
    if (known.size() > MAX_SETS) {
      throw parser.broken("has more than " + MAX_SETS + " sets of characters");
    }
    int index = sets.indexOf(points);
    if (index < 0) {
      sets.add(points);
      index = sets.size() - 1;
    }
    return index;
  }

  private int op(int kind, int first, int second, int third) {
    if (size + Program.WIDTH > code.length) {
      if (size > MAX_SIZE) {
        throw parser.broken("becomes a program of more than " + MAX_SIZE + " steps");
      }
      code = Arrays.copyOf(code, code.length * 2);
    }
    code[size] = kind;
    code[size + 1] = first;
    code[size + 2] = second;
    code[size + 3] = third;
    size += Program.WIDTH;
    return size - Program.WIDTH;
  }
}
