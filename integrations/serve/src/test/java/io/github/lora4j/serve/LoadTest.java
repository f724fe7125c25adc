package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.serve.http.HttpLimits;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many clients for long: {@code -Dload.seconds=600}; without it skipped. The tiny model with eight adapters, or the model of {@code -Dload.model=DIR}
 * (stories15M, for the figures of docs/serving.md). What it measures it prints; what it asserts is that answers are right and nothing piles up.
 */
class LoadTest {

  private static final int STREAMS = Integer.getInteger("load.streams", 200);
  private static final int ADAPTERS = 8;
  private static final int PHASES = 10;
  private static final int TOKENS = 24;

  @TempDir
  Path directory;

  /** What the process holds when nobody asks for anything. */
  private record Held(long residentMb, double heapMb, long handles, int threads) {

    static Held now() throws IOException, InterruptedException {
      for (int i = 0; i < 3; i++) {
        System.gc();
        Thread.sleep(200);
      }
      long resident = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", ""))).sum() >> 10;
      long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
      long handles = ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix ? unix.getOpenFileDescriptorCount() : 0;
      return new Held(resident, heap / 1048576.0, handles, ManagementFactory.getThreadMXBean().getThreadCount());
    }
  }

  private ServedModel open(int sequences) throws IOException {
    String given = System.getProperty("load.model", "");
    Path model = given.isEmpty() ? TinyServer.write(directory) : Path.of(given);
    Map<String, Path> adapters = new LinkedHashMap<>();
    for (int i = 0; i < ADAPTERS; i++) {
      String name = "adapter" + i;
      adapters.put(name, directory.resolve("adapters").resolve(name));
      TinyServer.adapter(Generator.model(ModelDirectory.open(model).architecture()), adapters.get(name), name, 1);
    }
    return new ServedModel(new ServedOptions(model, "base", adapters, new ServedOptions.Room(sequences, given.isEmpty() ? 0 : 256, 0, 4,
        Optional.empty()), new ServedOptions.Computing("cpu", 0)), new EngineLimits(1024, Duration.ofMinutes(10), Duration.ofMinutes(10)));
  }

  private static ServerOptions options() {
    return new ServerOptions("127.0.0.1", 0, Optional.empty(), "", List.of(), new HttpLimits(1 << 20, HttpLimits.DEFAULT.headers(), 1024, 512,
        HttpLimits.DEFAULT.receiving()), ServerOptions.LOCAL.adapters(), Optional.empty());
  }

  private static String body(int kind, int tokens) {
    return ("{\"model\": \"adapter%d\", \"prompt\": \"Once there were %d\", \"max_tokens\": %d, \"ignore_eos\": true, \"temperature\": %s, \"seed\": %d, "
        + "\"stream\": true, \"stream_options\": {\"include_usage\": true}}").formatted(kind % ADAPTERS, kind, tokens, kind % 3 == 0 ? "0" : "0.9", kind);
  }

