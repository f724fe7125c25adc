package io.github.lora4j.golden;

import static io.github.lora4j.golden.GoldenLoraLayersTest.check;
import static io.github.lora4j.golden.GoldenLoraLayersTest.widen;

import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.SiteHooks.LinearSite;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.testkit.Session;
import io.github.lora4j.testkit.TestProgram;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.ReferenceKernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** The layer as a program: with x, or what dropout let through of it, as a probe; or ids that look up an embedding. */
record LayerProgram(Map<String, Tensor> t, int[] sizes, LoraAdapter adapter, ModuleInfo module, Ids lookup) {

  /**
   * What an embedding looks up.
   *
   * @param padding the id that learns nothing; −1 for none
   * @param scaleGradByFreq whether gradients are divided by how often an id is there
   */
  record Ids(int[] ids, int padding, boolean scaleGradByFreq) {
    static final Ids NONE = new Ids(new int[0], -1, false);
  }

  private Value record(TestProgram p) {
    Sites sites = new Sites(p.graph(), adapter);
    if (module.kind() == Kind.EMBEDDING) {
      int[] ids = lookup.ids;
      RowAxis axis = p.axis("rows", ids.length);
      Value table = p.table("ids", Shape.of(axis, 1), live -> ids);
      // Padding learns nothing: it is no one's inverse.
      inverse(p, axis);
      return p.mse(sites.embedding(module.name(), table, Shape.of(module.in(), module.out()), lookup.scaleGradByFreq));
    }
    if (module.convolution().isPresent()) {
      return p.mse(Images.record(p, sites, module, t.get("x").shape(), sizes));
    }
    RowAxis axis = p.axis("rows", t.get("x").values().length / module.in());
    Value x = p.probe("x", Shape.of(axis, module.in()));
    if (!t.containsKey("x_dropped")) {
      return p.mse(sites.linear(module.name(), x, module.out(), module.bias()));
    }
    // No randomness: the branch reads what PEFT's dropout let through, from a slot of its own.
    Value y = new Sites(p.graph(), io.github.lora4j.graph.SiteHooks.NONE).linear(module.name(), x, module.out(), module.bias());
    return p.mse(adapter.dropped(sites, new LinearSite(module.name(), x, p.graph().program().find(weight()).orElseThrow(),
        p.graph().program().find(module.name() + ".bias")), p.probe("x_dropped", x.shape()), y));
  }

  private String weight() {
    return module.name() + ".weight";
  }

  private void inverse(TestProgram p, RowAxis axis) {
    int[] ids = lookup.ids;
    int[] distinct = Arrays.stream(ids).filter(id -> id != lookup.padding).distinct().sorted().toArray();
    List<Integer> order = new ArrayList<>();
    int[] starts = new int[distinct.length + 1];
    for (int u = 0; u < distinct.length; u++) {
      for (int i = 0; i < ids.length; i++) {
        if (ids[i] == distinct[u]) {
          order.add(i);
        }
      }
      starts[u + 1] = order.size();
    }
    RowAxis unique = p.axis("ids.unique", distinct.length);
    p.table("ids.unique", Shape.of(unique, 1), live -> distinct);
    p.table("ids.starts", Shape.of(distinct.length + 1, 1), live -> starts);
    p.table("ids.order", Shape.of(axis, 1), live -> order.stream().mapToInt(i -> i).toArray());
  }

  /**
   * Compares outputs and the input's gradient with what was recorded.
   *
   * @param values of the adapter's parameters, as in files
   * @param gradients takes the parameters' gradients, as in files
   */
  void forwardAndBackward(Function<AdapterParameter, float[]> values, BiConsumer<AdapterParameter, double[]> gradients) {
    boolean dropped = t.containsKey("x_dropped");
    TestProgram program = new TestProgram(module.name(), module.in(), this::record, adapter::recordPrepare);
    Map<String, float[]> data = new LinkedHashMap<>();
    float[] w = t.get("W0").values();
    data.put(weight(), module.kind() == Kind.CONV1D ? transpose(w, module.in(), module.out()) : w);
    adapter.parameters().forEach(p -> data.put(p.slot(), inProgram(p, values.apply(p))));
    adapter.baseNorms().forEach((slot, norm) -> data.put(slot, norm.of(MemorySegment.ofArray(data.get(weight())))));
    if (module.kind() != Kind.EMBEDDING) {
      data.put("x", t.get("x").values());
    }
    if (module.bias()) {
      data.putIfAbsent(module.name() + ".bias", t.get("b0").values());
    }
    if (dropped) {
      data.put("x_dropped", t.get("x_dropped").values());
    }
    adapter.baseNorms().values().forEach(norm -> {
      if (t.containsKey("m_init")) {
        check("initial magnitude", widen(norm.of(MemorySegment.ofArray(data.get(weight())))), t.get("m_init"));
      }
    });
    data.forEach((slot, content) -> program.floats().put(program.program().slot(slot).orElseThrow(), content));
    try (CpuBackend backend = new CpuBackend(new ReferenceKernels(DType.F32), new Workers(1)); Session session = new Session(program,
        backend)) {
      double[] y = session.run(Session.full(program)).get("y");
      check("y", y, t.get("y"));
      // The loss is Σ (y − labels)², so these labels make its gradient dy.
      float[] labels = program.floats().get(program.program().slot("labels").orElseThrow());
      for (int i = 0; i < labels.length; i++) {
        labels[i] = (float) (y[i] - t.get("dy").values()[i] / 2);
      }
      Map<String, double[]> got = session.run(Session.full(program));
      for (AdapterParameter p : adapter.parameters()) {
        gradients.accept(p, stored(p, got.get(p.slot() + ".grad")));
      }
      if (module.kind() == Kind.EMBEDDING) {
        return;
      }
      double[] dx = got.get("x.grad");
      if (dropped) {
        double[] through = got.get("x_dropped.grad");
        for (int i = 0; i < dx.length; i++) {
          float x = t.get("x").values()[i];
          dx[i] += x == 0 ? 0 : through[i] * t.get("x_dropped").values()[i] / x;
        }
      }
      check("dx", dx, t.get("dx"));
    }
  }

  private static float[] inProgram(AdapterParameter p, float[] stored) {
    float[] program = new float[stored.length];
    p.toProgram(MemorySegment.ofArray(stored), MemorySegment.ofArray(program));
    return program;
  }

  private static double[] stored(AdapterParameter p, double[] program) {
    float[] narrow = new float[program.length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (float) program[i];
    }
    float[] stored = new float[program.length];
    p.fromProgram(MemorySegment.ofArray(narrow), MemorySegment.ofArray(stored));
    return widen(stored);
  }

  private static float[] transpose(float[] values, int rows, int cols) {
    float[] result = new float[values.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        result[j * rows + i] = values[i * cols + j];
      }
    }
    return result;
  }
}
