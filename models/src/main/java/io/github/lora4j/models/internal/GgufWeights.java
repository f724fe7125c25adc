package io.github.lora4j.models.internal;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.BlockFormats;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The tensors of a GGUF file under Hugging Face's names, with what llama.cpp's converter does to them undone: the order of rows, norms that are stored
 * plus 1. Blocks come as they are, whole rows of them put in order.
 */
public final class GgufWeights implements Checkpoint {

  /** A tensor and what is undone. */
  private record Entry(GgufTensor tensor, RowOrder order, boolean shifted, boolean turned) {}

  private final GgufFile file;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private GgufWeights(GgufFile file) {
    this.file = file;
  }

  /**
   * Takes the file over.
   *
   * @param turned modules, by their names, whose weights Hugging Face stores transposed
   * @throws FormatException when the file has a tensor that the family has no place for
   */
  public static GgufWeights of(GgufFile file, Architecture architecture, Set<String> turned) {
    GgufWeights weights = new GgufWeights(file);
    FamilyFacts facts = architecture.facts();
    GgufKeys keys = GgufConfig.keys(file.metadata().text("general.architecture")).orElseThrow();
    GgufNames names = new GgufNames(facts);
    for (GgufTensor tensor : file.tensors()) {
      if (GgufRope.TENSORS.contains(tensor.name())) {
        continue;
      }
      String name = names.parameter(tensor.name()).orElseThrow(() -> new FormatException(
          "%s: tensor %s has no place in a model of architecture %s; lora4j would compute without it, so it refuses the file".formatted(file.describe(),
              Names.printable(tensor.name()), keys.architecture())));
      String module = name.substring(0, name.lastIndexOf('.'));
      boolean turns = turned.contains(module) && tensor.shape().size() == 2;
      weights.entries.put(name, new Entry(tensor, RowOrder.of(module, architecture, keys), keys.shiftedNorms() && name.endsWith("norm.weight"), turns));
    }
    return weights;
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  @Override
  public TensorInfo info(String name) {
    Entry entry = find(name);
    List<Long> shape = entry.turned ? entry.tensor.shape().reversed() : entry.tensor.shape();
    return new TensorInfo(name, entry.tensor.type().elements().orElse(DType.F32), shape);
  }

  @Override
  public WeightFormat stored(String name) {
    GgufTensor tensor = find(name).tensor;
    Optional<WeightFormat> elements = tensor.type().elements().filter(DType::isFloat).map(Elements::new);
    return elements.or(() -> GgufFormat.ofType(tensor.type().id())).orElseThrow(() -> new FormatException(("%s: tensor %s is of type %s, which is not "
        + "supported; convert the file, for example by llama-quantize to Q8_0, or take another of the model's files").formatted(file.describe(),
        tensor.name(), tensor.type())));
  }

  @Override
  public boolean turned(String name) {
    return find(name).turned;
  }

  @Override
  public void read(String name, DType as, MemorySegment target) {
    Entry entry = find(name);
    if (entry.turned) {
      long rows = entry.tensor.shape().getFirst();
      long cols = entry.tensor.shape().getLast();
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment rowMajor = arena.allocate(target.byteSize(), 64);
        read(name, new Elements(as), rowMajor);
        Turned.copy(rowMajor, rows, cols, as.bytes(), target);
      }
      return;
    }
    read(name, new Elements(as), target);
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    Entry entry = find(name);
    GgufTensor tensor = entry.tensor;
    WeightFormat stored = stored(name);
    int cols = Math.toIntExact(tensor.columns());
    long rows = tensor.elements() / cols;
    long targetRow = WeightFormats.rowBytes(as, cols);
    if (target.byteSize() != rows * targetRow) {
      throw new ConfigException("%s: tensor %s %s as %s needs a target of %d bytes, got %d".formatted(file.describe(), name, tensor.shape(), as.name(),
          rows * targetRow, target.byteSize()));
    }
    boolean same = stored.equals(as) && !entry.shifted;
    if (same && entry.order.straight()) {
      file.read(tensor.name(), 0, target);
      BlockFormats.requireFinite(stored, Math.toIntExact(rows), cols, target, file.describe() + ": tensor " + tensor.name());
      return;
    }
    // A vector's elements are what a matrix' rows are: a bias is in the order of its weight's rows.
    boolean vector = tensor.shape().size() < 2;
    long step = Math.max(1, (1 << 20) / Math.max(1, cols));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment raw = arena.allocate(Math.min(step, rows) * tensor.rowBytes(), 64);
      MemorySegment floats = arena.allocate(Math.min(step, rows) * cols * Float.BYTES, 64);
      MemorySegment put = arena.allocate(Math.min(step, rows) * targetRow, 64);
      for (long first = 0; first < rows; first += step) {
        int n = (int) Math.min(step, rows - first);
        MemorySegment blocks = raw.asSlice(0, n * tensor.rowBytes());
        file.read(tensor.name(), first * tensor.rowBytes(), blocks);
        BlockFormats.requireFinite(stored, n, cols, blocks, file.describe() + ": tensor " + tensor.name() + " from row " + first + " on");
        MemorySegment out = put.asSlice(0, n * targetRow);
        if (same) {
          out = blocks;
        } else {
          convert(entry, stored, as, new Rows(n, cols, blocks, floats, out));
        }
        if (vector) {
          scatter(entry.order, as.blockBytes(), 0, cols, out, target);
        } else {
          scatter(entry.order, targetRow, first, n, out, target);
        }
      }
    }
  }

  private record Rows(int rows, int cols, MemorySegment blocks, MemorySegment floats, MemorySegment out) {}

  private static void convert(Entry entry, WeightFormat stored, WeightFormat as, Rows r) {
    if (stored instanceof Elements from && as instanceof Elements && !entry.shifted) {
      WeightFormats.encode(as, r.rows, r.cols, from, r.blocks, r.out);
      return;
    }
    for (int i = 0; i < r.rows; i++) {
      stored.decode(r.blocks, i * WeightFormats.rowBytes(stored, r.cols), r.floats, (long) i * r.cols * Float.BYTES, r.cols);
    }
    if (entry.shifted) {
      for (long i = 0; i < (long) r.rows * r.cols; i++) {
        r.floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, r.floats.getAtIndex(ValueLayout.JAVA_FLOAT, i) - 1);
      }
    }
    WeightFormats.encode(as, r.rows, r.cols, new Elements(DType.F32), r.floats, r.out);
  }

  private static void scatter(RowOrder order, long bytes, long first, long count, MemorySegment from, MemorySegment target) {
    for (long i = 0; i < count; i++) {
      MemorySegment.copy(from, i * bytes, target, order.place(first + i) * bytes, bytes);
    }
  }

  @Override
  public Map<String, String> metadata() {
    return file.metadata().shown();
  }

  @Override
  public String describe() {
    return file.describe();
  }

  @Override
  public void close() {
    file.close();
  }

  private Entry find(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new FormatException("%s: has no tensor for %s; the nearest of its %d names: %s".formatted(file.describe(), Names.printable(name),
          entries.size(), Names.list(Names.nearest(name, entries.keySet(), 3))));
    }
    return entry;
  }
}
