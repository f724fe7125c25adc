package io.github.lora4j.lora.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PythonJsonTest {

  /** Value and Python's repr. */
  @ParameterizedTest
  @CsvSource({"0.0,0.0", "0.1,0.1", "1e-4,0.0001", "1.5e-4,0.00015", "1e-5,1e-05", "1.25e-7,1.25e-07", "123456789.0,123456789.0",
      "1e7,10000000.0",
      "1.5e10,15000000000.0", "1e15,1000000000000000.0", "1e16,1e+16", "1.5e300,1.5e+300", "-2.5e-12,-2.5e-12", "0.001,0.001",
          "0.00099,0.00099",
      "12345678.25,12345678.25", "4.5,4.5", "-0.0,-0.0", "-0.0001,-0.0001"})
  void numbersAreWrittenAsPythonDoes(double value, String expected) {
    assertEquals(expected, PythonJson.write(value));
  }

  @Test
  void layoutIsPythons() {
    assertEquals("""
        {
          "a": [],
          "b": {},
          "c": [
            1,
            "x\\u00e9\\n\\"",
            null
          ],
          "d": {
            "k": true
          }
        }""", PythonJson.write(Map.of("d", Map.of("k", true), "c", java.util.Arrays.asList(1, "xé\n\"", null), "b", Map.of(), "a",
            List.of())));
  }
}
