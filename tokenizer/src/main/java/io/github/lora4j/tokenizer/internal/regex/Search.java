package io.github.lora4j.tokenizer.internal.regex;

import io.github.lora4j.tokenizer.internal.text.CodePoints;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;

/** Runs programs on {@code text[from, to)}; what may have to be tried otherwise lies on a stack of its own. */
final class Search {

  private static final Node.Kind[] KINDS = Node.Kind.values();
  private static final CodePoints WORD = CodePoints.of(Sets.word());
  private static final long STEPS_PER_CHARACTER = 1000;
  private static final long STEPS_AT_LEAST = 1_000_000;

  private final Text text;
  private final int from;
  private final int to;
  private final String pattern;
  private long steps;
  private int[] stack = new int[96];
  private int top;

  Search(Text text, int from, int to, String pattern) {
    this.text = text;
    this.from = from;
    this.to = to;
    this.pattern = pattern;
    this.steps = STEPS_AT_LEAST + STEPS_PER_CHARACTER * (to - from);
  }

  /** Where the match ends that starts at a place, or −1. */
  int match(Program program, int start) {
    return run(program, start, -1);
  }

  /** The same; with {@code end} of 0 and more only a match that ends there. */
  private int run(Program program, int start, int end) {
    int base = top;
    int[] code = program.code();
    int[] registers = new int[program.registers()];
    int pc = 0;
    int at = start;
    while (true) {
      if (--steps < 0) {
        throw new ConfigException("regular expression " + (pattern.length() > 200 ? pattern.substring(0, 200) + "..." : pattern)
            + " takes more than " + STEPS_PER_CHARACTER + " steps a character on a text of " + (to - from) + " characters");
      }
      boolean fine = true;
      switch (code[pc]) {
        case Program.MATCH -> {
          if (end < 0 || at == end) {
            top = base;
            return at;
          }
          fine = false;
        }
        case Program.CHAR -> {
          fine = at < to && text.at(at) == code[pc + 1];
          at++;
          pc += Program.WIDTH;
        }
        case Program.SET -> {
          fine = at < to && program.sets()[code[pc + 1]].has(text.at(at));
          at++;
          pc += Program.WIDTH;
        }
        case Program.SPLIT -> {
          push(code[pc + 2], at, 0);
          pc = code[pc + 1];
        }
        case Program.JUMP -> pc = code[pc + 1];
        case Program.GUARD -> {
          if (at < to && program.sets()[code[pc + 1]].has(text.at(at))) {
            pc += Program.WIDTH;
          } else {
            pc = code[pc + 2];
            fine = pc >= 0;
          }
        }
        case Program.LOOP, Program.LOOP_ONCE -> {
          int reached = loop(program.sets()[code[pc + 1]], at, code[pc + 3]);
          int least = at + code[pc + 2];
          fine = reached >= least;
          boolean once = code[pc] == Program.LOOP_ONCE;
          pc += Program.WIDTH;
          if (fine && !once && reached > least) {
            push(~pc, reached - 1, least);
          }
          at = reached;
        }
        case Program.ATOMIC -> {
          at = run(program.inner()[code[pc + 1]], at, -1);
          fine = at >= 0;
          pc += Program.WIDTH;
        }
        case Program.AHEAD, Program.NOT_AHEAD -> {
          fine = run(program.inner()[code[pc + 1]], at, -1) >= 0 == (code[pc] == Program.AHEAD);
          pc += Program.WIDTH;
        }
        case Program.BEHIND, Program.NOT_BEHIND -> {
          fine = behind(program.inner()[code[pc + 1]], at, code[pc + 2], code[pc + 3]) == (code[pc] == Program.BEHIND);
          pc += Program.WIDTH;
        }
        case Program.PLACE -> {
          fine = place(KINDS[code[pc + 1]], at);
          pc += Program.WIDTH;
        }
        case Program.MARK -> {
          int register = code[pc + 1];
          push(Integer.MIN_VALUE + register, registers[register], 0);
          registers[register] = at;
          pc += Program.WIDTH;
        }
        case Program.CHECK -> pc = registers[code[pc + 1]] == at ? code[pc + 2] : pc + Program.WIDTH;
        default -> throw new IllegalStateException("step " + code[pc]);
      }
      while (!fine) {
        if (top == base) {
          return -1;
        }
        top -= 3;
        pc = stack[top];
        at = stack[top + 1];
        fine = true;
        if (pc < -(1 << 30)) {
          registers[pc - Integer.MIN_VALUE] = at;
          fine = false;
        } else if (pc < 0) {
          if (at > stack[top + 2]) {
            stack[top + 1]--;
            top += 3;
          }
          pc = ~pc;
        }
      }
    }
  }

  private int loop(CodePoints set, int at, int most) {
    int limit = most < 0 || most > to - at ? to : at + most;
    int reached = at;
    while (reached < limit && set.has(text.at(reached))) {
      reached++;
    }
    steps -= reached - at >> 2;
    return reached;
  }

  private boolean behind(Program program, int at, int least, int most) {
    for (int width = least; width <= most && width <= at - from; width++) {
      if (run(program, at - width, at) >= 0) {
        return true;
      }
    }
    return false;
  }

  private boolean place(Node.Kind kind, int at) {
    return switch (kind) {
      case LINE_START -> at == from || at < to && text.at(at - 1) == '\n';
      case LINE_END -> at == to || text.at(at) == '\n';
      case TEXT_START -> at == from;
      case TEXT_END -> at == to;
      case TEXT_END_OR_LAST_LINE -> at == to || at == to - 1 && text.at(at) == '\n';
      case WORD_EDGE -> word(at - 1) != word(at);
      case NO_WORD_EDGE -> word(at - 1) == word(at);
    };
  }

  private boolean word(int at) {
    return at >= from && at < to && WORD.has(text.at(at));
  }

  private void push(int pc, int at, int least) {
    if (top + 3 > stack.length) {
      stack = Arrays.copyOf(stack, stack.length * 2);
    }
    stack[top] = pc;
    stack[top + 1] = at;
    stack[top + 2] = least;
    top += 3;
  }
}
