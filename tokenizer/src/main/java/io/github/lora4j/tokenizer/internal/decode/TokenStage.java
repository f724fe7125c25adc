package io.github.lora4j.tokenizer.internal.decode;

/** A step that needs tokens whole. */
abstract class TokenStage implements Decoder.Stage {

  private final Decoder.Stage next;
  private final StringBuilder parts = new StringBuilder();

  TokenStage(Decoder.Stage next) {
    this.next = next;
  }

  /** A token, whole. */
  abstract void token(String token);

  /** Gives a token to the next step. */
  final void give(String token) {
    next.text(token);
    next.end();
  }

  final Decoder.Stage next() {
    return next;
  }

  @Override
  public final void text(String part) {
    parts.append(part);
  }

  @Override
  public final void end() {
    String token = parts.toString();
    parts.setLength(0);
    token(token);
  }

  @Override
  public void done() {
    next.done();
  }
}
