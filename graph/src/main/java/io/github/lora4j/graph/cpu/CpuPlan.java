package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Backend.Allocation;
import io.github.lora4j.graph.Binders;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.MemoryPlan;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Everything a CPU executable will hold, before anything is allocated.
 *
 * @param forms the layouts in which each frozen weight is kept
 * @param slabs the plan of each entry's temporaries; all entries share one slab
 * @param scratch of the op that needs most
 */
public record CpuPlan(Program program, CpuTarget target, Binders<CpuBinder<?>> binders, Map<Value, EnumSet<Form>> forms,
    Map<String, MemoryPlan> slabs, CpuScratch scratch) {

  /** What memory is for. */
  static final String SCRATCH = "scratch";
  static final String WORKER_SCRATCH = "scratch of each thread";

  /** Layouts of a frozen weight. */
  public enum Form {
    /** Row-major in the compute type: biases, norms, operands of elementwise ops. */
    RAW,
    /** Row-major in the storage type: embedding tables that nothing is multiplied with. */
    TABLE,
    /** Panels in the storage type: products with the weight and with its transpose, and rows of an embedding that is one of them. */
    PANELS
  }

  static CpuPlan of(Program program, CompileOptions options, Kernels kernels, int threads) {
    CpuPlan plan = unplaced(program, options, kernels, threads);
    Map<String, MemoryPlan> slabs = new HashMap<>();
    program.entries().values().forEach(entry -> slabs.put(entry.name(), MemoryPlan.of(entry, plan.floats().bytes())));
    return new CpuPlan(program, plan.target, plan.binders, plan.forms, slabs, plan.scratch);
  }

  /**
   * Bytes of the largest weight that is kept in panels alone, and comes row-major: it is read to a copy first, unless the memory of temporaries, which is
   * idle then, has room for it.
   */
  long staging() {
    return forms.entrySet().stream().filter(e -> e.getValue().equals(EnumSet.of(Form.PANELS)))
        .mapToLong(e -> formBytes(e.getKey(), Form.TABLE)).filter(bytes -> bytes > slabBytes()).max().orElse(0);
  }

  /** All but the places of temporaries. */
  private static CpuPlan unplaced(Program program, CompileOptions options, Kernels kernels, int threads) {
    CpuTarget target = new CpuTarget(kernels, threads, options);
    Map<Value, EnumSet<Form>> forms = new HashMap<>();
    program.slots().values().stream().filter(v -> v.role() == Value.Role.FROZEN).forEach(v -> forms.put(v, EnumSet.noneOf(Form.class)));
    Binders<CpuBinder<?>> binders = CpuBinders.all();
    CpuScratch scratch = CpuScratch.NONE;
    for (Program.Entry entry : program.entries().values()) {
      for (Program.Node node : entry.nodes()) {
        scratch = scratch.max(needs(node.op(), binder(binders, node.op()), target, forms));
      }
    }
    // Rows of a table can be read from panels too: a tied output layer and its embedding are one copy.
    forms.values().stream().filter(of -> of.contains(Form.PANELS)).forEach(of -> of.remove(Form.TABLE));
    // Each worker's scratch starts on its own cache line.
    return new CpuPlan(program, target, binders, forms, Map.of(), new CpuScratch(scratch.shared(), Memory.align(scratch.each())));
  }

  /** The scratch of an op; adds the layouts in which it reads frozen inputs. */
  private static <O extends Op> CpuScratch needs(O op, CpuBinder<O> binder, CpuTarget target, Map<Value, EnumSet<Form>> forms) {
    op.inputs().stream().filter(in -> in.role() == Value.Role.FROZEN).forEach(in -> forms(forms, in).add(binder.form(op, in)));
    return binder.scratch(op, target);
  }

  private static EnumSet<Form> forms(Map<Value, EnumSet<Form>> all, Value weight) {
    return Objects.requireNonNull(all.get(weight), "a frozen weight of the program");
  }

  <O extends Op> CpuBinder<O> binder(O op) {
    return binder(binders, op);
  }

  /** The registry finds binders by the class of op that they bind. */
  @SuppressWarnings("unchecked")
  private static <O extends Op> CpuBinder<O> binder(Binders<CpuBinder<?>> binders, O op) {
    return (CpuBinder<O>) binders.of(op);
  }

  private DType floats() {
    return target.floats();
  }

  /** The format in which a frozen weight comes: the stored one, unless something reads it as it is computed with. */
  WeightFormat format(Value weight) {
    return forms(forms, weight).contains(Form.RAW) ? target.elements() : target.weights(weight);
  }

  /** Where rows of a frozen table are looked up. */
  Form tableForm(Value weight) {
    return forms(forms, weight).contains(Form.PANELS) ? Form.PANELS : Form.TABLE;
  }

  /** Bytes of one layout of a frozen weight. */
  long formBytes(Value weight, Form form) {
    return switch (form) {
      case RAW -> weight.shape().elements() * floats().bytes();
      case TABLE -> weight.shape().rows() * WeightFormats.rowBytes(target.weights(weight), weight.shape().cols());
      case PANELS -> target.kernels().packedBytes(weight.shape().rows(), weight.shape().cols(), target.weights(weight));
    };
  }

  /** Bytes of a slot that is not frozen and not in an arena. */
  long slotBytes(Value slot) {
    return slot.shape().elements() * (slot.integer() ? 4 : floats().bytes());
  }

  /** Bytes of an arena; what only training needs is not there in a program that does not train. */
  long arenaBytes(Executable.Arena arena) {
    return program.uses(arena) ? program.parameters().elements() * floats().bytes() : 0;
  }

  long slabBytes() {
    return slabs.values().stream().mapToLong(MemoryPlan::bytes).max().orElse(0);
  }

  Stream<Value> hostSlots() {
    return program.slots().values().stream().filter(v -> v.role() == Value.Role.INPUT || v.role() == Value.Role.STATE)
        .sorted(Comparator.comparingInt(Value::id));
  }

  /** Each allocation the executable makes, by the size it occupies. */
  List<Allocation> allocations() {
    List<Allocation> list = new ArrayList<>();
    forms.keySet().stream().sorted(Comparator.comparingInt(Value::id)).forEach(weight -> {
      for (Form form : forms(forms, weight)) {
        list.add(new Allocation(purpose(weight, form), formBytes(weight, form)));
      }
    });
    hostSlots().forEach(slot -> list.add(new Allocation(slot.name(), slotBytes(slot))));
    for (Executable.Arena arena : Executable.Arena.values()) {
      list.add(new Allocation(purpose(arena), arenaBytes(arena)));
    }
    list.add(new Allocation("activations", slabBytes()));
    list.add(new Allocation(SCRATCH, scratch.shared()));
    list.add(new Allocation(WORKER_SCRATCH, scratch.each() * target.threads()));
    return list.stream().map(a -> new Allocation(a.purpose(), Memory.align(a.bytes()))).toList();
  }

  static String purpose(Value weight, Form form) {
    return "weight " + weight.name() + " " + form;
  }

  static String purpose(Executable.Arena arena) {
    return "trainable " + arena;
  }
}
