package io.github.lora4j.graph;

import io.github.lora4j.vector.BackendException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;

/** A backend's binders by the class of op: its own, and those of {@link Binder.Provider}s. */
public final class Binders<B extends Binder<?>> {

  private record Entry<B>(B binder, String by) {}

  private final String backend;
  private final Map<Class<?>, Entry<B>> binders = new HashMap<>();

  private Binders(String backend) {
    this.backend = backend;
  }

  /**
   * Collects the binders of a backend.
   *
   * @param kind its kind of binder
   * @param own those that it brings
   * @throws BackendException if an op has two
   */
  public static <B extends Binder<?>> Binders<B> of(String backend, Class<B> kind, List<B> own) {
    Binders<B> all = new Binders<>(backend);
    own.forEach(binder -> all.add(binder, "the backend itself"));
    for (Binder.Provider provider : ServiceLoader.load(Binder.Provider.class)) {
      provider.binders().stream().filter(kind::isInstance).forEach(binder -> all.add(kind.cast(binder), provider.getClass().getName()));
    }
    return all;
  }

  /** Adds one, of {@code by}. */
  void add(B binder, String by) {
    Entry<B> other = binders.putIfAbsent(binder.op(), new Entry<>(binder, by));
    if (other != null) {
      throw new BackendException("backend %s has two binders for %s, of %s and of %s: leave one out of the class path"
          .formatted(backend, binder.op().getName(), other.by, by));
    }
  }

  /**
   * The binder of an op.
   *
   * @throws BackendException if it has none
   */
  public B of(Op op) {
    Entry<B> entry = binders.get(op.getClass());
    if (entry == null) {
      throw new BackendException("backend %s cannot run %s: no binder for it; add one to a %s service"
          .formatted(backend, op.getClass().getName(), Binder.Provider.class.getName()));
    }
    return entry.binder;
  }

  /** The classes of ops that have a binder. */
  public Set<Class<?>> ops() {
    return Set.copyOf(binders.keySet());
  }
}
