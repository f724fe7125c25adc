package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.serve.http.Json;
import java.util.concurrent.ThreadLocalRandom;

/**
 * What all objects of an answer have in common.
 *
 * @param usage whether pieces say that usage comes last
 */
record Heading(String id, String object, long created, String model, boolean usage) {

  private static final String FINGERPRINT = "lora4j";

  static Heading of(String prefix, String object, Asked asked) {
    return new Heading("%s-%016x%016x".formatted(prefix, ThreadLocalRandom.current().nextLong(), ThreadLocalRandom.current().nextLong()), object,
        System.currentTimeMillis() / 1000, asked.model(), asked.usage());
  }

  ObjectNode whole() {
    return Json.object().put("id", id).put("object", object).put("created", created).put("model", model).put("system_fingerprint", FINGERPRINT);
  }

  /** A piece, whose object has another name in chats. */
  ObjectNode piece(String kind) {
    ObjectNode piece = whole().put("object", kind);
    if (usage) {
      piece.putNull("usage");
    }
    return piece;
  }
}
