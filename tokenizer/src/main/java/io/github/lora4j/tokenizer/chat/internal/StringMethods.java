package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Methods.Method;
import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** Methods of strings, Python's. */
final class StringMethods {

  static final Map<String, Method> METHODS = new HashMap<>();

  /** A method on a string that is not marked safe. */
  private interface StringMethod {
    Value call(Run run, Str self, Arguments arguments);
  }

  static {
    text("upper", Casing::upper);
    text("lower", Casing::lower);
    text("casefold", Casing::lower);
    text("capitalize", Casing::capitalize);
    text("title", Casing::title);
    text("swapcase", Casing::swap);
    method("strip", (run, self, a) -> Trimming.strip(run, self, chars(run, "strip", a), true, true));
    method("lstrip", (run, self, a) -> Trimming.strip(run, self, chars(run, "lstrip", a), true, false));
    method("rstrip", (run, self, a) -> Trimming.strip(run, self, chars(run, "rstrip", a), false, true));
    method("removeprefix", (run, self, a) -> {
      String prefix = one(run, "removeprefix", a).text();
      return self.text().startsWith(prefix) ? self.slice(prefix.length(), self.chars()) : self;
    });
    method("removesuffix", (run, self, a) -> {
      String suffix = one(run, "removesuffix", a).text();
      return self.text().endsWith(suffix) ? self.slice(0, self.chars() - suffix.length()) : self;
    });
    method("split", (run, self, a) -> Splitting.split(run, self, a.bind(run, "split", 0, "sep", "maxsplit"), true));
    method("rsplit", (run, self, a) -> Splitting.split(run, self, a.bind(run, "rsplit", 0, "sep", "maxsplit"), false));
    method("splitlines", (run, self, a) -> Items.list(List.copyOf(Splitting.lines(run, self, given(a.bind(run, "splitlines", 0, "keepends")[0])))));
    method("partition", (run, self, a) -> Splitting.partition(run, self, one(run, "partition", a), true));
    method("rpartition", (run, self, a) -> Splitting.partition(run, self, one(run, "rpartition", a), false));
    method("replace", (run, self, a) -> {
      Value[] bound = a.bind(run, "replace", 2, "old", "new", "count");
      int count = Undefined.given(bound[2]) ? Values.index(run, "count", bound[2]) : -1;
      return Splitting.replace(run, self, Values.string(run, "old", bound[0]), Values.string(run, "new", bound[1]), count);
    });
    method("join", (run, self, a) -> join(run, self, a.bind(run, "join", 1, "iterable")[0]));
    method("startswith", (run, self, a) -> Searching.affix(run, "startswith", self, a));
    method("endswith", (run, self, a) -> Searching.affix(run, "endswith", self, a));
    method("find", (run, self, a) -> Int.of(Searching.find(run, "find", self, a)));
    method("rfind", (run, self, a) -> Int.of(Searching.find(run, "rfind", self, a)));
    method("index", (run, self, a) -> Searching.index(run, "find", self, a));
    method("rindex", (run, self, a) -> Searching.index(run, "rfind", self, a));
    method("count", Searching::count);
    method("center", (run, self, a) -> Trimming.pad(run, "center", self, a));
    method("ljust", (run, self, a) -> Trimming.pad(run, "ljust", self, a));
    method("rjust", (run, self, a) -> Trimming.pad(run, "rjust", self, a));
    method("zfill", (run, self, a) -> Trimming.zeros(run, self, a));
    all("isspace", Source::space);
    all("isalpha", Character::isLetter);
    all("isdigit", c -> Character.isDigit(c) || Casing.otherDigit(c));
    all("isdecimal", Character::isDigit);
    method("isnumeric", (run, self, a) -> {
      if (none(run, "isnumeric", a) && self.text().chars().anyMatch(c -> c > 0x7f)) {
        throw run.outside("the method isnumeric on a text that is not ASCII");
      }
      return Bool.of(!self.isEmpty() && self.text().chars().allMatch(Character::isDigit));
    });
    all("isalnum", c -> Character.isLetterOrDigit(c) || Casing.numeric(c));
    method("isascii", (run, self, a) -> Bool.of(none(run, "isascii", a) && self.text().chars().allMatch(c -> c < 0x80)));
    method("isupper", (run, self, a) -> Bool.of(none(run, "isupper", a) && Casing.cased(self.text(), Character::isLowerCase)));
    method("islower", (run, self, a) -> Bool.of(none(run, "islower", a) && Casing.cased(self.text(), Character::isUpperCase)));
    method("istitle", (run, self, a) -> Bool.of(none(run, "istitle", a) && Casing.isTitle(self.text())));
  }

  private StringMethods() {}

  private static void method(String name, StringMethod method) {
    METHODS.put(name, (run, self, arguments) -> {
      Str text = Operators.plain(run, (Str) self);
      run.characters(text.chars());
      return method.call(run, text, arguments);
    });
  }

  private static void text(String name, UnaryOperator<Str> change) {
    method(name, (run, self, arguments) -> {
      none(run, name, arguments);
      return change.apply(self);
    });
  }

  private static void all(String name, IntPredicate test) {
    method(name, (run, self, arguments) -> Bool.of(none(run, name, arguments) && !self.isEmpty() && self.text().codePoints().allMatch(test)));
  }

  private static boolean none(Run run, String name, Arguments arguments) {
    arguments.bind(run, name, 0);
    return true;
  }

  private static Str one(Run run, String name, Arguments arguments) {
    return Values.string(run, "the argument of " + name, arguments.bind(run, name, 1, "value")[0]);
  }

  private static boolean given(Value flag) {
    return Undefined.given(flag) && Values.truth(flag);
  }

  /** The characters to strip, empty for white space. */
  private static Value chars(Run run, String name, Arguments arguments) {
    Value chars = arguments.bind(run, name, 0, "chars")[0];
    return chars instanceof None || !Undefined.given(chars) ? None.NONE : Values.string(run, "the argument of " + name, chars);
  }

  static Str join(Run run, Str separator, Value parts) {
    StrBuilder out = new StrBuilder();
    boolean more = false;
    for (Value part : Values.elements(run, parts)) {
      if (more) {
        out.append(separator);
      }
      if (!(part instanceof Str text)) {
        throw run.fail("sequence item: expected str instance, " + Value.type(part) + " found");
      }
      out.append(Operators.plain(run, text));
      run.size(out.length());
      more = true;
    }
    run.characters(out.length());
    return out.build();
  }
}
