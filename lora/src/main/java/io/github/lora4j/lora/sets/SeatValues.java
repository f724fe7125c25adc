package io.github.lora4j.lora.sets;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.plain.LoraAdapter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** Writes the values of seated adapters to the slots of an {@link AdapterRoom}. */
record SeatValues(AdapterRoom room, Map<Integer, SetMember> seats, Executable to) {

  /** A, s·B and replaced modules of every seat; an empty seat and missing ranks are zeros. */
  void weights() {
    room.sites().forEach((module, info) -> {
      if (info.kind() == ModuleInfo.Kind.EMBEDDING) {
        write(AdapterRoom.slot(module, "a"), info.in() * room.columns(), all -> seats.forEach((seat, member) -> site(member, module)
            .ifPresent(site -> table(member, site, info.in(), seat, all))));
      } else {
        write(AdapterRoom.slot(module, "a"), info.in() * room.columns(), all -> seats.forEach((seat, member) -> site(member, module)
            .ifPresent(site -> copy(member.values().get(site.a().slot()), all, seat * room.rank() * info.in()))));
      }
      write(AdapterRoom.slot(module, "b"), info.out() * room.columns(), all -> seats.forEach((seat, member) -> site(member, module)
          .ifPresent(site -> scaled(member, site, info.out(), seat, all))));
    });
    room.saved().forEach((module, info) -> {
      write(AdapterRoom.slot(module, "weight"), room.seats() * info.out() * info.in(), all -> seats.forEach((seat, member) -> {
        if (member.saved().containsKey(module)) {
          copy(member.values().get(module + ".weight"), all, seat * info.out() * info.in());
        }
      }));
      write(AdapterRoom.slot(module, "biases"), room.seats() * info.out(), all -> seats.forEach((seat, member) -> {
        if (member.saved().containsKey(module) && info.bias()) {
          copy(member.values().get(module + ".bias"), all, seat * info.out());
        }
      }));
    });
  }

  /**
   * Which seats each choice uses.
   *
   * @param used for each choice its seats, each with the factor of its contribution
   */
  void gates(List<Map<Integer, Double>> used) {
    write(AdapterRoom.GATES, room.choices() * room.columns(), gates -> each(used, (choice, seat, factor) -> {
      int from = choice * room.columns() + seat * room.rank();
      Arrays.fill(gates, from, from + room.rank(), (float) factor);
    }));
    if (room.biases()) {
      room.sites().forEach((module, info) -> write(AdapterRoom.slot(module, "bias"), room.choices() * info.out(), biases -> each(used,
          (choice, seat, factor) -> site(member(seat), module).ifPresent(site -> site.bias().ifPresent(b -> {
            MemorySegment values = member(seat).values().get(b.slot());
            for (int j = 0; j < info.out(); j++) {
              biases[choice * info.out() + j] += (float) (factor * site.target().scaling() * values.getAtIndex(ValueLayout.JAVA_FLOAT, j));
            }
          })))));
    }
    room.saved().forEach((module, info) -> {
      int all = room.seats() * info.out();
      write(AdapterRoom.slot(module, "gates"), room.choices() * all, gates -> each(used, (choice, seat, factor) -> {
        if (member(seat).saved().containsKey(module)) {
          Arrays.fill(gates, choice * all + seat * info.out(), choice * all + (seat + 1) * info.out(), 1);
        }
      }));
      write(AdapterRoom.slot(module, "base"), room.choices() * info.out(), base -> {
        Arrays.fill(base, 1);
        each(used, (choice, seat, factor) -> {
          if (member(seat).saved().containsKey(module)) {
            Arrays.fill(base, choice * info.out(), (choice + 1) * info.out(), 0);
          }
        });
      });
    });
  }

  private interface Use {
    void of(int choice, int seat, double factor);
  }

  private static void each(List<Map<Integer, Double>> used, Use use) {
    for (int i = 0; i < used.size(); i++) {
      int choice = i;
      used.get(i).forEach((seat, factor) -> use.of(choice, seat, factor));
    }
  }

  private interface Filling {
    void fill(float[] values);
  }

  /** Sites behind what the program's outputs read have no slot. */
  private void write(String slot, int elements, Filling filling) {
    to.program().slot(slot).ifPresent(value -> {
      float[] values = new float[elements];
      filling.fill(values);
      to.write(value, values, elements);
    });
  }

  private SetMember member(int seat) {
    return Objects.requireNonNull(seats.get(seat), "a seat that is used is taken");
  }

  private static Optional<LoraAdapter.Site> site(SetMember member, String module) {
    return Optional.ofNullable(member.adapter().sites().get(module));
  }

  private static void copy(MemorySegment from, float[] to, int at) {
    MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, 0, to, at, Math.toIntExact(from.byteSize() / Float.BYTES));
  }

  /** An embedding's A is stored [r, entries], the room's is a table [entries, seats·rank]. */
  private void table(SetMember member, LoraAdapter.Site site, int entries, int seat, float[] all) {
    MemorySegment a = member.values().get(site.a().slot());
    for (int k = 0; k < site.target().rank(); k++) {
      for (int i = 0; i < entries; i++) {
        all[i * room.columns() + seat * room.rank() + k] = a.getAtIndex(ValueLayout.JAVA_FLOAT, (long) k * entries + i);
      }
    }
  }

  private void scaled(SetMember member, LoraAdapter.Site site, int out, int seat, float[] all) {
    MemorySegment b = member.values().get(site.b().slot());
    int r = site.target().rank();
    for (int i = 0; i < out; i++) {
      for (int k = 0; k < r; k++) {
        all[i * room.columns() + seat * room.rank() + k] = (float) (site.target().scaling() * b.getAtIndex(ValueLayout.JAVA_FLOAT,
            (long) i * r + k));
      }
    }
  }
}
