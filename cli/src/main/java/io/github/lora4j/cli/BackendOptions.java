package io.github.lora4j.cli;

import io.github.lora4j.vector.ConfigException;
import picocli.CommandLine.Option;

/** What computes, for commands that have no recipe to say it. */
public final class BackendOptions {

  private static final int MOST_THREADS = 1024;

  @Option(names = "--backend", paramLabel = "NAME",
      description = "What computes: cpu; opencl, ptx or cuda (GPUs, by TornadoVM); auto (default: ${DEFAULT-VALUE}).")
  private String backend = "cpu";

  @Option(names = "--device", paramLabel = "N", description = "Which of the backend's devices, from 0 on (default: its first GPU).")
  private Integer device;

  @Option(names = "--threads", paramLabel = "N", description = "Worker threads; 0: all processors.")
  private int threads;

  /** The backend's name, with the device's number if one was given. */
  public String choice() {
    return device == null ? backend : backend + ":" + device;
  }

  /**
   * Worker threads; 0: all processors.
   *
   * @throws ConfigException for numbers that are none of threads
   */
  public int threads() {
    if (threads < 0 || threads > MOST_THREADS) {
      throw new ConfigException("--threads must be from 0 to %d, got %d".formatted(MOST_THREADS, threads));
    }
    return threads;
  }
}
