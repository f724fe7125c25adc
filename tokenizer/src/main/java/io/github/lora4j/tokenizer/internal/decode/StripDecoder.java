package io.github.lora4j.tokenizer.internal.decode;

/**
 * Takes a character away from every token's beginning and end. Of a token that comes in parts, what is certain goes on at once.
 *
 * @param content the character
 * @param start how many at most at the beginning
 * @param stop how many at most at the end
 */
record StripDecoder(int content, int start, int stop) implements Decoder {

  @Override
  public Stage start(Stage next) {
    return new Stage() {
      /** What may be of the end. */
      private final StringBuilder held = new StringBuilder();
      private int left = start;

      @Override
      public void text(String part) {
        for (int i = 0; i < part.length(); ) {
          int c = part.codePointAt(i);
          i += Character.charCount(c);
          if (c == content && left > 0) {
            left--;
            continue;
          }
          left = 0;
          if (c == content && stop > 0) {
            held.appendCodePoint(c);
            int width = Character.charCount(c);
            if (held.length() > stop * width) {
              next.text(Character.toString(c));
              held.setLength(stop * width);
            }
          } else {
            next.text(held.append(Character.toString(c)).toString());
            held.setLength(0);
          }
        }
      }

      @Override
      public void end() {
        held.setLength(0);
        left = start;
        next.end();
      }

      @Override
      public void done() {
        next.done();
      }
    };
  }
}
