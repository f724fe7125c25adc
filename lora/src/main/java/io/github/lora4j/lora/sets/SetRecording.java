package io.github.lora4j.lora.sets;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;

/** An {@link AdapterSet} while a model is recorded and run: the seats, and above them the adapter that trains. */
final class SetRecording extends ForwardingAdapter {

  private final AdapterSet set;
  private final AdapterRoom room;
  private final String trained;

  /** A set's recording, nothing of which trains. */
  SetRecording(AdapterSet set, AdapterRoom room) {
    this(set, room, BASE, AdapterSet.BASE);
  }

  /** A set's recording, of which one member's parameters train. */
  SetRecording(AdapterSet set, AdapterRoom room, SetMember trained) {
    this(set, room, trained.adapter(), trained.name());
  }

  private SetRecording(AdapterSet set, AdapterRoom room, Adapter adapter, String trained) {
    super(adapter);
    this.set = set;
    this.room = room;
    this.trained = trained;
  }

  @Override
  public Value linear(Sites recording, LinearSite of, Value y) {
    // A module that the trained adapter replaces trains as the base's own.
    boolean replaced = !trained.equals(AdapterSet.BASE) && room.saved().containsKey(of.module());
    return super.linear(recording, of, replaced ? y : room.linear(recording, of, y));
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite of, Value y) {
    return super.embedding(recording, of, room.embedding(recording, of, y));
  }

  @Override
  public long refresh(Executable executable, long written) {
    return set.write(executable, written, trained);
  }
}
