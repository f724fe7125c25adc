package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Attributes, indices and slices. A dot tries the method first, brackets the key. */
final class Access {

  private Access() {}

  static Value attribute(Run run, Value target, String name) {
    if (name.startsWith("_") && !(target instanceof Undefined)) {
      throw run.outside("the attribute " + name);
    }
    Value method = own(run, target, name);
    if (!(method instanceof Undefined) || !(target instanceof Dict dict) || Methods.unsafe(target, name)) {
      return method;
    }
    return dict.find(name).orElse(method);
  }

  /** Attribute or method of a value itself, not of what a dict holds. */
  private static Value own(Run run, Value target, String name) {
    return switch (target) {
      case Undefined undefined -> throw run.fail(undefined.message());
      case Namespace namespace -> namespace.get(name);
      case Loop loop -> loop.attribute(run, name);
      case Str _, Dict _, Items _ -> Methods.of(run, target, name);
      case Callable _, Generator _ -> throw run.outside("the attribute " + name + " of a " + Value.type(target));
      case Value.Int _, Value.Real _, Value.Bool _ -> number(run, target, name);
      case None _ -> Undefined.member(target, name);
    };
  }

  private static Value number(Run run, Value target, String name) {
    return switch (name) {
      case "real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes", "from_bytes", "as_integer_ratio",
          "is_integer", "hex", "fromhex" -> throw run.outside("the attribute " + name + " of a number");
      default -> Undefined.member(target, name);
    };
  }

  static Value subscript(Run run, Value target, Value index) {
    Value found = switch (target) {
      case Undefined undefined -> throw run.fail(undefined.message());
      case Dict dict -> item(dict, index);
      case Str text when Numbers.isWhole(index) -> letter(text, Numbers.whole(index));
      case Items items when Numbers.isWhole(index) && items.kind().indexed() -> element(items.values(), Numbers.whole(index));
      case Str _, Items _, Namespace _, Loop _, Callable _, Generator _, Value.Int _, Value.Real _, Value.Bool _, None _ -> Undefined.ABSENT;
    };
    if (found != Undefined.ABSENT) {
      return found;
    }
    return index instanceof Str name ? name.text().startsWith("_") ? Undefined.member(target, name.text()) : own(run, target, name.text())
        : new Undefined("'" + Value.type(target) + " object' has no such element");
  }

  private static Value item(Dict dict, Value key) {
    Value found = key instanceof Items || key instanceof Dict ? null : dict.entries().get(key);
    return found == null ? Undefined.ABSENT : found;
  }

  private static Value letter(Str text, BigInteger index) {
    int at = at(index, text.length());
    return at < 0 ? Undefined.ABSENT : text.part(at, at + 1);
  }

  private static Value element(List<Value> values, BigInteger index) {
    int at = at(index, values.size());
    return at < 0 ? Undefined.ABSENT : values.get(at);
  }

  /** An index from the start; -1 if there is none such. */
  private static int at(BigInteger index, int size) {
    int at = Values.clamp(index);
    at = at < 0 ? at + size : at;
    return at < 0 || at >= size ? -1 : at;
  }

  static Value slice(Run run, Value target, Value start, Value stop, Value step) {
    if (target instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    boolean bounds = bound(start) && bound(stop) && bound(step);
    return switch (target) {
      case Str text when bounds -> {
        run.characters(text.chars());
        yield Slicer.of(run, text.length(), start, stop, step).of(run, text);
      }
      case Items items when bounds && items.kind().indexed() -> {
        List<Value> part = new ArrayList<>();
        Slicer.of(run, items.values().size(), start, stop, step).each(i -> part.add(items.values().get(i)));
        run.spend(part.size());
        yield new Items(items.kind(), part, Origin.LITERAL);
      }
      case Str _, Items _, Dict _, Namespace _, Loop _, Callable _, Generator _, Undefined _, Value.Int _, Value.Real _, Value.Bool _, None _ ->
          new Undefined("'" + Value.type(target) + " object' has no such slice");
    };
  }

  private static boolean bound(Value value) {
    return value instanceof None || Numbers.isWhole(value);
  }
}
