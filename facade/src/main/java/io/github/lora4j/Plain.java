package io.github.lora4j;

import io.github.lora4j.vector.ConfigException;
import java.lang.reflect.Array;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Copies of values as YAML and JSON have them, from whatever holds them: collections of another language, arrays, paths. Some languages have doubles
 * only, so one without a fraction is a whole number.
 */
final class Plain {

  private Plain() {}

  static Map<String, Object> map(Map<?, ?> map) {
    Map<String, Object> copy = new LinkedHashMap<>();
    map.forEach((key, value) -> {
      Object plain = of(String.valueOf(key), value);
      if (plain != null) {
        copy.put(String.valueOf(key), plain);
      }
    });
    return copy;
  }

  static List<Map<String, Object>> maps(String what, Collection<?> list) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Object one : list) {
      if (!(one instanceof Map<?, ?> map)) {
        throw new ConfigException("%s[%d] must be a map, got %s".formatted(what, all.size(), one));
      }
      all.add(map(map));
    }
    return all;
  }

  static List<String> texts(String what, Collection<?> list) {
    List<String> all = new ArrayList<>();
    for (Object one : list) {
      if (!(one instanceof String text)) {
        throw new ConfigException("%s[%d] must be a text, got %s".formatted(what, all.size(), one));
      }
      all.add(text);
    }
    return all;
  }

  private static @Nullable Object of(String key, @Nullable Object value) {
    return switch (value) {
      case null -> null;
      case String text -> text;
      case Boolean flag -> flag;
      case Path path -> path.toString();
      case Double number -> whole(number);
      case Float number -> whole(number.doubleValue());
      case Number number -> number;
      // A function of another language is a map as well, an empty one.
      case Function<?, ?> function -> throw new ConfigException("%s: a function is no text, number, list or map".formatted(key));
      // A list of another language may be a map as well.
      case Collection<?> list -> list(key, list);
      case Map<?, ?> map -> map(map);
      case Object array when array.getClass().isArray() -> array(key, array);
      case Object other -> throw new ConfigException("%s: a %s is no text, number, list or map".formatted(key, other.getClass().getName()));
    };
  }

  private static Object whole(double number) {
    return number == Math.rint(number) && Math.abs(number) <= Integer.MAX_VALUE ? (Object) (int) number : (Object) number;
  }

  private static List<Object> list(String key, Collection<?> list) {
    List<Object> copy = new ArrayList<>();
    list.forEach(value -> copy.add(of(key, value)));
    return copy;
  }

  private static List<Object> array(String key, Object array) {
    List<Object> copy = new ArrayList<>();
    for (int i = 0; i < Array.getLength(array); i++) {
      copy.add(of(key, Array.get(array, i)));
    }
    return copy;
  }
}
