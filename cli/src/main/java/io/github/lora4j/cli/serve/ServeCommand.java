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
  private @Nullable CommandSpec spec;

  @Option(names = "--model", paramLabel = "DIR",
      description = "The model's directory, or the output directory of a finished run, whose adapter is then served, too.")
  private @Nullable Path model;

  @Option(names = "--run", paramLabel = "[NAME=]DIR",
      description = {"A finished run that embeds, classifies or gives numbers, or a model that gives vectors, encoder or decoder (repeatable),",
          "beside --model or alone."})
  private List<String> runs = new ArrayList<>();

  @Option(names = "--name", paramLabel = "NAME", description = "What clients call the base model (default: its directory's name).")
  private String name = "";

  @Option(names = "--adapter", paramLabel = "[NAME=]DIR", description = "An adapter's directory, or that of its run (repeatable).")
  private List<String> adapters = new ArrayList<>();

  @Option(names = "--adapters", paramLabel = "DIR",
      description = "Let clients load, replace and remove adapters that lie below this directory (/v1/load_lora_adapter).")
  private @Nullable Path directory;

  @Option(names = "--max-adapters", paramLabel = "N",
      description = "With --adapters: how many at a time (default: ${DEFAULT-VALUE}).")
  private int seats = 8;

  @Option(names = "--max-rank", paramLabel = "N",
      description = "With --adapters: their largest rank (default: ${DEFAULT-VALUE}).")
  private int rank = 16;

  @Option(names = "--max-adapter-mb", paramLabel = "N",
      description = "With --adapters: the size of one on disk (default: ${DEFAULT-VALUE}).")
  private int adapterMb = 1024;

  @Option(names = "--workspace", paramLabel = "DIR",
      description = "Let the page look at the data files and runs in this directory, and train into it.")
  private @Nullable Path workspace;

  @Option(names = "--parallel", paramLabel = "N", description = "Sequences answered at a time (default: ${DEFAULT-VALUE}).")
  private int parallel = 16;

  @Option(names = "--context", paramLabel = "N",
      description = "Tokens of a sequence at most (default: the model's positions, up to 4096).")
  private int context;

  @Option(names = "--weights", paramLabel = "FORMAT", description = "How weights are kept: f32, bf16, f16 (default: as the model's files have them).")
  private @Nullable String weights;

  @Option(names = "--host", paramLabel = "ADDRESS", description = "Where to listen (default: ${DEFAULT-VALUE}).")
  private String host = "127.0.0.1";

  @Option(names = "--port", paramLabel = "N", description = "The port; 0: any that is free (default: ${DEFAULT-VALUE}).")
  private int port = 8080;

  @Option(names = "--api-key", paramLabel = "KEY", description = "What clients must send as Authorization: Bearer KEY; also from LORA4J_API_KEY.")
  private @Nullable String key;

  @Option(names = "--tls", paramLabel = "FILE",
      description = "HTTPS: a PKCS12 file (its password from LORA4J_TLS_PASSWORD), or a PEM file of certificates with --tls-key.")
  private @Nullable Path certificates;

  @Option(names = "--tls-key", paramLabel = "FILE", description = "The key of --tls, PKCS8 in PEM.")
  private @Nullable Path certificateKey;

  @Option(names = "--max-body-mb", paramLabel = "N", description = "The largest body of a request (default: ${DEFAULT-VALUE}).")
  private int bodyMb = 16;

  @Option(names = "--max-requests", paramLabel = "N",
      description = "Requests worked on at a time; twice as many connections (default: ${DEFAULT-VALUE}).")
  private int requests = 512;

  @Option(names = "--cors", paramLabel = "ORIGIN", description = "Web pages that may call, such as https://example.org (repeatable); \"*\": all.")
  private List<String> origins = new ArrayList<>();

  @Option(names = "--queue", paramLabel = "N", description = "Sequences that may wait for room (default: ${DEFAULT-VALUE}).")
  private int queue = 512;

  @Option(names = "--queue-time", paramLabel = "SECONDS", description = "How long one may wait (default: ${DEFAULT-VALUE}).")
  private int queueTime = 60;

  @Option(names = "--answer-time", paramLabel = "SECONDS",
      description = "How long an answer may take (default: ${DEFAULT-VALUE}).")
  private int answerTime = 600;

  @Option(names = "--drain-time", paramLabel = "SECONDS",
      description = "How long answers may take when the server ends (default: ${DEFAULT-VALUE}).")
  private int drainTime = 30;

  @Mixin
  private BackendOptions computing = new BackendOptions();

  /**
   * The command for the arguments that are given most, each an option and its value. Picocli, which knows all of them, is not in the JVM's archive of
   * classes and reads annotations: that took a tenth of all that is computed before the first token.
   *
   * @return empty where an argument is another one, or wrong, of which Picocli knows what to say
   */
  public static Optional<ServeCommand> plain(List<String> options) {
    ServeCommand command = new ServeCommand();
    for (int i = 0; i < options.size(); i += 2) {
      String value = i + 1 < options.size() ? options.get(i + 1) : "-";
      if (value.startsWith("-") || value.startsWith("@") || !command.take(options.get(i), value)) {
        return Optional.empty();
      }
    }
    return Optional.of(command);
  }

  /** Sets an option; false if it is not one of those, or its value needs another look. */
  private boolean take(String option, String value) {
    boolean path = value.indexOf('\0') < 0 && !value.startsWith("~");
    boolean number = !value.isEmpty() && value.length() < 9 && value.chars().allMatch(c -> c >= '0' && c <= '9');
    boolean fits = switch (option) {
      case "--model", "--adapters", "--workspace" -> path;
      case "--port", "--parallel", "--context" -> number;
      case "--adapter", "--run", "--name", "--host" -> true;
      default -> false;
    };
    if (fits) {
      set(option, value);
    }
    return fits;
  }

  private void set(String option, String value) {
    switch (option) {
      case "--model" -> model = Path.of(value);
      case "--adapters" -> directory = Path.of(value);
      case "--workspace" -> workspace = Path.of(value);
      case "--adapter" -> adapters.add(value);
      case "--run" -> runs.add(value);
      case "--name" -> name = value;
      case "--host" -> host = value;
      case "--port" -> port = Integer.parseInt(value);
      case "--parallel" -> parallel = Integer.parseInt(value);
      case "--context" -> context = Integer.parseInt(value);
      default -> throw new IllegalArgumentException(option);
    }
  }

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
    PrintWriter out = spec == null ? new PrintWriter(System.out, false, System.out.charset()) : spec.commandLine().getOut();
    PrintWriter err = spec == null ? new PrintWriter(System.err, true, System.err.charset()) : spec.commandLine().getErr();
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
