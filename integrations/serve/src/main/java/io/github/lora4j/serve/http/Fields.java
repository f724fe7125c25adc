package io.github.lora4j.serve.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/** The members of a JSON object, each read once by its name and kind. Null counts as not given, as clients write it. */
public final class Fields {

  private static final int SHOWN = 60;

  private final ObjectNode node;
  private final String path;
  private final Set<String> known = new LinkedHashSet<>();

  /** @param path what comes before a key in errors, such as "messages[2]."; "" for the body */
  public Fields(ObjectNode node, String path) {
    this.node = node;
    this.path = path;
  }

  /** A member of any kind. */
  public Optional<JsonNode> any(String key) {
    known.add(key);
    return Optional.ofNullable(node.get(key)).filter(value -> !value.isNull());
  }

  /** Members that change nothing here. */
  public Fields ignore(String... keys) {
    known.addAll(List.of(keys));
    return this;
  }

  /** A member that may not be given. */
  public void refuse(String key, String why) {
    if (any(key).isPresent()) {
      throw Refusal.invalid(path + key, "%s%s: %s".formatted(path, key, why));
    }
  }

  /** A text. */
  public Optional<String> text(String key) {
    return any(key).map(value -> value.isTextual() ? value.textValue() : wrong(key, "a string", value));
  }

  /** A text that must be there. */
  public String required(String key) {
    return text(key).filter(value -> !value.isEmpty()).orElseThrow(() -> Refusal.invalid(path + key, "'%s%s' is required".formatted(path, key)));
  }

  /** Yes or no; no if not given. */
  public boolean flag(String key) {
    return any(key).map(value -> value.isBoolean() ? Boolean.valueOf(value.booleanValue()) : this.<Boolean>wrong(key, "true or false", value))
        .orElse(false);
  }

  /** A whole number within bounds. */
  public OptionalInt whole(String key, int least, int most) {
    OptionalLong value = integer(key, least, most);
    return value.isPresent() ? OptionalInt.of((int) value.getAsLong()) : OptionalInt.empty();
  }

  /** A whole number within bounds. */
  public OptionalLong integer(String key, long least, long most) {
    Optional<JsonNode> value = any(key);
    if (value.isEmpty()) {
      return OptionalLong.empty();
    }
    JsonNode number = value.get();
    boolean whole = number.isIntegralNumber() && number.canConvertToLong();
    if (!whole || number.longValue() < least || number.longValue() > most) {
      wrong(key, "a whole number from %d to %d".formatted(least, most), number);
    }
    return OptionalLong.of(number.longValue());
  }

  /** A number within bounds. */
  public OptionalDouble number(String key, double least, double most) {
    Optional<JsonNode> value = any(key);
    if (value.isEmpty()) {
      return OptionalDouble.empty();
    }
    JsonNode number = value.get();
    if (!number.isNumber() || !(number.doubleValue() >= least && number.doubleValue() <= most)) {
      wrong(key, "a number from %s to %s".formatted(shown(least), shown(most)), number);
    }
    return OptionalDouble.of(number.doubleValue());
  }

  private static String shown(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9 ? String.valueOf((long) value) : String.valueOf(value);
  }

  /** A text or a list of them, none of them empty, at most so many. */
  public List<String> texts(String key, int most) {
    Optional<JsonNode> value = any(key);
    List<String> all = new ArrayList<>();
    value.ifPresent(given -> {
      for (JsonNode one : given.isTextual() ? List.of(given) : given) {
        if (!one.isTextual() || one.textValue().isEmpty()) {
          wrong(key, "a string or a list of strings that are not empty", given);
        }
        all.add(one.textValue());
      }
      if (!given.isTextual() && !given.isArray() || all.size() > most) {
        wrong(key, "a string or a list of at most %d strings".formatted(most), given);
      }
    });
    return all;
  }

  /** An object. */
  public Optional<Fields> object(String key) {
    return any(key).map(value -> value instanceof ObjectNode object ? new Fields(object, path + key + ".") : wrong(key, "an object", value));
  }

  /** The objects of a list; empty if it is not given. */
  public List<Fields> objects(String key, int most) {
    List<Fields> all = new ArrayList<>();
    any(key).ifPresent(value -> {
      if (!value.isArray() || value.size() > most) {
        wrong(key, "a list of at most %,d objects".formatted(most), value);
      }
      for (JsonNode one : value) {
        String at = "%s[%d]".formatted(key, all.size());
        all.add(one instanceof ObjectNode object ? new Fields(object, path + at + ".") : wrong(at, "an object", one));
      }
    });
    return all;
  }

  /** What comes before a key of this in errors. */
  public String path() {
    return path;
  }

  /** The object itself. */
  public ObjectNode node() {
    return node;
  }

  /** Refuses a value. */
  public <T> T wrong(String key, String expected, JsonNode got) {
    throw Refusal.invalid(path + key, "'%s%s' must be %s, got %s".formatted(path, key, expected, brief(got)));
  }

  private static String brief(JsonNode got) {
    String text = got.isContainerNode() ? (got.isArray() ? "a list of %,d".formatted(got.size()) : "an object")
        : got.isTextual() ? '"' + Names.printable(got.textValue()) + '"' : got.asText();
    return text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text;
  }

  /** Refuses members that nobody has asked for. */
  public void end() {
    node.fieldNames().forEachRemaining(key -> {
      if (!known.contains(key)) {
        throw Refusal.invalid(path + key, "Unrecognized request argument supplied: %s%s".formatted(path + Names.printable(key),
            Names.meant(key, known)
            .map(near -> "; did you mean '" + near + "'?").orElse("")));
      }
    });
  }
}
