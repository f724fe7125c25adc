package io.github.lora4j.train.recipe;

import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/** The recipe keys of tasks: the components of a task that is a record, and of records in it, in snake_case. */
final class TaskKeys {

  private static final Set<Class<?>> TYPES = Set.of(String.class, int.class, long.class, double.class, boolean.class, Map.class);

  private TaskKeys() {}

  /** A task's keys with their values. */
  static Map<String, Object> values(TrainingTask task) {
    Map<String, Object> values = new LinkedHashMap<>();
    collect(task, task, values);
    return values;
  }

  private static void collect(TrainingTask task, Object of, Map<String, Object> values) {
    for (RecordComponent component : components(of.getClass())) {
      if (!component.getType().isRecord() && !TYPES.contains(component.getType())) {
        throw new ConfigException("task %s (%s): %s is of type %s; a recipe key is of type String, int, long, double, boolean or Map".formatted(
            task.name(), task.getClass().getName(), component.getName(), component.getType().getName()));
      }
      try {
        component.getAccessor().setAccessible(true);
        Object value = component.getAccessor().invoke(of);
        if (component.getType().isRecord()) {
          collect(task, value, values);
        } else {
          values.put(key(component), value);
        }
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** What a task's key means, if one of its keys has this name. */
  static Optional<String> meaning(TrainingTask task, String key) {
    return leaves(task.getClass()).filter(component -> key(component).equals(key)).findFirst()
        .map(component -> component.isAnnotationPresent(Meaning.class) ? component.getAnnotation(Meaning.class).value() : "Of task " + task.name()
        + ".");
  }

  private static Stream<RecordComponent> leaves(Class<?> type) {
    return Arrays.stream(components(type)).flatMap(component -> component.getType().isRecord() ? leaves(component.getType()) : Stream.of(component));
  }

  /**
   * The task with other values.
   *
   * @param value gives the value of a key
   * @throws ConfigException as the task judges the values
   */
  static TrainingTask with(TrainingTask task, Function<String, Object> value) {
    return task.getClass().isRecord() ? (TrainingTask) made(task.getClass(), value) : task;
  }

  private static Object made(Class<?> type, Function<String, Object> value) {
    RecordComponent[] components = components(type);
    try {
      Constructor<?> canonical = type.getDeclaredConstructor(Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      canonical.setAccessible(true);
      return canonical.newInstance(Arrays.stream(components).map(component -> component.getType().isRecord() ? made(component.getType(), value)
          : of(component.getType(), value.apply(key(component)))).toArray());
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A number as the component's type has it. */
  private static Object of(Class<?> type, Object value) {
    if (!(value instanceof Number number)) {
      return value;
    }
    return type == double.class ? (Object) number.doubleValue() : type == long.class ? (Object) number.longValue() : (Object) number.intValue();
  }

  private static RecordComponent[] components(Class<?> type) {
    return type.isRecord() ? type.getRecordComponents() : new RecordComponent[0];
  }

  private static String key(RecordComponent component) {
    return component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
