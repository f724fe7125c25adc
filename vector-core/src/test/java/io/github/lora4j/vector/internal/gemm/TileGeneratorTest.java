package io.github.lora4j.vector.internal.gemm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class TileGeneratorTest {

  @Test
  void theTilesInTheSourceTreeAreTheGeneratedOnes() throws IOException {
    assertEquals(TileGenerator.rowTiles(), read("RowTiles.java"));
    assertEquals(TileGenerator.panelTiles(), read("PanelTiles.java"));
    assertEquals(TileGenerator.narrowTiles(), read("NarrowTiles.java"));
    assertEquals(TileGenerator.stripTiles(), read("StripTiles.java"));
  }

  private static String read(String name) throws IOException {
    return Files.readString(TileGenerator.DIRECTORY.resolve(name)).replace("\r\n", "\n");
  }
}
