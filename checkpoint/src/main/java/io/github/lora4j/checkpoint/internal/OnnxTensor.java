package io.github.lora4j.checkpoint.internal;

import com.google.protobuf.CodedInputStream;
import io.github.lora4j.checkpoint.TensorInfo;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * An initialiser.
 *
 * @param message where it lies in the model's file
 */
record OnnxTensor(TensorInfo info, OnnxParser.Message message, Data data) {

  /**
   * Where elements lie, as in memory or (int32_data, int64_data) as variable-length integers.
   *
   * @param location the name of another file beside the model's; empty: in the model's
   * @param tag where the field of the data begins in the model's file
   * @param length bytes in the file
   * @param varints whether the elements are variable-length integers
   */
  record Data(String location, long tag, long position, long length, boolean varints) {}

  TensorReader.Elements elements(SourceFile file) {
    if (!data.varints) {
      return new RawElements(file, data.position);
    }
    CodedInputStream in = CodedInputStream.newInstance(new Range(file, data.position, data.position + data.length));
    return target -> {
      long count = target.byteSize() / info.dtype().bytes();
      try {
        for (long i = 0; i < count; i++) {
          Conversion.storeBits(info.dtype(), target, i, in.readRawVarint64());
        }
      } catch (IOException e) {
        throw file.broken("tensor " + info.name() + ": " + e.getMessage(), e);
      }
    };
  }

  /** A part of a file as a stream. */
  private static final class Range extends InputStream {
    private final SourceFile file;
    private final long end;
    private long position;

    Range(SourceFile file, long position, long end) {
      this.file = file;
      this.position = position;
      this.end = end;
    }

    @Override
    public int read() {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
      int n = (int) Math.min(length, end - position);
      if (n <= 0) {
        return length == 0 ? 0 : -1;
      }
      file.read(position, MemorySegment.ofBuffer(ByteBuffer.wrap(bytes, offset, n)));
      position += n;
      return n;
    }
  }
}
