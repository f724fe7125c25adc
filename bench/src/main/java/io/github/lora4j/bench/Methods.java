package io.github.lora4j.bench;

import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/**
 * The table of methods on real data: each method's learning rate is chosen on held-out training rows, then seeds are run in pairs with
 * LoRA's. Runs are kept in a file, so a table that was interrupted goes on where it was. Options: see {@link MethodOptions#USAGE}.
 */
public final class Methods {

  private Methods() {}

  public static void main(String[] args) throws IOException {
    MethodOptions options;
    try {
      options = MethodOptions.parse(args);
      write(options, options.select(MethodSpec.all()));
    } catch (ConfigException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** Runs what is missing, and writes the table anew after each task. */
  static void write(MethodOptions options, List<MethodSpec> specs) throws IOException {
    MethodRuns runs = new MethodRuns(options);
    StringBuilder text = new StringBuilder();
    for (GlueTask task : options.tasks()) {
      List<MethodTable.Entry> entries = new ArrayList<>();
      for (MethodSpec spec : specs) {
        double rate = runs.tuned(spec, task);
        List<Cell> cells = new ArrayList<>();
        for (int seed = 1; seed <= options.seeds(); seed++) {
          cells.add(runs.measured(spec, task, rate, seed));
        }
        entries.add(new MethodTable.Entry(spec, rate, cells));
      }
      text.append(MethodTable.of(options.name(), task, options, entries));
      Files.writeString(options.table(), text);
    }
    System.out.print(text);
  }
}
