package io.github.lora4j.lora.plain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LoraMergeTest {

  private static final ModelDescription MODEL = ModelDescription.of("tiny", List.of(ModuleInfo.linear("a", 17, 7, true),
      new ModuleInfo("c", ModuleInfo.Kind.CONV1D, 7, 33, true), ModuleInfo.linear("head", 33, 2, true)));

  @TempDir
  Path temp;

  private static LoraAdapter adapter() {
    return new LoraMethod().create(LoraConfig.builder().r(5).loraAlpha(15).targetModules("a", "c").bias(Bias.LORA_ONLY)
        .modulesToSave(List.of("head"))
        .initLoraWeights(InitLoraWeights.RANDOM).build(), MODEL);
  }

  private static float at(MemorySegment s, int i) {
    return s.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F64", "F16", "BF16"})
  void addsTheUpdateInBothLayoutsAndTakesItOut(DType type) {
    LoraAdapter adapter = adapter();
    double rounding = switch (type) {
      case F64 -> 1e-15;
      case F32 -> 0x1p-24;
      case F16 -> 0x1p-11;
      default -> 0x1p-8;
    };
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(3); Arena arena = Arena.ofConfined()) {
      for (LoraAdapter.Site site : adapter.sites().values()) {
        ModuleInfo m = site.target().module();
        boolean conv1d = m.kind() == ModuleInfo.Kind.CONV1D;
        MemorySegment weight = arena.allocate((long) m.in() * m.out() * type.bytes(), 8);
        LoraMerge.merge(site, values, type, weight); // onto zero
        double[] merged = new double[m.in() * m.out()];
        io.github.lora4j.lora.internal.Elements.load(type, weight, 0, merged);
        for (int o = 0; o < m.out(); o++) {
          for (int i = 0; i < m.in(); i++) {
            double expected = 0;
            for (int k = 0; k < 5; k++) {
              expected += 3.0 * at(values.get(site.b().slot()), o * 5 + k) * at(values.get(site.a().slot()), k * m.in() + i);
            }
            assertEquals(expected, merged[conv1d ? i * m.out() + o : o * m.in() + i], Math.abs(expected) * rounding + 1e-9);
          }
        }
        LoraMerge.unmerge(site, values, type, weight, new double[0]);
        io.github.lora4j.lora.internal.Elements.load(type, weight, 0, merged);
        for (double v : merged) {
          assertEquals(0, v, 8 * rounding);
        }
      }
    }
  }

  @Test
  void writesAWholeModel() {
    LoraAdapter adapter = adapter();
    Path file = temp.resolve("merged.safetensors");
    try (AdapterValues values = values(adapter); Checkpoint base = base(DType.BF16)) {
      LoraMerge.write(base, UnaryOperator.identity(), MODEL, adapter, values, file);
      try (Checkpoint merged = Checkpoint.open(file); Arena arena = Arena.ofConfined()) {
        assertEquals(java.util.Set.of("a.weight", "a.bias", "c.weight", "c.bias", "head.weight", "head.bias", "free"), merged.names());
        assertEquals(DType.BF16, merged.info("a.weight").dtype());
        assertEquals(DType.F32, merged.info("head.weight").dtype(), "the base had no head");
        MemorySegment expected = arena.allocate(7 * 17 * 2, 8);
        base.read("a.weight", DType.BF16, expected);
        LoraMerge.merge(adapter.sites().get("a"), values, DType.BF16, expected);
        MemorySegment got = arena.allocate(7 * 17 * 2, 8);
        merged.read("a.weight", DType.BF16, got);
        assertEquals(-1, expected.mismatch(got));
        MemorySegment bias = arena.allocate(7 * 4, 8);
        merged.read("a.bias", DType.F32, bias);
        assertEquals(0.5f, at(bias, 3));
        MemorySegment free = arena.allocate(3 * 8, 8);
        merged.read("free", DType.I64, free);
        assertEquals(42, free.getAtIndex(ValueLayout.JAVA_LONG, 1));
      }
    }
  }

  @Test
  void aNumberThatIsNotFiniteStopsTheWholeMergeAndIsNamed() throws Exception {
    LoraAdapter adapter = adapter();
    try (AdapterValues values = values(adapter); Checkpoint base = base(DType.F32)) {
      values.get("c.lora_A.weight").setAtIndex(ValueLayout.JAVA_FLOAT, 6, Float.NaN);
      String message = assertThrows(FormatException.class,
          () -> LoraMerge.write(base, UnaryOperator.identity(), MODEL, adapter, values, temp.resolve("merged.safetensors"))).getMessage();
      assertTrue(message.contains("c.weight") && message.contains("NaN"), message);
      values.get("c.lora_A.weight").setAtIndex(ValueLayout.JAVA_FLOAT, 6, 1e30f);
      try (Checkpoint half = base(DType.F16)) {
        message = assertThrows(FormatException.class,
            () -> LoraMerge.write(half, UnaryOperator.identity(), MODEL, adapter, values, temp.resolve("merged.safetensors"))).getMessage();
        assertTrue(message.contains("Infinity as F16") || message.contains("-Infinity as F16"), message);
      }
    }
    assertFalse(Files.exists(temp.resolve("merged.safetensors")));
    try (Stream<Path> files = Files.list(temp)) {
      assertTrue(files.noneMatch(f -> f.getFileName().toString().endsWith(".tmp")));
    }
  }

  @Test
  void refusesAnotherBaseAndTiedWeights() {
    LoraAdapter adapter = adapter();
    try (AdapterValues values = values(adapter); Checkpoint base = base(DType.F32)) {
      String message = assertThrows(ConfigException.class,
          () -> LoraMerge.write(base, name -> "x." + name, MODEL, adapter, values, temp.resolve("m"))).getMessage();
      assertTrue(message.contains("a.weight, c.weight"), message);
      ModelDescription tied = new ModelDescription("tiny", MODEL.modules(), Optional.empty(), Map.of("c.weight", "embedding.weight"));
      message = assertThrows(ConfigException.class,
          () -> LoraMerge.write(base, UnaryOperator.identity(), tied, adapter, values, temp.resolve("m"))).getMessage();
      assertTrue(message.contains("c.weight") && message.contains("unmerged"), message);
    }
  }

  private static AdapterValues values(LoraAdapter adapter) {
    AdapterValues values = new AdapterValues(adapter.parameters()).initialise(3);
    for (String slot : List.of("a.bias", "c.bias", "head.weight", "head.bias")) {
      MemorySegment s = values.get(slot);
      for (int i = 0; i < s.byteSize() / 4; i++) {
        s.setAtIndex(ValueLayout.JAVA_FLOAT, i, 0.5f);
      }
    }
    return values;
  }

  /** A base without a head, and with a tensor that no module owns. */
  private Checkpoint base(DType type) {
    Path file = temp.resolve("base-" + type + ".safetensors");
    Random random = new Random(1);
    SafetensorsWriter writer = new SafetensorsWriter();
    Map.of("a.weight", List.of(7L, 17L), "a.bias", List.of(7L), "c.weight", List.of(7L, 33L), "c.bias", List.of(33L)).forEach((name,
        shape) ->
        writer.add(new TensorInfo(name, type, shape), data -> {
          double[] values = random.doubles(data.byteSize() / type.bytes(), -1, 1).toArray();
          io.github.lora4j.lora.internal.Elements.store(name, type, values, data, 0);
        }));
    writer.add(new TensorInfo("free", DType.I64, List.of(3L)), MemorySegment.ofArray(new long[] {41, 42, 43}));
    writer.write(file);
    return Checkpoint.open(file);
  }
}
