package io.github.lora4j.bench;

import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The tables of what decoders learn: every run is made by the lora4j command from a recipe, as a user would. Each method's learning rate is chosen on
 * rows held out of training, then seeds are run in pairs with LoRA's. An interrupted table goes on where it was. Options: see {@link
 * DecoderOptions#USAGE}.
 */
public final class Decoders {

  private Decoders() {}

  public static void main(String[] args) throws IOException {
    try {
      write(DecoderOptions.parse(args));
    } catch (ConfigException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** Runs what is missing, and writes the tables anew after each task. */
  static void write(DecoderOptions options) throws IOException {
    DecoderData data = new DecoderData(options.work().resolve("data"));
    for (Map.Entry<DecoderTask, Path> task : options.sources().entrySet()) {
      data.write(task.getKey(), task.getValue());
    }
    DecoderRuns runs = new DecoderRuns(options, data);
    StringBuilder text = new StringBuilder(introduction(options.table()));
    for (DecoderTask task : options.tasks()) {
      List<DecoderTable.Entry> entries = new ArrayList<>();
      for (DecoderMethod method : task.methods()) {
        double rate = runs.searched(task, method);
        List<DecoderRun> measured = new ArrayList<>();
        for (int seed = 1; seed <= options.seeds(); seed++) {
          measured.add(runs.measured(task, method, rate, seed));
        }
        entries.add(new DecoderTable.Entry(method, rate, measured));
      }
      text.append(DecoderTable.of(task, options.recipe(task), runs.base(task), entries));
      Files.writeString(options.table(), text);
    }
    System.out.print(text);
  }

  /** What stands in the file before its first table stays. */
  private static String introduction(Path table) throws IOException {
    String text = Files.exists(table) ? Files.readString(table) : "";
    int first = text.startsWith("## ") ? 0 : text.indexOf("\n## ") + 1;
    return first == 0 && !text.startsWith("## ") ? text : text.substring(0, first);
  }
}
