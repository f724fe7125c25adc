package io.github.lora4j.lora;

import io.github.lora4j.lora.parameters.AdapterValues;
import java.util.List;

/**
 * An adapter on a model: what it changes at each site and which parameters it trains. It holds settings and names, no values: those lie in
 * the program's slots while training and in {@link AdapterValues} otherwise. Stateless, so one instance serves every recording.
 *
 * <p>Each of its readers has an interface of its own: the recorder {@link AdapterRecording}, the optimizer's step {@link AdapterSteps}, the
 * loader {@link AdapterSlots}, the files {@link AdapterFiles}, the merger {@link AdapterMerge}. Only {@link #parameters} must be written; an
 * adapter around another extends {@link ForwardingAdapter}.
 */
@FunctionalInterface
public interface Adapter extends AdapterRecording, AdapterSteps, AdapterSlots, AdapterFiles, AdapterMerge {

  /** An adapter that changes nothing: the base model. */
  Adapter BASE = new NoAdapter();

  /** What the user should be told although it is no error. */
  default List<String> notes() {
    return List.of();
  }

  @Override
  default LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start) {
    return new LoadedAdapter(this, values.view(parameters()));
  }

  @Override
  default LoadedAdapter mergeable(AdapterValues values) {
    return new LoadedAdapter(this, values.view(parameters()));
  }
}
