package io.github.lora4j.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConvolutionTest {

  @Test
  void whatEachOutputSees() {
    Convolution c = new Convolution(1, List.of(3), List.of(2), List.of(1), List.of(2), 1);
    assertArrayEquals(new int[] {2}, c.outputSizes(6));
    // Kernel positions are 2 apart and begin one before the input.
    assertArrayEquals(new int[] {-1, 1, 3, 1, 3, 5, -1, 7, 9, 7, 9, 11}, c.indices(2, 6));
    assertArrayEquals(new int[] {-1, -1, -1, 1, 0, -1, -1, -1, -1, -1, 1, 0, -1, -1, -1, -1, -1, 1}, java.util.Arrays.copyOf(c.inverse(2, 6), 18));
  }

  @Test
  void theInverseFindsWhatWasSeen() {
    Convolution c = new Convolution(4, List.of(2, 3, 1), List.of(1, 2, 2), List.of(1, 1, 0), List.of(2, 1, 1), 2);
    int[] sizes = {5, 4, 3};
    int[] indices = c.indices(3, sizes);
    int[] inverse = c.inverse(3, sizes);
    int seen = 0;
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] >= 0) {
        assertEquals(i / c.taps(), inverse[indices[i] * c.taps() + i % c.taps()]);
        seen++;
      }
    }
    assertEquals(seen, java.util.Arrays.stream(inverse).filter(o -> o >= 0).count());
    assertEquals(24, c.features());
  }

  @Test
  void whatIsNoConvolution() {
    refused("one to three sizes", 3, List.of(3, 3), List.of(1), List.of(0), List.of(1), 1);
    refused("one to three sizes", 3, List.of(), List.of(), List.of(), List.of(), 1);
    refused("must be positive", 3, List.of(3), List.of(0), List.of(0), List.of(1), 1);
    refused("padding not negative", 3, List.of(3), List.of(1), List.of(-1), List.of(1), 1);
    refused("3 channels have no 2 equal groups", 3, List.of(3), List.of(1), List.of(0), List.of(1), 2);
    Convolution c = new Convolution(1, List.of(3), List.of(1), List.of(0), List.of(2), 1);
    assertTrue(assertThrows(ConfigException.class, () -> c.outputSizes(4)).getMessage().contains("larger than the padded input [4]"));
    assertTrue(assertThrows(ConfigException.class, () -> c.outputSizes(4, 4)).getMessage().contains("over 1 dimensions"));
  }

  private static void refused(String message, int channels, List<Integer> kernel, List<Integer> stride, List<Integer> padding,
      List<Integer> dilation, int groups) {
    String got = assertThrows(ConfigException.class, () -> new Convolution(channels, kernel, stride, padding, dilation, groups)).getMessage();
    assertTrue(got.contains(message), got);
  }
}
