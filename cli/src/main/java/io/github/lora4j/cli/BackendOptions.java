package io.github.lora4j.cli;

import picocli.CommandLine.Option;

/** What computes, for commands that have no recipe to say it. */
public final class BackendOptions {

  @Option(names = "--backend", paramLabel = "NAME", defaultValue = "cpu",
      description = "What computes: cpu; opencl, ptx or cuda (GPUs, by TornadoVM); auto (default: ${DEFAULT-VALUE}).")
  private String backend;

  @Option(names = "--device", paramLabel = "N", description = "Which of the backend's devices, from 0 on (default: its first GPU).")
  private Integer device;

  @Option(names = "--threads", paramLabel = "N", defaultValue = "0", description = "Worker threads; 0: all processors.")
  private int threads;

  /** The backend's name, with the device's number if one was given. */
  public String choice() {
    return device == null ? backend : backend + ":" + device;
  }

  public int threads() {
    return threads;
  }
}
