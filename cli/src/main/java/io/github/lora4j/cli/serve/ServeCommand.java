package io.github.lora4j.cli.serve;

import io.github.lora4j.cli.BackendOptions;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.serve.Models;
import io.github.lora4j.serve.Served;
import io.github.lora4j.serve.Server;
import io.github.lora4j.serve.ServerOptions;
import io.github.lora4j.serve.adapters.AllowedDirectory;
import io.github.lora4j.serve.adapters.Loading;
import io.github.lora4j.serve.http.HttpLimits;
import io.github.lora4j.serve.http.Tls;
import io.github.lora4j.serve.page.Workspace;
import io.github.lora4j.vector.ConfigException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lora4j serve}. */
@Command(name = "serve", mixinStandardHelpOptions = true, sortOptions = false,
    description = {"Answers over HTTP, in the shape of OpenAI's API: /v1/chat/completions, /v1/completions, /v1/embeddings,",
        "/v1/models; also /classify, /score, /rerank, /health, /metrics.",
        "An adapter is a model of its own name. Listens on this machine alone unless --host says otherwise; Ctrl-C or SIGTERM ends it when what was",
        "asked is answered."})
public final class ServeCommand implements Callable<Integer> {

  private static final int MOST_PORT = 65_535;
  private static final int MOST_SEQUENCES = 4096;

  @Spec
  private CommandSpec spec;

  @Option(names = "--model", paramLabel = "DIR",
      description = "The model's directory, or the output directory of a finished run, whose adapter is then served, too.")
  private @Nullable Path model;

  @Option(names = "--run", paramLabel = "[NAME=]DIR",
      description = {"A finished run that embeds, classifies or gives numbers, or a model that gives vectors, encoder or decoder (repeatable),",
          "beside --model or alone."})
  private List<String> runs = new ArrayList<>();

  @Option(names = "--name", paramLabel = "NAME", defaultValue = "", description = "What clients call the base model (default: its directory's name).")
  private String name;

  @Option(names = "--adapter", paramLabel = "[NAME=]DIR", description = "An adapter's directory, or that of its run (repeatable).")
  private List<String> adapters = new ArrayList<>();

  @Option(names = "--adapters", paramLabel = "DIR",
      description = "Let clients load, replace and remove adapters that lie below this directory (/v1/load_lora_adapter).")
  private @Nullable Path directory;

  @Option(names = "--max-adapters", paramLabel = "N", defaultValue = "8",
      description = "With --adapters: how many at a time (default: ${DEFAULT-VALUE}).")
  private int seats;

  @Option(names = "--max-rank", paramLabel = "N", defaultValue = "16",
      description = "With --adapters: their largest rank (default: ${DEFAULT-VALUE}).")
  private int rank;

  @Option(names = "--max-adapter-mb", paramLabel = "N", defaultValue = "1024",
      description = "With --adapters: the size of one on disk (default: ${DEFAULT-VALUE}).")
  private int adapterMb;

  @Option(names = "--workspace", paramLabel = "DIR",
      description = "Let the page look at the data files and runs in this directory, and train into it.")
  private @Nullable Path workspace;

  @Option(names = "--parallel", paramLabel = "N", defaultValue = "16", description = "Sequences answered at a time (default: ${DEFAULT-VALUE}).")
  private int parallel;

  @Option(names = "--context", paramLabel = "N", defaultValue = "0",
      description = "Tokens of a sequence at most (default: the model's positions, up to 4096).")
  private int context;

  @Option(names = "--weights", paramLabel = "FORMAT", description = "How weights are kept: f32, bf16, f16 (default: as the model's files have them).")
  private @Nullable String weights;

  @Option(names = "--host", paramLabel = "ADDRESS", defaultValue = "127.0.0.1", description = "Where to listen (default: ${DEFAULT-VALUE}).")
  private String host;

