package io.github.lora4j.vector.internal.gemm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TileGeneratorTest {

  @Test
  void theTilesInTheSourceTreeAreTheGeneratedOnes() throws IOException {
    assertEquals(TileGenerator.rowTiles(), read("RowTiles.java"));
    assertEquals(TileGenerator.narrowTiles(), read("NarrowTiles.java"));
    assertEquals(TileGenerator.stripTiles(), read("StripTiles.java"));
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"F32", "BF16", "F16"})
  void theTilesForFewRowsToo(DType storage) throws IOException {
    assertEquals(FewRowsTileGenerator.tiles(storage), read(FewRowsTileGenerator.name(storage) + ".java"));
  }

  private static String read(String name) throws IOException {
    return Files.readString(TileGenerator.DIRECTORY.resolve(name)).replace("\r\n", "\n");
  }
}
