package io.github.lora4j.cli.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ServeCommandTest {

  /** Without Picocli and with it, the same. */
  @ParameterizedTest
  @ValueSource(strings = {"", "--model m", "--model m --port 0", "--model a --model b --name x", "--adapter a=b --adapter c --run r --run s=t",
      "--adapters d --workspace w --host ::1 --parallel 3 --context 077 --port 08", "--port 99999999"})
  void plainArgumentsMeanWhatTheParserSays(String line) throws IllegalAccessException {
    List<String> args = line.isEmpty() ? List.of() : List.of(line.split(" "));
    CommandLine parser = new CommandLine(new ServeCommand()).setOverwrittenOptionsAllowed(true);
    parser.parseArgs(args.toArray(String[]::new));
    assertEquals(fields(parser.getCommand()), fields(ServeCommand.plain(args).orElseThrow()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--help", "--model", "--model --port", "--model=m", "--port x", "--port -1", "--port 4294967296", "--model ~/m", "--model @file",
      "--queue 3", "--nothing x", "model m", "--model m --api-key k"})
  void otherArgumentsAreTheParsers(String line) {
    assertTrue(ServeCommand.plain(List.of(line.split(" "))).isEmpty());
  }

  @Test
  void everyPlainOptionIsOneOfTheParser() {
    CommandLine parser = new CommandLine(new ServeCommand());
    for (String option : List.of("--model", "--adapters", "--workspace", "--adapter", "--run", "--name", "--host", "--port", "--parallel", "--context")) {
      assertTrue(parser.getCommandSpec().optionsMap().containsKey(option), option);
      assertTrue(ServeCommand.plain(List.of(option, "1")).isPresent(), option);
    }
  }

  private static Map<String, Object> fields(Object of) throws IllegalAccessException {
    Map<String, Object> all = new LinkedHashMap<>();
    for (Field field : of.getClass().getDeclaredFields()) {
      field.setAccessible(true);
      if (!Modifier.isStatic(field.getModifiers()) && !field.getName().equals("spec")) {
        Object value = field.get(of);
        all.put(field.getName(), field.getName().equals("computing") ? fields(value) : value == null ? "null" : value);
      }
    }
    return all;
  }
}