  @Option(names = "--port", paramLabel = "N", defaultValue = "8080", description = "The port; 0: any that is free (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(names = "--api-key", paramLabel = "KEY", description = "What clients must send as Authorization: Bearer KEY; also from LORA4J_API_KEY.")
  private @Nullable String key;

  @Option(names = "--tls", paramLabel = "FILE",
      description = "HTTPS: a PKCS12 file (its password from LORA4J_TLS_PASSWORD), or a PEM file of certificates with --tls-key.")
  private @Nullable Path certificates;

  @Option(names = "--tls-key", paramLabel = "FILE", description = "The key of --tls, PKCS8 in PEM.")
  private @Nullable Path certificateKey;

  @Option(names = "--max-body-mb", paramLabel = "N", defaultValue = "16", description = "The largest body of a request (default: ${DEFAULT-VALUE}).")
  private int bodyMb;

  @Option(names = "--max-requests", paramLabel = "N", defaultValue = "512",
      description = "Requests worked on at a time; twice as many connections (default: ${DEFAULT-VALUE}).")
  private int requests;

  @Option(names = "--cors", paramLabel = "ORIGIN", description = "Web pages that may call, such as https://example.org (repeatable); \"*\": all.")
  private List<String> origins = new ArrayList<>();

  @Option(names = "--queue", paramLabel = "N", defaultValue = "512", description = "Sequences that may wait for room (default: ${DEFAULT-VALUE}).")
  private int queue;

  @Option(names = "--queue-time", paramLabel = "SECONDS", defaultValue = "60", description = "How long one may wait (default: ${DEFAULT-VALUE}).")
  private int queueTime;

  @Option(names = "--answer-time", paramLabel = "SECONDS", defaultValue = "600",
      description = "How long an answer may take (default: ${DEFAULT-VALUE}).")
  private int answerTime;

  @Option(names = "--drain-time", paramLabel = "SECONDS", defaultValue = "30",
      description = "How long answers may take when the server ends (default: ${DEFAULT-VALUE}).")
  private int drainTime;

  @Mixin
  private BackendOptions computing;

  @Override
  public Integer call() throws InterruptedException {
    check("--port", port, 0, MOST_PORT);
    check("--parallel", parallel, 1, MOST_SEQUENCES);
    check("--max-adapters", seats, 1, MOST_SEQUENCES);
    check("--max-rank", rank, 1, MOST_SEQUENCES);
    check("--max-adapter-mb", adapterMb, 1, Integer.MAX_VALUE);
    check("--drain-time", drainTime, 0, Integer.MAX_VALUE);
    check("--max-body-mb", bodyMb, 1, 1024);
    check("--max-requests", requests, 1, 100_000);
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    String secret = Optional.ofNullable(key).or(() -> Optional.ofNullable(System.getenv("LORA4J_API_KEY"))).orElse("");
    CountDownLatch ended = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    HttpLimits limits = new HttpLimits((long) bodyMb << 20, HttpLimits.DEFAULT.headers(), 2 * requests, requests, HttpLimits.DEFAULT.receiving());
    try (Served served = models();
        Server server = new Server(served, new ServerOptions(host, port, tls(), secret, origins, limits, loading(), Optional.ofNullable(workspace)
            .map(Workspace::of)), line -> {
          err.println(line);
          err.flush();
        })) {
      Thread stop = Thread.ofPlatform().unstarted(() -> {
        ended.countDown();
        await(closed);
      });
      Runtime.getRuntime().addShutdownHook(stop);
      out.printf("serving %s on %s; Ctrl-C ends it%n", String.join(", ", served.names()), server.address());
      out.flush();
      ended.await();
      if (!server.drain(Duration.ofSeconds(drainTime))) {
        err.printf("answers that took longer than %d s were cut (--drain-time)%n", drainTime);
        err.flush();
      }
    } finally {
      closed.countDown();
    }
    return 0;
  }

  /** The process ends when the command has closed everything. It cannot wait for the thread: that waits for the process to end. */
  private static void await(CountDownLatch closed) {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Served models() {
    ServedOptions.Computing where = new ServedOptions.Computing(computing.choice(), computing.threads());
    Map<String, Path> reading = named(runs, "--run");
    if (model == null) {
      if (runs.isEmpty()) {
        throw new ConfigException("nothing to serve; give --model DIR, or --run DIR of a finished run");
      }
      return Models.open(reading, where);
    }
    ServedOptions.Room room = new ServedOptions.Room(parallel, context, directory != null ? seats : 0, rank, Optional.ofNullable(weights));
    return Models.open(new ServedOptions(model, name, named(adapters, "--adapter"), room, where), reading,
        new EngineLimits(queue, Duration.ofSeconds(queueTime), Duration.ofSeconds(answerTime)));
  }

  private Optional<SSLContext> tls() {
    if (certificates == null) {
      return Optional.empty();
    }
    return Optional.of(certificateKey != null ? Tls.pem(certificates, certificateKey)
        : Tls.pkcs12(certificates, Optional.ofNullable(System.getenv("LORA4J_TLS_PASSWORD")).orElse("")));
  }

  private Loading loading() {
    return new Loading(Optional.ofNullable(directory).map(AllowedDirectory::of), (long) adapterMb << 20);
  }

  private static Map<String, Path> named(List<String> all, String option) {
    Map<String, Path> named = new LinkedHashMap<>();
    for (String given : all) {
      int equals = given.indexOf('=');
      Path path = Path.of(equals < 0 ? given : given.substring(equals + 1));
      String own = equals > 0 ? given.substring(0, equals) : String.valueOf(path.toAbsolutePath().normalize().getFileName());
      if (named.put(own, path) != null) {
        throw new ConfigException("two of %s are named '%s'; give one of them another name: %s NAME=%s".formatted(option, own, option, path));
      }
    }
    return named;
  }

  private static void check(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ConfigException("%s must be from %d to %d, got %d".formatted(option, least, most, value));
    }
  }
}
