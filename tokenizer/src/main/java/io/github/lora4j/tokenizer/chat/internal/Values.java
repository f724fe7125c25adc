package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import io.github.lora4j.tokenizer.chat.internal.Value.Real;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** What every value can be asked: its truth, its elements, its text. */
final class Values {

  private static final Str TRUE = Str.literal("True");
  private static final Str FALSE = Str.literal("False");
  private static final Str NONE = Str.literal("None");

  private Values() {}

  static boolean truth(Value value) {
    return switch (value) {
      case Str text -> !text.isEmpty();
      case Int number -> number.value().signum() != 0;
      case Real number -> number.value() != 0;
      case Bool flag -> flag.value();
      case None _, Undefined _ -> false;
      case Items items -> !items.values().isEmpty();
      case Dict dict -> !dict.entries().isEmpty();
      case Generator _, Namespace _, Callable _, Loop _ -> true;
    };
  }

  /** Whether a for loop runs over it. */
  static boolean iterable(Value value) {
    return value instanceof Str || value instanceof Items || value instanceof Dict || value instanceof Generator || value instanceof Undefined
        || value instanceof Loop;
  }

  /** The elements that a for loop sees. */
  static List<Value> elements(Run run, Value value) {
    List<Value> elements = switch (value) {
      case Items items -> items.values();
      case Dict dict -> List.copyOf(dict.entries().keySet());
      case Generator generator -> generator.rest();
      case Undefined _ -> List.of();
      case Str text -> letters(run, text);
      case Loop _ -> throw run.outside("iterating over loop");
      case Int _, Real _, Bool _, None _, Namespace _, Callable _ ->
          throw run.fail("'" + Value.type(value) + "' object is not iterable");
    };
    run.spend(elements.size());
    return elements;
  }

  private static List<Value> letters(Run run, Str text) {
    run.spend(2L * text.chars());
    List<Value> letters = new ArrayList<>(text.length());
    for (int i = 0; i < text.chars(); i += Character.charCount(text.text().codePointAt(i))) {
      letters.add(text.slice(i, i + Character.charCount(text.text().codePointAt(i))));
    }
    return letters;
  }

  static int length(Run run, Value value) {
    return switch (value) {
      case Str text -> text.length();
      case Items items -> items.values().size();
      case Dict dict -> dict.entries().size();
      case Undefined _ -> 0;
      case Loop loop -> loop.size();
      case Generator _, Int _, Real _, Bool _, None _, Namespace _, Callable _ ->
          throw run.fail("object of type '" + Value.type(value) + "' has no len()");
    };
  }

  /** Python's str(): what printing and ~ show. */
  static Str text(Run run, Value value) {
    return switch (value) {
      case Str text -> text;
      case Bool flag -> flag.value() ? TRUE : FALSE;
      case None _ -> NONE;
      case Undefined _ -> Str.EMPTY;
      case Int number -> Str.literal(number.value().toString());
      case Real number -> Str.literal(Numbers.text(number.value()));
      case Items _, Dict _ -> Repr.of(run, value);
      case Generator _, Namespace _, Callable _, Loop _ -> throw run.outside("printing a " + Value.type(value));
    };
  }

  /** A text that must be one. */
  static Str string(Run run, String what, Value value) {
    if (value instanceof Str text) {
      return text;
    }
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    throw run.fail(what + " must be a str, is a " + Value.type(value));
  }

  /** A whole number that fits an int; what is larger counts as the largest. */
  static int index(Run run, String what, Value value) {
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (!Numbers.isWhole(value)) {
      throw run.fail(what + " must be an integer, is a " + Value.type(value));
    }
    return clamp(Numbers.whole(value));
  }

  static int clamp(BigInteger number) {
    return number.bitLength() < 31 ? number.intValue() : number.signum() < 0 ? -Integer.MAX_VALUE : Integer.MAX_VALUE;
  }

  /** A value as a dict's key. */
  static Value key(Run run, Value value) {
    return switch (value) {
      case Str _, Int _, Real _, Bool _, None _, Undefined _ -> value;
      case Items items when items.kind() == Items.Kind.TUPLE -> throw run.outside("a tuple as the key of a dict");
      case Items _, Dict _ -> throw run.fail("unhashable type: '" + Value.type(value) + "'");
      case Generator _, Namespace _, Callable _, Loop _ -> throw run.outside("a " + Value.type(value) + " as the key of a dict");
    };
  }
}
