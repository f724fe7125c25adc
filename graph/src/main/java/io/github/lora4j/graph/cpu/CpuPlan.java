package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.AdapterOp;
import io.github.lora4j.graph.Backend.Allocation;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.DecoderOp;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.MemoryPlan;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Everything a CPU executable will hold, before anything is allocated.
 *
 * @param forms the layouts in which each frozen weight is kept
 * @param slabs the plan of each entry's temporaries; all entries share one slab
 */
record CpuPlan(Program program, DType floats, DType weights, Map<Value, EnumSet<Form>> forms, Map<String, MemoryPlan> slabs,
    long gemmScratch, long attentionScratch, long partials, int threads, Kernels kernels) {

  /** Rows whose sums make one partial; fixed, so that sums do not depend on the number of threads. */
  static final int PARTIAL_ROWS = 256;

  /** Layouts of a frozen weight. */
  enum Form {
    /** Row-major in the compute type: biases, norms, operands of elementwise ops. */
    RAW,
    /** Row-major in the storage type: embedding tables. */
    TABLE,
    /** Panels in the storage type: products with the weight and with its transpose. */
    PANELS
  }

  static CpuPlan of(Program program, CompileOptions options, Kernels kernels, int threads) {
    DType floats = kernels.dtype();
    DType weights = options.weights() == DType.F32 ? floats : options.weights();
    Map<Value, EnumSet<Form>> forms = new HashMap<>();
    Map<String, MemoryPlan> slabs = new HashMap<>();
    program.slots().values().stream().filter(v -> v.role() == Value.Role.FROZEN).forEach(v -> forms.put(v, EnumSet.noneOf(Form.class)));
    long gemm = 0;
    long attention = 0;
    long partials = 0;
    for (Program.Entry entry : program.entries().values()) {
      slabs.put(entry.name(), MemoryPlan.of(entry, floats.bytes()));
      for (Program.Node node : entry.nodes()) {
        Op op = node.op();
        for (Value in : op.inputs()) {
          if (in.role() == Value.Role.FROZEN) {
            forms.get(in).add(form(op, in));
          }
        }
        switch (op) {
          case Op.Linear o -> gemm = Math.max(gemm, kernels.gemmScratchBytes(spec(o, weights, floats), threads));
          case Op.LinearInputGrad o -> gemm = Math.max(gemm, kernels.gemmScratchBytes(spec(o, weights, floats), threads));
          case Op.LinearWeightGrad o -> gemm = Math.max(gemm, kernels.gemmScratchBytes(spec(o, floats), threads));
          case Op.Attention o -> attention = Math.max(attention, kernels.attentionScratchBytes(o.spec(), o.maxLength()));
          case Op.AttentionGrad o ->
              attention = Math.max(attention, kernels.attentionScratchBytes(o.forward().spec(), o.forward().maxLength()));
          case AdapterOp.ColumnDots o -> partials = Math.max(partials, partialBytes(o.x(), 1, floats));
          case DecoderOp.RmsNormParamGrad o -> partials = Math.max(partials, partialBytes(o.x(), 1, floats));
          case Op.ColumnSum o -> partials = Math.max(partials, partialBytes(o.x(), 1, floats));
          case Op.LayerNormParamGrad o -> partials = Math.max(partials, partialBytes(o.x(), 2, floats));
          default -> { }
        }
      }
    }
    // Each worker's scratch starts on its own cache line.
    return new CpuPlan(program, floats, weights, forms, slabs, gemm, Memory.align(attention), partials, threads, kernels);
  }

  private static long partialBytes(Value x, int buffers, DType floats) {
    return (long) buffers * slots(x.shape().rows()) * x.shape().cols() * floats.bytes();
  }

  static int slots(int rows) {
    return (rows + PARTIAL_ROWS - 1) / PARTIAL_ROWS;
  }

  private static Form form(Op op, Value weight) {
    return switch (op) {
      case Op.Linear o when o.w().equals(weight) -> Form.PANELS;
      case Op.LinearInputGrad o when o.w().equals(weight) -> Form.PANELS;
      case Op.Gather o when o.table().equals(weight) -> Form.TABLE;
      default -> Form.RAW;
    };
  }

  static Gemm.Spec spec(Op.Linear o, DType weights, DType floats) {
    boolean packed = o.w().role() == Value.Role.FROZEN;
    int rows = o.x().shape().rows();
    return new Gemm.Spec(Gemm.Form.NT, rows, rows, o.w().shape().rows(), o.w().shape().cols(), o.alpha(), packed, packed ? weights : floats);
  }

  static Gemm.Spec spec(Op.LinearInputGrad o, DType weights, DType floats) {
    boolean packed = o.w().role() == Value.Role.FROZEN;
    int rows = o.dy().shape().rows();
    return new Gemm.Spec(Gemm.Form.NN, rows, rows, o.w().shape().cols(), o.w().shape().rows(), o.alpha(), packed, packed ? weights : floats);
  }

  static Gemm.Spec spec(Op.LinearWeightGrad o, DType floats) {
    int rows = o.dy().shape().rows();
    return new Gemm.Spec(Gemm.Form.TN, rows, o.dw().shape().rows(), o.dw().shape().cols(), rows, o.alpha(), false, floats);
  }

  /** Bytes of one layout of a frozen weight. */
  long formBytes(Value weight, Form form) {
    return switch (form) {
      case RAW -> weight.shape().elements() * floats.bytes();
      case TABLE -> weight.shape().elements() * weights.bytes();
      case PANELS -> kernels.packedBytes(weight.shape().rows(), weight.shape().cols(), weights);
    };
  }

  /** Bytes of a slot that is not frozen and not in an arena. */
  long slotBytes(Value slot) {
    return slot.shape().elements() * (slot.integer() ? 4 : floats.bytes());
  }

  /** Bytes of an arena; what only training needs is not there in a program that does not train. */
  long arenaBytes(Executable.Arena arena) {
    return program.uses(arena) ? program.parameters().elements() * floats.bytes() : 0;
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
      for (Form form : forms.get(weight)) {
        list.add(new Allocation(purpose(weight, form), formBytes(weight, form)));
      }
    });
    hostSlots().forEach(slot -> list.add(new Allocation(slot.name(), slotBytes(slot))));
    for (Executable.Arena arena : Executable.Arena.values()) {
      list.add(new Allocation(purpose(arena), arenaBytes(arena)));
    }
    list.add(new Allocation("activations", slabBytes()));
    list.add(new Allocation("matrix product scratch", gemmScratch));
    list.add(new Allocation("attention scratch", attentionScratch * threads));
    list.add(new Allocation("partial sums", partials));
    return list.stream().map(a -> new Allocation(a.purpose(), Memory.align(a.bytes()))).toList();
  }

  static String purpose(Value weight, Form form) {
    return "weight " + weight.name() + " " + form;
  }

  static String purpose(Executable.Arena arena) {
    return "trainable " + arena;
  }
}
