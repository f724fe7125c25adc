package io.github.lora4j.lora;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * An {@link AdapterSet} while a model is recorded and run: the seats, and above them the adapter that trains.
 *
 * @param trained the member whose parameters train; empty: none
 */
record SetRecording(AdapterSet set, AdapterRoom room, Optional<SetMember> trained) implements Adapter {

  @Override
  public List<AdapterParameter> parameters() {
    return trained.map(t -> t.adapter().parameters()).orElse(List.of());
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    return trained.map(t -> t.adapter().trainableGroup(parameter)).orElse(OptionalInt.empty());
  }

  @Override
  public Map<String, Object> peftConfig() {
    return trained.map(t -> t.adapter().peftConfig()).orElseGet(Adapter.super::peftConfig);
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    if (trained.isEmpty()) {
      return room.linear(recording, of, y);
    }
    // A module that the trained adapter replaces trains as the base's own.
    Value below = room.saved().containsKey(of.module()) ? y : room.linear(recording, of, y);
    return trained.get().adapter().linear(recording, of, below);
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite of, Value y) {
    Value below = room.embedding(recording, of, y);
    return trained.isEmpty() ? below : trained.get().adapter().embedding(recording, of, below);
  }

  @Override
  public long refresh(Executable executable, long written) {
    return set.write(executable, written, trained);
  }

  @Override
  public Map<String, WeightChange> weightChanges(AdapterValues values) {
    return trained.map(t -> t.adapter().weightChanges(values)).orElseGet(() -> Adapter.super.weightChanges(values));
  }

  @Override
  public PeftFormat.Loaded toLora(AdapterValues values) {
    return trained.map(t -> t.adapter().toLora(values)).orElseGet(() -> Adapter.super.toLora(values));
  }
}
