package io.github.lora4j.train.data;

import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/** Lines of UTF-8 text, with errors that name the line. */
public final class Utf8 {

  private final InputStream in;
  private int number;

  /** Reads lines of a stream as they come. */
  public Utf8(InputStream in) {
    this.in = in instanceof BufferedInputStream ? in : new BufferedInputStream(in);
  }

  /**
   * The next line without its end; empty at the end of the stream.
   *
   * @throws CharacterCodingException if it is not UTF-8; {@link #number} says which line that is
   */
  public Optional<String> line() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int b = in.read();
    if (b < 0) {
      return Optional.empty();
    }
    number++;
    for (; b >= 0 && b != '\n'; b = in.read()) {
      bytes.write(b);
    }
    String line = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    return Optional.of(withoutMark(number, line.endsWith("\r") ? line.substring(0, line.length() - 1) : line));
  }

  /** The number of the line read last, from 1. */
  public int number() {
    return number;
  }

  /** A line without the byte order mark that a text may begin with. */
  static String withoutMark(int number, String line) {
    return number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line;
  }

  /** A file's text, decompressed if its name ends in .gz; what is not UTF-8 is an error when it is read. */
  static BufferedReader reader(Path file) throws IOException {
    return new BufferedReader(new InputStreamReader(open(file), StandardCharsets.UTF_8.newDecoder()));
  }

  private static InputStream open(Path file) throws IOException {
    InputStream stream = Files.newInputStream(file);
    if (!file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".gz")) {
      return stream;
    }
    try {
      return new GZIPInputStream(stream, 1 << 16);
    } catch (IOException e) {
      stream.close();
      throw e;
    }
  }

  /** " (line N)" for the first line of a file that is not UTF-8. */
  static String firstWrongLine(Path file) {
    try (InputStream stream = open(file)) {
      Utf8 lines = new Utf8(stream);
      try {
        while (lines.line().isPresent()) {
          // Goes on to the line that cannot be decoded.
        }
      } catch (CharacterCodingException e) {
        return " (line %d)".formatted(lines.number());
      }
      return "";
    } catch (IOException e) {
      return ""; // the file was read a moment ago; what is wrong with its text is said all the same
    }
  }
}