  @Test
  void manyStreamsForLong() throws Exception {
    int seconds = Integer.getInteger("load.seconds", 0);
    assumeTrue(seconds > 0, "skipped: takes as long as -Dload.seconds=N says");
    List<String> log = Collections.synchronizedList(new ArrayList<>());
    try (ServedModel model = open(64); Server server = new Server(Served.of(model), options(), log::add)) {
      EventClient client = new EventClient(server.port());
      int kinds = 4 * ADAPTERS;
      String[] alone = new String[kinds];
      for (int kind = 0; kind < kinds; kind++) {
        alone[kind] = client.complete(body(kind, TOKENS)).text();
      }
      assertTrue(Arrays.stream(alone).distinct().count() > ADAPTERS, "adapters and seeds make a difference");
      List<Held> held = new ArrayList<>();
      List<Long> first = Collections.synchronizedList(new ArrayList<>());
      AtomicLong tokens = new AtomicLong();
      AtomicInteger answers = new AtomicInteger();
      List<String> wrong = Collections.synchronizedList(new ArrayList<>());
      long begun = System.nanoTime();
      for (int phase = 0; phase < PHASES; phase++) {
        long until = System.nanoTime() + seconds * 1_000_000_000L / PHASES;
        CountDownLatch ended = new CountDownLatch(STREAMS);
        for (int stream = 0; stream < STREAMS; stream++) {
          int of = stream;
          Thread.ofVirtual().start(() -> {
            try {
              for (int turn = 0; System.nanoTime() < until; turn++) {
                int kind = (of + 7 * turn) % kinds;
                EventClient.Answer answer = client.complete(body(kind, TOKENS));
                first.add(answer.first());
                tokens.addAndGet(answer.tokens());
                answers.incrementAndGet();
                if (!answer.text().equals(alone[kind])) {
                  wrong.add("%s instead of %s".formatted(answer.text(), alone[kind]));
                }
              }
            } catch (IOException | RuntimeException e) {
              wrong.add(e.toString());
            } finally {
              ended.countDown();
            }
          });
        }
        ended.await();
        held.add(Held.now());
        System.out.printf("%d answers, %s%n", answers.get(), held.getLast());
      }
      double time = (System.nanoTime() - begun) / 1e9;
      long[] sorted = first.stream().mapToLong(Long::longValue).sorted().toArray();
      System.out.printf("%d streams for %.0f s: %d answers, %.0f tokens/s, first text after %.2f s (p50), %.2f s (p99)%n", STREAMS, time, answers.get(),
          tokens.get() / time, sorted[sorted.length / 2] / 1e9, sorted[sorted.length * 99 / 100] / 1e9);
      assertTrue(wrong.isEmpty(), () -> wrong.size() + " answers are wrong, the first: " + wrong.getFirst());
      assertEquals(List.of(), log);
      Held early = held.get(PHASES / 3);
      Held last = held.getLast();
      assertTrue(last.heapMb() < early.heapMb() * 1.1 + 4 && last.residentMb() < early.residentMb() * 1.1 + 16
          && last.handles() <= early.handles() + 4 && last.threads() <= early.threads() + 4, () -> "what is held grows: " + held);
    }
  }

  @Test
  void streamsTogether() throws Exception {
    assumeTrue(Integer.getInteger("load.rounds", 0) > 0, "skipped: measures in rounds, -Dload.rounds=N");
    int length = System.getProperty("load.model", "").isEmpty() ? TOKENS : 100;
    int[] streams = {1, 8, 32};
    try (ServedModel model = open(32); Server server = new Server(Served.of(model), options(), System.out::println)) {
      EventClient client = new EventClient(server.port());
      together(client, 32, length);
      together(client, 1, length);
      double[][] speeds = new double[streams.length][Integer.getInteger("load.rounds")];
      for (int round = 0; round < speeds[0].length; round++) {
        for (int i = 0; i < streams.length; i++) {
          speeds[i][round] = together(client, streams[i], length);
        }
      }
      double one = median(speeds[0]);
      for (int i = 0; i < streams.length; i++) {
        System.out.printf("%d streams: %.0f tokens/s, %.2f times those of one%n", streams[i], median(speeds[i]), median(speeds[i]) / one);
      }
    }
  }

  private static double median(double[] all) {
    double[] sorted = all.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /** Tokens per second. */
  private static double together(EventClient client, int streams, int length) throws InterruptedException {
    CountDownLatch ended = new CountDownLatch(streams);
    AtomicLong tokens = new AtomicLong();
    long begun = System.nanoTime();
    for (int i = 0; i < streams; i++) {
      int kind = 3 * i;
      Thread.ofVirtual().start(() -> {
        try {
          tokens.addAndGet(client.complete(body(kind, length)).tokens());
        } catch (IOException e) {
          throw new IllegalStateException(e);
        } finally {
          ended.countDown();
        }
      });
    }
    ended.await();
    assertEquals((long) streams * length, tokens.get());
    return tokens.get() / ((System.nanoTime() - begun) / 1e9);
  }
}
