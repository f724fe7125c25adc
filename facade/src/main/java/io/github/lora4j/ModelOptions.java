package io.github.lora4j;

import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.List;
import java.util.Map;

/** How a model is opened. */
record ModelOptions(String name, ServedOptions.Room room, ServedOptions.Computing computing) {

  private static final int SEQUENCES = 8;
  private static final int RANK = 16;

  static ModelOptions of(Map<String, ?> options) {
    Problems problems = new Problems();
    Settings of = new Settings(Plain.map(options), problems);
    ModelOptions read = new ModelOptions(of.string("name").orElse(""),
        new ServedOptions.Room(of.integer("sequences", SEQUENCES), of.integer("context", 0), of.integer("seats", 0), of.integer("rank", RANK),
            of.string("weights")),
        new ServedOptions.Computing(of.string("backend").orElse("cpu"), of.integer("threads", 0)));
    ServedOptions.Room room = read.room;
    for (Map.Entry<String, Integer> least : List.of(Map.entry("sequences", room.sequences() - 1), Map.entry("context", room.context()),
        Map.entry("seats", room.seats()), Map.entry("rank", room.rank() - 1), Map.entry("threads", read.computing.threads()))) {
      if (least.getValue() < 0) {
        problems.add("%s is too small", least.getKey());
      }
    }
    of.refuseUnknown();
    problems.raise("options of a model");
    return read;
  }
}
