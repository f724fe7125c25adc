package io.github.lora4j.checkpoint.internal;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/** A model in several safetensors files, listed by {@code model.safetensors.index.json}. */
final class ShardedSafetensors extends TensorTable<ShardedSafetensors.Place> {

  /** A tensor and the shard that holds it. */
  record Place(TensorInfo info, Checkpoint shard) {}

  private final Map<String, Checkpoint> shards;

  private ShardedSafetensors(
      Path index, SequencedMap<String, Place> tensors, Map<String, String> metadata, Map<String, Checkpoint> shards) {
    super(index, tensors, metadata);
    this.shards = shards;
  }

  static ShardedSafetensors open(Path index) {
    SequencedMap<String, String> weightMap = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    Map<String, Checkpoint> shards = new LinkedHashMap<>();
    try (SourceFile file = new SourceFile(index)) {
      readIndex(file, weightMap, metadata);
      SequencedMap<String, Place> tensors = new LinkedHashMap<>();
      weightMap.forEach((name, shardName) -> {
        Checkpoint shard = shards.computeIfAbsent(shardName, s -> openShard(file, s));
        if (!shard.names().contains(name)) {
          throw file.broken("tensor " + Names.printable(name) + " should be in " + shardName + ", which does not have it");
        }
        tensors.put(name, new Place(shard.info(name), shard));
      });
      return new ShardedSafetensors(index, tensors, metadata, shards);
    } catch (RuntimeException | Error e) {
      shards.values().forEach(Checkpoint::close);
      throw e;
    }
  }

  private static Checkpoint openShard(SourceFile index, String name) {
    // A name with a separator could point outside the model's directory.
    if (name.isEmpty() || !name.endsWith(".safetensors") || name.contains("/") || name.contains("\\") || name.contains("\0")) {
      throw index.broken(notBeside(name));
    }
    Path shard;
    try {
      shard = index.path().resolveSibling(name);
    } catch (InvalidPathException e) {
      throw index.broken(notBeside(name) + ": " + e.getReason(), e);
    }
    return Safetensors.open(shard);
  }

  private static String notBeside(String name) {
    return "weight_map names the shard '" + Names.printable(name) + "', expected the plain name of a .safetensors file beside the index";
  }

  private static void readIndex(SourceFile file, Map<String, String> weightMap, Map<String, String> metadata) {
    if (file.size() > SafetensorsHeader.MAX_HEADER_BYTES) {
      throw file.broken("is " + file.size() + " bytes long, expected at most " + SafetensorsHeader.MAX_HEADER_BYTES);
    }
    byte[] json = new byte[(int) file.size()];
    file.read(0, MemorySegment.ofArray(json));
    try (JsonParser in = StrictJson.parser(json)) {
      StrictJson.expect(in, in.nextToken(), JsonToken.START_OBJECT, "the index");
      while (in.nextToken() != JsonToken.END_OBJECT) {
        switch (in.currentName()) {
          case "weight_map" -> weightMap.putAll(StrictJson.strings(in, "weight_map"));
          case "metadata" -> scalars(in, metadata);
          default -> {
            in.nextToken();
            in.skipChildren();
          }
        }
      }
      StrictJson.end(in);
    } catch (IOException e) {
      throw file.broken(StrictJson.reason(e), e);
    }
    if (weightMap.isEmpty()) {
      throw file.broken("has no weight_map, or an empty one");
    }
  }

  private static void scalars(JsonParser in, Map<String, String> metadata) throws IOException {
    StrictJson.expect(in, in.nextToken(), JsonToken.START_OBJECT, "metadata");
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String key = in.currentName();
      if (in.nextToken().isScalarValue()) {
        metadata.put(key, in.getText());
      } else {
        in.skipChildren();
      }
    }
  }

  @Override
  TensorInfo info(Place place) {
    return place.info();
  }

  @Override
  void read(Place place, DType as, MemorySegment target) {
    place.shard().read(place.info().name(), as, target);
  }

  @Override
  public void read(String name, WeightFormat as, MemorySegment target) {
    find(name).shard().read(name, as, target);
  }

  @Override
  public void close() {
    shards.values().forEach(Checkpoint::close);
  }
}
