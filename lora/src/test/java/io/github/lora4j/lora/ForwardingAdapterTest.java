package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.lora4j.lora.baselines.HeadOnly;
import io.github.lora4j.vector.ConfigException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** An adapter around another forgets nothing of it, whatever the readers' interfaces gain. */
class ForwardingAdapterTest {

  private static List<Method> questions() {
    return Arrays.stream(Adapter.class.getMethods()).filter(m -> !Modifier.isStatic(m.getModifiers()) && !m.isBridge())
        .filter(m -> Arrays.stream(Adapter.class.getMethods()).noneMatch(o -> !o.equals(m) && same(o, m)
            && m.getDeclaringClass().isAssignableFrom(o.getDeclaringClass()))).toList();
  }

  private static boolean same(Method a, Method b) {
    return a.getName().equals(b.getName()) && Arrays.equals(a.getParameterTypes(), b.getParameterTypes());
  }

  /** Every method of every reader's interface reaches the adapter inside, with its arguments. */
  @TestFactory
  Stream<DynamicTest> forwardsEveryMethod() {
    List<Method> questions = questions();
    assertFalse(questions.size() < 25, "found only " + questions);
    return questions.stream().map(question -> DynamicTest.dynamicTest(question.getName(), () -> {
      List<Method> asked = new ArrayList<>();
      Object answer = answer(question.getReturnType());
      Adapter inside = (Adapter) Proxy.newProxyInstance(Adapter.class.getClassLoader(), new Class<?>[] {Adapter.class}, (_, method, arguments) -> {
        asked.add(method);
        for (int i = 0; arguments != null && i < arguments.length; i++) {
          assertEquals(question.getParameterTypes()[i] == int.class ? (Object) 7 : question.getParameterTypes()[i] == long.class ? 8L : null,
              arguments[i]);
        }
        return answer;
      });
      Object got = question.invoke(new ForwardingAdapter(inside) { }, Arrays.stream(question.getParameterTypes())
          .map(type -> type == int.class ? (Object) 7 : type == long.class ? 8L : null).toArray());
      assertEquals(1, asked.size());
      assertEquals(question.getName(), asked.getFirst().getName());
      assertEquals(answer, got);
    }));
  }

  /** No default is left beneath it either. */
  @Test
  void saysEveryMethodItself() {
    questions().forEach(question -> {
      try {
        ForwardingAdapter.class.getDeclaredMethod(question.getName(), question.getParameterTypes());
      } catch (NoSuchMethodException e) {
        throw new AssertionError("ForwardingAdapter does not forward " + question, e);
      }
    });
  }

  private static Object answer(Class<?> type) {
    return type == boolean.class ? Boolean.TRUE : type == long.class ? Long.valueOf(1234567) : type == List.class ? new ArrayList<>()
        : type == Optional.class ? Optional.of(new Object()) : type == Map.class ? new java.util.HashMap<>()
        : type == java.util.Set.class ? new java.util.HashSet<>() : type == java.util.OptionalInt.class ? java.util.OptionalInt.of(3)
        : null;
  }

  /** What of a head alone is not the base's is off, whoever it is the head of. */
  @Test
  void aHeadAloneIsSilentBesideWhatTheBaseOwns() {
    Adapter inside = (Adapter) Proxy.newProxyInstance(Adapter.class.getClassLoader(), new Class<?>[] {Adapter.class}, (_, method, _) -> {
      if (List.of("parameters", "notes").contains(method.getName())) {
        return List.of();
      }
      throw new AssertionError("a head alone asks for " + method.getName());
    });
    HeadOnly head = new HeadOnly(inside);
    List<String> ofTheBase = List.of("untied", "frozen", "trainableGroup", "groups", "sharedChanges", "basePrefix", "module", "alias", "order");
    for (Method question : questions()) {
      if (ofTheBase.contains(question.getName()) || question.getName().equals("onUntouchedBase") || question.getName().equals("mergeable")) {
        continue;
      }
      try {
        question.invoke(head, Arrays.stream(question.getParameterTypes()).map(type -> type == int.class ? (Object) 7 : type == long.class
            ? 8L : null).toArray());
      } catch (IllegalAccessException e) {
        throw new AssertionError(e);
      } catch (InvocationTargetException e) {
        if (!(e.getCause() instanceof ConfigException)) {
          throw new AssertionError(question.getName(), e.getCause());
        }
      }
    }
  }

  @Test
  void theInterfacesOfTheReadersShareNothingButParameters() {
    List<Class<?>> readers = List.of(AdapterRecording.class, AdapterSteps.class, AdapterSlots.class, AdapterFiles.class, AdapterMerge.class);
    for (Class<?> one : readers) {
      for (Class<?> other : readers) {
        for (Method method : one.getMethods()) {
          if (one != other && !Modifier.isStatic(method.getModifiers()) && !method.getName().equals("parameters")) {
            assertFalse(Arrays.stream(other.getMethods()).anyMatch(o -> same(o, method)), one.getSimpleName() + " and " + other.getSimpleName()
                + " both have " + method.getName());
          }
        }
      }
    }
  }
}
