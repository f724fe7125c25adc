package io.github.lora4j.train;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.preference.References;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * What a run's reference says of its data, computed once before training and kept beside the run in {@code reference.bin}: of each answer's
 * tokens the log-probability as F32, big-endian, behind checksums of the data and of the numbers.
 */
final class Beforehand {

  private static final String FILE = "reference.bin";
  /** Tokens of a forward pass at least, if there are as many. */
  private static final int ROOM = 512;

  private Beforehand() {}

  /** The run with what its reference says, if its task asks for that. */
  static PreparedRun of(PreparedRun run, Path output, Backend backend) {
    if (run.program().beforehand().isEmpty()) {
      return run;
    }
    List<TokenizedData> data = data(run);
    Path file = output.resolve(FILE);
    Optional<float[]> kept = read(file, data);
    List<TokenizedData> with = kept.isPresent() ? spread(data, kept.get()) : data.stream().map(part -> compute(run, part, backend)).toList();
    return with.size() > 1 ? run.with(with.getFirst(), with.getLast()) : run.with(with.getFirst());
  }

  /** Keeps it beside the run. */
  static void keep(PreparedRun run, Path output) {
    if (run.program().beforehand().isPresent()) {
      write(output.resolve(FILE), data(run));
    }
  }

  private static List<TokenizedData> data(PreparedRun run) {
    List<TokenizedData> data = new ArrayList<>(List.of(run.train()));
    run.eval().ifPresent(data::add);
    return data;
  }

  private static TokenizedData compute(PreparedRun run, TokenizedData data, Backend backend) {
    try (Checkpoint base = FittingHead.open(run.directory(), run.program().model())) {
      return compute(run.program(), base, data, run.recipe(), backend);
    }
  }

  /** What the base model without an adapter says. */
  static TokenizedData compute(RecordedTask program, Checkpoint base, TokenizedData data, Recipe recipe, Backend backend) {
    RecordedTask plain = program.beforehand().orElseThrow();
    int longest = data.examples().stream().mapToInt(Example::tokens).max().orElse(1);
    TaskProgram.Capacity capacity = new TaskProgram.Capacity(Math.max(ROOM, longest), 64 * program.sequencesPerExample(), data.longest(), true);
    try (Session session = Session.open(new Session.Setup(plain, List.of(base), capacity, recipe.computing().weightType(), recipe.training().seed()),
        Adapter.BASE, backend)) {
      return References.against(plain, session, data);
    }
  }

  private static int count(Example example) {
    return TokenizedRows.labels(example).stream().mapToInt(Beforehand::learnt).sum();
  }

  private static int learnt(Target.TokenLabels labels) {
    int count = 0;
    for (int t = 1; t < labels.ids().length; t++) {
      count += labels.counted()[t] ? 1 : 0;
    }
    return count;
  }

  private static List<TokenizedData> spread(List<TokenizedData> data, float[] all) {
    int[] at = new int[1];
    return data.stream().map(part -> new TokenizedData(part.examples().stream().map(example -> {
      int from = at[0];
      at[0] += count(example);
      return new Example(example.sequences(), ((Target.Answers) example.target()).against(java.util.Arrays.copyOfRange(all, from, at[0])));
    }).toList())).toList();
  }

  private static long checksum(List<TokenizedData> data) {
    return data.stream().mapToLong(TokenizedData::checksum).reduce(1, (a, b) -> 31 * a + b);
  }

  private static long checksum(ByteBuffer bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return crc.getValue();
  }

  private static Optional<float[]> read(Path file, List<TokenizedData> data) {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    int count = data.stream().flatMap(part -> part.examples().stream()).mapToInt(Beforehand::count).sum();
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
      if (bytes.remaining() != 16 + 4L * count || bytes.getLong() != checksum(data) || bytes.getLong() != checksum(bytes.slice())) {
        return Optional.empty(); // of other data, or broken: it is computed again
      }
      float[] values = new float[count];
      bytes.asFloatBuffer().get(values);
      return Optional.of(values);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static void write(Path file, List<TokenizedData> data) {
    List<float[]> parts = data.stream().flatMap(part -> part.examples().stream()).map(example ->
        ((Target.Answers) example.target()).reference()).toList();
    ByteBuffer bytes = ByteBuffer.allocate(16 + 4 * parts.stream().mapToInt(part -> part.length).sum());
    bytes.position(16);
    parts.forEach(part -> {
      for (float value : part) {
        bytes.putFloat(value);
      }
    });
    bytes.position(0);
    bytes.putLong(0, checksum(data)).putLong(8, checksum(bytes.slice(16, bytes.capacity() - 16)));
    AtomicFiles.file(file, channel -> {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    });
  }
}
