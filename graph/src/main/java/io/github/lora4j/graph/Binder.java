package io.github.lora4j.graph;

import java.util.List;

/** How one kind of op runs on one backend. Each backend has a kind of binder of its own. */
public interface Binder<O extends Op> {

  /** The ops that it binds: of this class and of no subclass. */
  Class<O> op();

  /** Service: the binders of a module that brings ops of its own, for all backends that it knows. */
  interface Provider {

    /** All of them; a backend takes those of its kind. */
    List<Binder<?>> binders();
  }
}
