package io.github.lora4j.lora.sets;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMerge;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Several LoRA adapters on one model, by name: one or more of them active (their contributions add up), all of them off, or each sequence
 * of a batch with its own. A program recorded with {@link #recording} is compiled once: whatever happens here later is written to it as
 * values before its next run, so adapters are added, exchanged and deleted while it serves, as long as they fit into the room that was
 * there when it was recorded ({@link #reserve}).
 *
 * <p>Members are copied in and held as plain LoRA; AdaLoRA's are converted exactly. Not thread-safe: changes belong between runs.
 */
public final class AdapterSet implements AutoCloseable {

  /** The name of no adapter at all, where a sequence names its own. */
  public static final String BASE = "__base__";

  private final ModelDescription model;
  private final TreeMap<Integer, SetMember> seats = new TreeMap<>();
  private final Map<String, Integer> seatOf = new LinkedHashMap<>();
  /** The change at which a seat was taken. */
  private final Map<Integer, Long> takenAt = new HashMap<>();
  private final Map<String, ModuleInfo> reserved = new LinkedHashMap<>();
  private List<String> active = List.of();
  private boolean enabled = true;
  private int seatsReserved;
  private int rankReserved;
  private int mixesReserved;
  private final AdapterMixes mixes = new AdapterMixes();
  private @Nullable AdapterRoom room;
  private long changes = 1;
  private long weightsChanged = 1;

  /** An empty set for a model. */
  public AdapterSet(ModelDescription model) {
    this.model = model;
  }

  /**
   * Asks for room for adapters to come, before {@link #recording}; without it there is room for what is in the set then.
   *
   * @param adapters how many the set may hold at a time
   * @param rank the largest rank of a module
   * @param targets modules they may adapt, beside those that members adapt
   */
  public AdapterSet reserve(int adapters, int rank, TargetModules targets) {
    if (room != null) {
      throw new ConfigException("adapter set: a program was recorded already with room for %d adapters of rank %d; reserve before"
          .formatted(room.seats(), room.rank()));
    }
    if (adapters < 1 || rank < 1) {
      throw new ConfigException("adapter set: reserve at least one adapter of rank 1, got %d of rank %d".formatted(adapters, rank));
    }
    seatsReserved = adapters;
    rankReserved = rank;
    if (!(targets instanceof TargetModules.Unset)) {
      LoraConfig config = LoraConfig.builder().targetModules(targets).build();
      new LoraMethod().create(config, model).sites().forEach((name, site) -> reserved.put(name, site.target().module()));
    }
    return this;
  }

  /** Asks for room for mixes, before {@link #recording}; without it there is none. */
  public AdapterSet reserveMixes(int count) {
    if (room != null) {
      throw new ConfigException("adapter set: a program was recorded already with room for %d mixes; reserve before".formatted(room.mixes()));
    }
    mixesReserved = count;
    return this;
  }

  /**
   * Makes a sum of adapters one that sequences can name like an adapter: each contribution times its factor, 0 for none of it.
   *
   * @throws ConfigException when the name is taken, an adapter is not there or replaces modules, whose weights have no part, or there is no room
   */
  public AdapterSet mix(String name, Map<String, Double> factors) {
    if (name.isBlank() || name.equals(BASE) || seatOf.containsKey(name) || mixes.has(name)) {
      throw new ConfigException("adapter set: '%s' cannot be a mix's name, or is taken".formatted(name));
    }
    factors.forEach((of, factor) -> {
      if (!Float.isFinite(factor.floatValue())) {
        throw new ConfigException("adapter set: the factor of '%s' is %s".formatted(of, factor));
      }
      if (!member(of).saved().isEmpty()) {
        throw new ConfigException(("adapter set: '%s' replaces %s (modules_to_save), and of weights that replace others there is no part; "
            + "name it alone").formatted(of, Names.list(member(of).saved().keySet())));
      }
    });
    mixes.put(name, factors, recorded().mixes(), ++changes);
    return this;
  }

  /** Removes a mix; its adapters stay. */
  public AdapterSet unmix(String name) {
    if (!mixes.remove(name)) {
      throw new ConfigException("adapter set: there is no mix '%s'".formatted(name));
    }
    return this;
  }

  /**
   * Adds an adapter; the first becomes active, later ones do not.
   *
   * @param values copied
   * @throws ConfigException when the name is taken, or the adapter cannot share a model or has no room, with the reason
   */
  public AdapterSet add(String name, Adapter adapter, AdapterValues values) {
    if (name.isBlank() || name.equals(BASE)) {
      throw new ConfigException("adapter set: '%s' cannot be an adapter's name".formatted(name));
    }
    if (seatOf.containsKey(name)) {
      throw new ConfigException("adapter set: there is an adapter '%s' already; choose another name, or swap it".formatted(name));
    }
    int seat = 0;
    while (seats.containsKey(seat)) {
      seat++;
    }
    if (room != null && seat >= room.seats()) {
      throw new ConfigException("adapter set: no room for '%s', all %d seats are taken (%s); delete one, or reserve more before recording"
          .formatted(name, seat, String.join(", ", seatOf.keySet())));
    }
    sit(seat, SetMember.of(name, model, adapter, values));
    if (seats.size() == 1) {
      active = List.of(name);
    }
    return this;
  }

  /** Adds an adapter from a directory of PEFT's form; see {@link #add}. */
  public AdapterSet load(String name, Path directory) {
    try (LoadedAdapter loaded = PeftFormat.load(directory, model)) {
      return add(name, loaded.adapter(), loaded.values());
    }
  }

  /**
   * Puts another adapter in the place of one, under its name and active if it was: hot-swap. Rank, alpha and modules may differ as far as
   * there is room; modules that only the old one adapted are the base's again.
   *
   * @param values copied
   */
  public AdapterSet swap(String name, Adapter adapter, AdapterValues values) {
    int seat = seat(name);
    SetMember member = SetMember.of(name, model, adapter, values);
    if (active.contains(name)) {
      Map<String, SetMember> others = new LinkedHashMap<>();
      active.stream().filter(n -> !n.equals(name)).forEach(n -> others.put(n, member(n)));
      others.put(name, member);
      requireOneHead(others, member);
    }
    sit(seat, member);
    return this;
  }

  /** Swaps in an adapter from a directory; see {@link #swap(String, Adapter, AdapterValues)}. */
  public AdapterSet swap(String name, Path directory) {
    try (LoadedAdapter loaded = PeftFormat.load(directory, model)) {
      return swap(name, loaded.adapter(), loaded.values());
    }
  }

  private void sit(int seat, SetMember member) {
    Problems problems = room == null ? new Problems() : room.misfits(member);
    if (!problems.list().isEmpty()) {
      member.close();
      problems.raise("adapter '" + member.name() + "' does not fit");
    }
    Optional.ofNullable(seats.put(seat, member)).ifPresent(SetMember::close);
    seatOf.put(member.name(), seat);
    weightsChanged = ++changes;
    takenAt.put(seat, changes);
  }

  /**
   * Makes these the active adapters, and no others; several add up.
   *
   * @throws ConfigException when there is none of a name, none is named, or two replace the same module
   */
  public AdapterSet activate(String... names) {
    if (names.length == 0) {
      throw new ConfigException("adapter set: activate at least one adapter; to run the base model, disable the set");
    }
    Map<String, SetMember> members = new LinkedHashMap<>();
    for (String name : names) {
      SetMember member = member(name);
      if (members.put(name, member) != null) {
        throw new ConfigException("adapter set: '%s' is named twice; an adapter adds its contribution once".formatted(name));
      }
      requireOneHead(members, member);
    }
    active = List.copyOf(members.keySet());
    changes++;
    return this;
  }

  @SuppressWarnings("ReferenceEquality") // All but this very member.
  private static void requireOneHead(Map<String, SetMember> members, SetMember last) {
    members.values().stream().filter(m -> m != last).forEach(m -> m.saved().keySet().stream().filter(last.saved()::containsKey).findFirst()
        .ifPresent(module -> {
          throw new ConfigException("adapter set: '%s' and '%s' both replace %s (modules_to_save), and weights that replace another do not "
              .formatted(m.name(), last.name(), module) + "add up; activate one of them");
        }));
  }

  /** Turns all adapters off, for sequences that name one too: the base model computes. */
  public AdapterSet disable() {
    enabled = false;
    changes++;
    return this;
  }

  /** Turns the active adapters on again. */
  public AdapterSet enable() {
    enabled = true;
    changes++;
    return this;
  }

  /** Whether adapters are on. */
  public boolean enabled() {
    return enabled;
  }

  /**
   * Removes an adapter; its seat is free again.
   *
   * @throws ConfigException when it is the only active one among others, so that nobody computes with an adapter they did not choose; when a mix has
   * it
   */
  public AdapterSet delete(String name) {
    int seat = seat(name);
    if (mixes.uses(name)) {
      throw new ConfigException("adapter set: a mix uses '%s'; remove that first".formatted(name));
    }
    List<String> left = active.stream().filter(n -> !n.equals(name)).toList();
    if (left.isEmpty() && !active.isEmpty() && seats.size() > 1) {
      throw new ConfigException("adapter set: '%s' is the only active adapter; activate another before you delete it, there are %s"
          .formatted(name, others(name)));
    }
    active = left;
    Objects.requireNonNull(seats.remove(seat), "a name has a seat").close();
    seatOf.remove(name);
    weightsChanged = ++changes;
    return this;
  }

  private List<String> others(String name) {
    return names().stream().filter(n -> !n.equals(name)).toList();
  }

  /** All names, in the order they were added. */
  public List<String> names() {
    return List.copyOf(seatOf.keySet());
  }

  /** The active names. */
  public List<String> active() {
    return active;
  }

  /** An adapter, as plain LoRA. */
  public LoraAdapter adapter(String name) {
    return member(name).adapter();
  }

  /** An adapter's values; they belong to the set. */
  public AdapterValues values(String name) {
    return member(name).values();
  }

  /**
   * What a batch is told of its sequences' adapters.
   *
   * @param names for each sequence an adapter, a mix, or {@link #BASE}
   * @return valid until the set changes
   */
  public int[] choices(List<String> names) {
    AdapterRoom recorded = recorded();
    return names.stream().mapToInt(name -> name.equals(BASE) ? recorded.base()
        : mixes.has(name) ? recorded.mix(mixes.get(name).place()) : AdapterRoom.choice(seat(name))).toArray();
  }

  /**
   * A number that changes when sequences which name an adapter compute something else with it than before.
   *
   * @param name an adapter, a mix, or {@link #BASE}
   */
  public long version(String name) {
    if (name.equals(BASE) || !enabled) {
      return 0;
    }
    return mixes.has(name) ? mixes.get(name).factors().keySet().stream().mapToLong(this::takenAt).reduce(mixes.get(name).since(), Math::max)
        : takenAt(name);
  }

  private long takenAt(String name) {
    return Objects.requireNonNull(takenAt.get(seat(name)), "a seat was taken at some time");
  }

  /** The set as an adapter to record and run a model with: nothing of it trains. */
  public Adapter recording() {
    return new SetRecording(this, recorded());
  }

  /**
   * One active adapter as the only thing that trains; other active ones compute, frozen, and the rest do nothing. What training leaves goes
   * back with {@link #swap(String, Adapter, AdapterValues)}.
   *
   * @throws ConfigException when it is not active, or was no plain LoRA: what a set holds of it would train as plain LoRA, without its rule
   */
  public Adapter training(String name) {
    SetMember trained = member(name);
    if (!active.contains(name) || !enabled) {
      throw new ConfigException("adapter set: '%s' cannot train, it is not active (%s)".formatted(name, enabled ? "active: " + active
          : "the set is disabled"));
    }
    if (trained.was() != LoraAdapter.class) {
      throw new ConfigException(("adapter set: '%s' was a %s, which the set holds as plain LoRA; trained here it would train as plain LoRA. "
          + "Train it alone, or add its form as plain LoRA (toLora) if that is to be trained").formatted(name, trained.was().getSimpleName()));
    }
    active.stream().filter(n -> !n.equals(name)).filter(n -> !member(n).saved().isEmpty()).findFirst().ifPresent(n -> {
      throw new ConfigException("adapter set: '%s' cannot train on top of '%s', which replaces %s"
          .formatted(name, n, member(n).saved().keySet()));
    });
    return new SetRecording(this, recorded(), trained);
  }

  /**
   * Active adapters as one to merge; {@link LoraMerge#write} sums them in double and rounds once. The base model's file is left alone, so
   * there is nothing to undo.
   *
   * @return adapter and values, which the caller closes
   */
  public LoadedAdapter merging() {
    if (active.isEmpty() || !enabled) {
      throw new ConfigException("adapter set: no adapter is active, so there is nothing to merge");
    }
    return SummedAdapters.of(active.stream().map(this::member).toList());
  }

  private AdapterRoom recorded() {
    AdapterRoom known = room;
    if (known == null) {
      Map<String, ModuleInfo> sites = new HashMap<>(reserved);
      Map<String, ModuleInfo> saved = new HashMap<>();
      seats.values().forEach(member -> {
        member.adapter().sites().forEach((module, site) -> sites.put(module, site.target().module()));
        saved.putAll(member.saved());
      });
      if (sites.isEmpty() && saved.isEmpty()) {
        throw new ConfigException("adapter set: it is empty; add an adapter, or reserve room, before recording");
      }
      int members = seats.isEmpty() ? 0 : seats.lastKey() + 1;
      int rank = seats.values().stream().mapToInt(SetMember::rank).max().orElse(1);
      known = new AdapterRoom(Math.max(members, seatsReserved), Math.max(rank, rankReserved), sites, saved,
          seats.values().stream().anyMatch(SetMember::biases), mixesReserved);
      room = known;
    }
    return known;
  }

  /**
   * Writes what has changed since the mark.
   *
   * @param trained the name of the member that computes by itself; {@link #BASE}: none
   */
  long write(Executable to, long written, String trained) {
    if (written == changes) {
      return written;
    }
    AdapterRoom recorded = recorded();
    SeatValues values = new SeatValues(recorded, seats, to);
    if (written < weightsChanged) {
      values.weights();
    }
    if (written < changes) {
      List<Map<Integer, Double>> used = new ArrayList<>();
      for (int choice = 0; choice < recorded.choices(); choice++) {
        used.add(new HashMap<>());
      }
      if (enabled) {
        active.stream().filter(n -> !n.equals(trained)).forEach(n -> used.get(AdapterRoom.ACTIVE).put(seat(n), 1.0));
        seats.keySet().forEach(seat -> used.get(AdapterRoom.choice(seat)).put(seat, 1.0));
        mixes.all().forEach(mix -> mix.factors().forEach((of, factor) -> used.get(recorded.mix(mix.place())).put(seat(of), factor)));
      }
      values.gates(used);
    }
    return changes;
  }

  private SetMember member(String name) {
    return Objects.requireNonNull(seats.get(seat(name)), "a name has a seat");
  }

  private int seat(String name) {
    Integer seat = seatOf.get(name);
    if (seat == null) {
      throw new ConfigException("adapter set: there is no adapter '%s'%s; there are: %s".formatted(name, Names.meant(name, names())
          .map(n -> ", did you mean '" + n + "'?").orElse(""), names().isEmpty() ? "none" : String.join(", ", names())));
    }
    return seat;
  }

  @Override
  public void close() {
    seats.values().forEach(SetMember::close);
    seats.clear();
    seatOf.clear();
    active = List.of();
    weightsChanged = ++changes;
  }
}
