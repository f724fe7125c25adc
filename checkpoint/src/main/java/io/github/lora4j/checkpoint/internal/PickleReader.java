package io.github.lora4j.checkpoint.internal;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the part of Python's pickle language that plain data needs. Nothing is ever executed: a name of a Python function or class is only
 * a name, and {@link Calls} decides which of them mean anything. Work and memory are bounded by the length of the text; no step recurses.
 */
final class PickleReader {

  /** What stands for Python's None. */
  enum None { NONE }

  /** A Python function or class, as "module.name". */
  record Global(String name) {}

  /** What names and persistent ids mean. */
  interface Calls {
    /** Checks that a name is among those that are known. */
    Global global(String name);

    /** The result of calling a known function. */
    Object call(Global function, List<?> arguments);

    /** The object that lies outside the pickle. */
    Object persistent(Object id);
  }

  /** The text is no pickle, cut off, or uses what plain data does not. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1;

    Malformed(String message) {
      super(message);
    }
  }

  private enum Mark { MARK }

  private final ByteBuffer in;
  private final Calls calls;
  private final Deque<Object> stack = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  PickleReader(byte[] text, Calls calls) {
    in = ByteBuffer.wrap(text).order(ByteOrder.LITTLE_ENDIAN);
    this.calls = calls;
  }

  /** The one object that the text describes: Map, List (also of tuples), String, Long, Double, Boolean, None, Global or a call's result. */
  Object read() throws Malformed {
    try {
      while (true) {
        int at = in.position();
        int code = in.get() & 0xFF;
        if (code == '.') {
          Object result = pop();
          if (!stack.isEmpty()) {
            throw new Malformed("ends with " + stack.size() + " values too many");
          }
          return result;
        }
        step(code, at);
      }
    } catch (BufferUnderflowException e) {
      throw new Malformed("is cut off after " + in.limit() + " bytes");
    }
  }

  private void step(int code, int at) throws Malformed {
    switch (code) {
      case 0x80 -> protocol(in.get());
      case 0x95 -> in.getLong(); // a frame only says how much to read ahead
      case '(' -> stack.push(Mark.MARK);
      case 'N' -> stack.push(None.NONE);
      case 0x88 -> stack.push(true);
      case 0x89 -> stack.push(false);
      case 'K' -> stack.push((long) (in.get() & 0xFF));
      case 'M' -> stack.push((long) (in.getShort() & 0xFFFF));
      case 'J' -> stack.push((long) in.getInt());
      case 0x8A -> stack.push(big(in.get() & 0xFF));
      case 'G' -> stack.push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
      case 'X' -> stack.push(text(in.getInt() & 0xFFFFFFFFL));
      case 0x8C, 'U' -> stack.push(text(in.get() & 0xFF));
      case '}' -> stack.push(new LinkedHashMap<>());
      case ']', ')' -> stack.push(new ArrayList<>());
      case 't' -> stack.push(toMark());
      case 0x85 -> stack.push(last(1));
      case 0x86 -> stack.push(last(2));
      case 0x87 -> stack.push(last(3));
      case 'a' -> append(last(1));
      case 'e' -> append(toMark());
      case 's' -> put(last(2));
      case 'u' -> put(toMark());
      case 'q' -> memo.put(in.get() & 0xFF, peek());
      case 'r' -> memo.put(in.getInt(), peek());
      case 0x94 -> memo.put(memo.size(), peek());
      case 'h' -> stack.push(recall(in.get() & 0xFF));
      case 'j' -> stack.push(recall(in.getInt()));
      case 'c' -> stack.push(calls.global(line() + "." + line()));
      case 0x93 -> {
        List<Object> names = last(2);
        stack.push(calls.global(names.getFirst() + "." + names.getLast()));
      }
      case 'R' -> {
        List<?> arguments = pop(List.class, "arguments");
        stack.push(calls.call(pop(Global.class, "a function"), arguments));
      }
      case 'b' -> {
        pop();
        // Attributes of a dictionary (PyTorch's _metadata) hold no tensors; nothing else may be built.
        stack.push(pop(Map.class, "a dictionary whose attributes are set"));
      }
      case 'Q' -> stack.push(calls.persistent(pop()));
      default -> throw new Malformed("has opcode 0x%02x at byte %d, which no file of tensors needs".formatted(code, at));
    }
  }

  private static void protocol(int version) throws Malformed {
    if (version < 2 || version > 5) {
      throw new Malformed("is written in pickle protocol " + version + ", expected 2 to 5");
    }
  }

  private long big(int bytes) throws Malformed {
    if (bytes > Long.BYTES) {
      throw new Malformed("holds an integer of " + bytes + " bytes; sizes have at most 8");
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      long part = i == bytes - 1 ? in.get() : in.get() & 0xFF;
      value |= part << 8 * i;
    }
    return value;
  }

  private String text(long bytes) {
    if (bytes > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] utf8 = new byte[(int) bytes];
    in.get(utf8);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  private String line() {
    int start = in.position();
    while (in.get() != '\n') { }
    return new String(in.array(), start, in.position() - start - 1, StandardCharsets.UTF_8);
  }

  private Object recall(int index) throws Malformed {
    Object value = memo.get(index);
    if (value == null) {
      throw new Malformed("refers to value " + index + ", which it has not stored");
    }
    return value;
  }

  private Object peek() throws Malformed {
    Object top = stack.peek();
    if (top == null || top == Mark.MARK) {
      throw new Malformed("uses a value where there is none, at byte " + in.position());
    }
    return top;
  }

  private Object pop() throws Malformed {
    peek();
    return stack.pop();
  }

  private <T> T pop(Class<T> type, String what) throws Malformed {
    Object top = pop();
    if (!type.isInstance(top)) {
      throw new Malformed("expected %s before byte %d, got a value of another kind".formatted(what, in.position()));
    }
    return type.cast(top);
  }

  private List<Object> last(int count) throws Malformed {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      values.addFirst(pop());
    }
    return values;
  }

  private List<Object> toMark() throws Malformed {
    List<Object> values = new ArrayList<>();
    while (stack.peek() != Mark.MARK) {
      values.add(pop());
    }
    stack.pop();
    return values.reversed();
  }

  @SuppressWarnings("unchecked")
  private void append(List<Object> values) throws Malformed {
    List<Object> list = pop(List.class, "a list");
    list.addAll(values);
    stack.push(list);
  }

  @SuppressWarnings("unchecked")
  private void put(List<Object> pairs) throws Malformed {
    Map<Object, Object> map = pop(Map.class, "a dictionary");
    if (pairs.size() % 2 != 0) {
      throw new Malformed("has a dictionary with a key that has no value");
    }
    for (int i = 0; i < pairs.size(); i += 2) {
      // Only simple keys: a hash of nested lists could take for ever.
      if (!(pairs.get(i) instanceof String || pairs.get(i) instanceof Long)) {
        throw new Malformed("has a dictionary whose key is neither text nor an integer");
      }
      map.put(pairs.get(i), pairs.get(i + 1));
    }
    stack.push(map);
  }
}
