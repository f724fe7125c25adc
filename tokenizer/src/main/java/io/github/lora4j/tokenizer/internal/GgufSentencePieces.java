package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.json.Protobuf;
import io.github.lora4j.vector.ConfigException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A sentencepiece {@code .model}, with the tokens added beside it, as GGUF's list of tokens. */
final class GgufSentencePieces {

  private static final int BPE = 2;

  private final Path file;
  private final GgufTokenList list = GgufTokenList.of("llama").cutBy("default");
  private int kind = 1;
  private boolean prefix = true;

  private GgufSentencePieces(Path file) {
    this.file = file;
  }

  static GgufTokenList read(Path file) {
    GgufSentencePieces reader = new GgufSentencePieces(file);
    Protobuf model = Protobuf.of(file);
    while (model.next()) {
      switch (model.field()) {
        case 1 -> reader.piece(model.message());
        case 2 -> reader.kind = number(model.message(), 3, 1);
        case 3 -> reader.prefix = number(model.message(), 3, 1) != 0;
        default -> model.skip();
      }
    }
    if (reader.kind != BPE) {
      throw new ConfigException("%s: is a sentencepiece model of kind %d; GGUF files of decoders hold BPE (2)".formatted(file, reader.kind));
    }
    reader.added();
    return reader.prefix ? reader.list : reader.list.withoutSpace();
  }

  private static int number(Protobuf message, int field, int otherwise) {
    int value = otherwise;
    while (message.next()) {
      if (message.field() == field) {
        value = message.number();
      } else {
        message.skip();
      }
    }
    return value;
  }

  private void piece(Protobuf piece) {
    String text = "";
    float score = 0;
    int type = GgufTokenList.NORMAL;
    while (piece.next()) {
      switch (piece.field()) {
        case 1 -> text = new String(piece.bytes(), StandardCharsets.UTF_8);
        case 2 -> score = piece.real();
        case 3 -> type = piece.number();
        default -> piece.skip();
      }
    }
    list.tokens().add(text);
    list.scores().add(score);
    // A user-defined piece is one here that is found in texts, which only the settings beside it make of it.
    list.types().add(type == GgufTokenList.USER_DEFINED ? GgufTokenList.NORMAL : type);
  }

  private void added() {
    TokenizerClass.beside(file, "added_tokens.json").ifPresent(json -> json.node().properties().forEach(
        token -> list.put(json.get(token.getKey()).number(), token.getKey(), GgufTokenList.USER_DEFINED)));
    TokenizerClass.config(file).find("added_tokens_decoder").ifPresent(json -> json.node().properties().forEach(token -> decoder(json, token.getKey())));
  }

  private void decoder(Json json, String id) {
    Json token = json.get(id);
    boolean special = token.flag("special", false);
    String text = token.get("content").text();
    int at = Integer.parseInt(id);
    if (at < list.tokens().size() && list.types().get(at) == GgufTokenList.UNKNOWN) {
      return;
    }
    list.put(at, special ? text : text.replace('\u2581', ' '), special ? GgufTokenList.CONTROL : GgufTokenList.USER_DEFINED);
  }
}
