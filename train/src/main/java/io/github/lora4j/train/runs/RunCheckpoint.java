package io.github.lora4j.train.runs;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Memory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * One checkpoint of a run: {@code state.safetensors} (parameters, moments, what the method keeps), {@code trainer_state.json} and
 * {@code checksums.json} with a CRC-32C of each of them.
 */
final class RunCheckpoint {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String STATE = "trainer_state.json";
  private static final String ARENAS = "state.safetensors";
  private static final String CHECKSUMS = "checksums.json";
  private static final int FORMAT = 2;

  private final Path directory;

  RunCheckpoint(Path directory) {
    this.directory = directory;
  }

  /** Writes it, replacing one that is there; when this returns it is on the disk. */
  void write(Executable executable, List<Value> slots, RunIdentity run, Progress progress) {
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "lora4j-run");
    DType type = executable.floatType();
    for (Executable.Arena arena : Executable.Arena.KEPT) {
      MemorySegment memory = executable.arena(arena);
      writer.add(new TensorInfo(name(arena), type, List.of(memory.byteSize() / type.bytes())), memory);
    }
    slots.forEach(slot -> writer.add(new TensorInfo(slot.name(), type, List.of(slot.shape().elements())), data -> executable.read(slot, data)));
    ObjectNode state = JSON.createObjectNode().put("format", FORMAT).put("step", progress.step()).put("evaluation_due", progress.evaluationDue());
    // In order, so that the same run writes the same bytes.
    new TreeMap<>(run.settings()).forEach(state.putObject("run")::put);
    state.put("kernels", run.kernels());
    progress.best().ifPresent(best -> state.putObject("best").put("metric", best.metric()).put("step", best.step()).put("value", best.value())
        .put("since", best.since()));
    new TreeMap<>(progress.method()).forEach(state.putObject("method")::put);
    AtomicFiles.directory(directory, temporary -> {
      writer.write(temporary.resolve(ARENAS));
      Files.writeString(temporary.resolve(STATE), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(state));
      ObjectNode sums = JSON.createObjectNode();
      for (String file : List.of(ARENAS, STATE)) {
        sums.put(file, checksum(temporary.resolve(file)));
      }
      Files.writeString(temporary.resolve(CHECKSUMS), JSON.writeValueAsString(sums));
    });
  }

  private static String name(Executable.Arena arena) {
    return arena.name().toLowerCase(Locale.ROOT);
  }

  /**
   * Compares the files with their checksums.
   *
   * @throws FormatException when a file is missing, cannot be read or is damaged, naming it
   */
  void requireWhole() {
    JsonNode sums = json(CHECKSUMS);
    for (String file : List.of(ARENAS, STATE)) {
      String expected = sums.path(file).asText("none");
      try {
        String actual = checksum(directory.resolve(file));
        if (!actual.equals(expected)) {
          throw new FormatException("%s is damaged: its checksum is %s, %s says %s".formatted(directory.resolve(file), actual, CHECKSUMS, expected));
        }
      } catch (IOException e) {
        throw new FormatException("%s cannot be read: %s".formatted(directory.resolve(file), e), e);
      }
    }
  }

  private static String checksum(Path file) throws IOException {
    CRC32C checksum = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 18);
    try (FileChannel channel = FileChannel.open(file)) {
      while (channel.read(buffer) >= 0) {
        checksum.update(buffer.flip());
        buffer.clear();
      }
    }
    return "crc32c:%08x".formatted(checksum.getValue());
  }

  private JsonNode json(String name) {
    Path file = directory.resolve(name);
    try {
      JsonNode node = JSON.readTree(Files.readAllBytes(file));
      if (!node.isObject()) {
        throw new FormatException("%s is damaged: it holds no object".formatted(file));
      }
      return node;
    } catch (JacksonException e) {
      throw new FormatException("%s is damaged: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new FormatException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  /**
   * Brings a run back to where it was.
   *
   * @throws io.github.lora4j.vector.ConfigException if it is the checkpoint of another run, naming what differs
   */
  Progress read(Executable executable, List<Value> slots, RunIdentity run, Resume how) {
    JsonNode state = json(STATE);
    if (state.path("format").asInt() != FORMAT || !state.path("step").isInt()) {
      throw new FormatException("%s is not a checkpoint of this version of lora4j (format %s, expected %d)".formatted(directory.resolve(STATE),
          state.path("format"), FORMAT));
    }
    run.requireContinues(directory, new RunIdentity(texts(state.path("run")), state.path("kernels").asText()), how);
    DType type = executable.floatType();
    try (Checkpoint arenas = Checkpoint.open(directory.resolve(ARENAS))) {
      for (Executable.Arena arena : Executable.Arena.KEPT) {
        requireElements(arenas, name(arena), executable.arena(arena).byteSize() / type.bytes());
        arenas.read(name(arena), type, executable.arena(arena));
        executable.arenaWritten(arena);
      }
      for (Value slot : slots) {
        requireElements(arenas, slot.name(), slot.shape().elements());
        try (Memory memory = new Memory("checkpoint")) {
          MemorySegment data = memory.allocate(slot.shape().elements() * type.bytes(), slot.name());
          arenas.read(slot.name(), type, data);
          executable.write(slot, data);
        }
      }
    }
    Optional<Best> best = Optional.of(state.path("best")).filter(JsonNode::isObject).map(node -> new Best(node.path("metric").asText(),
        node.path("step").asInt(), node.path("value").asDouble(), node.path("since").asInt()));
    return new Progress(state.path("step").asInt(), state.path("evaluation_due").asBoolean(), best, texts(state.path("method")));
  }

  private static void requireElements(Checkpoint from, String name, long expected) {
    if (from.info(name).elements() != expected) {
      throw new FormatException("%s: %s has %d elements, expected %d".formatted(from.describe(), name, from.info(name).elements(), expected));
    }
  }

  private static Map<String, String> texts(JsonNode object) {
    Map<String, String> texts = new LinkedHashMap<>();
    object.properties().forEach(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
    return texts;
  }
}
