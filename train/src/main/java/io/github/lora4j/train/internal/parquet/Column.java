package io.github.lora4j.train.internal.parquet;

import java.util.List;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/** A column within a row group: its entries one after another, each with its levels. */
final class Column {

  private static final int MOST_IN_PAGE = 1 << 24;
  private static final int HEADER = 1 << 12;
  private static final int LARGEST_HEADER = 1 << 20;
  private static final int DATA = 0;
  private static final int DICTIONARY = 2;
  private static final int DATA_V2 = 3;

  private final SourceFile file;
  private final Shape.Leaf leaf;
  private final String where;
  private final int codec;
  private final long entries;
  private final long end;
  private long at;
  private long seen;
  private int leftInPage;
  private List<Object> dictionary = List.of();
  private Hybrid repetitions;
  private Hybrid definitions;
  private Values values;
  private int repetition;
  private int definition = -1;

  /** @param chunk the chunk's ColumnMetaData */
  Column(SourceFile file, Shape.Leaf leaf, Thrift chunk, String where) {
    this.file = file;
    this.leaf = leaf;
    this.where = where;
    Input in = Input.of(where, new byte[0]);
    repetitions = new Hybrid(in, 0);
    definitions = repetitions;
    values = () -> {
      throw in.wrong("is broken: it has no values");
    };
    codec = (int) chunk.number(4, "how it is compressed");
    entries = chunk.number(5, "how many values it has");
    long data = chunk.number(9, "where its data are");
    long before = chunk.number(11, 0);
    at = before > 0 && before < data ? before : data;
    long length = chunk.number(7, "how long its data are");
    if (at < 4 || length < 0 || length > file.size() - at || entries < 0) {
      throw in.wrong("is broken: %d values in %d bytes from %d on, of a file of %d".formatted(entries, length, at, file.size()));
    }
    if (chunk.number(1, -1) != leaf.kind().physical().ordinal()) {
      throw in.wrong("is broken: its type differs from the schema's");
    }
    end = at + length;
    step();
  }

  /** The innermost repeated field of which the entry begins another element; 0 at the beginning of a row and at the end. */
  int repetition() {
    return repetition;
  }

  /** How many of the optional and repeated fields are there; −1 at the end. */
  int definition() {
    return definition;
  }

  io.github.lora4j.vector.FormatException wrong(String problem) {
    return new io.github.lora4j.vector.FormatException(where + ": " + problem);
  }

  /** The entry's value, null where a field is missing; goes on to the next entry. */
  @Nullable Object next() {
    if (definition < 0) {
      throw wrong("is broken: it has fewer values than rows");
    }
    Object value = definition == leaf.definition() ? values.next() : null;
    step();
    return value;
  }

  private void step() {
    if (seen == entries) {
      repetition = 0;
      definition = -1;
      return;
    }
    while (leftInPage == 0) {
      page();
    }
    leftInPage--;
    seen++;
    repetition = repetitions.next();
    definition = definitions.next();
    if (repetition > leaf.repetition() || definition > leaf.definition() || repetition < 0 || definition < 0) {
      throw wrong("is broken: levels %d and %d, of %d and %d".formatted(repetition, definition, leaf.repetition(), leaf.definition()));
    }
  }

  private void page() {
    if (at >= end) {
      throw wrong("is broken: its pages have %d of its %d values".formatted(seen, entries));
    }
    Input in = Input.of(where, new byte[0]);
    Thrift header = null;
    for (int window = HEADER; header == null; window *= 8) {
      in = file.part(at, (int) Math.min(window, end - at), where);
      try {
        header = Thrift.read(in);
      } catch (io.github.lora4j.vector.FormatException e) {
        if (window >= LARGEST_HEADER || window >= end - at) {
          throw e;
        }
      }
    }
    at += in.position();
    int size = in.checked("the size of a page", header.number(3, "how large a page is"), Math.min(end - at, Codec.LARGEST));
    int opened = in.checked("the size of a page", header.number(2, "how large a page is"), Codec.LARGEST);
    Input page = file.part(at, size, where);
    at += size;
    check(header, page, size);
    switch ((int) header.number(1, "what a page is")) {
      case DATA -> data(header.struct(5, "header of data"), page, opened);
      case DICTIONARY -> {
        Input bytes = Codec.open(codec, page, opened);
        int count = bytes.checked("the size of the dictionary", header.struct(7, "header of the dictionary").number(1, "how large it is"),
            8L * bytes.remaining());
        dictionary = Values.dictionary(bytes, leaf.kind(), count);
      }
      case DATA_V2 -> dataV2(header.struct(8, "header of data"), page, opened);
      default -> { } // an index
    }
  }

  /** Writers may leave the checksum out. */
  private void check(Thrift header, Input page, int size) {
    if (header.has(4)) {
      CRC32 crc = new CRC32();
      crc.update(file.part(at - size, size, where).bytes(size));
      if ((int) crc.getValue() != (int) header.number(4, "its checksum")) {
        throw page.wrong("is broken: the checksum of a page differs");
      }
    }
  }

  private void begin(Input in, Thrift header) {
    long count = header.number(1, "how many values a page has");
    leftInPage = in.checked("the number of values in a page", count, Math.min(entries - seen, MOST_IN_PAGE));
  }

  private void data(Thrift header, Input page, int opened) {
    begin(page, header);
    Input in = Codec.open(codec, page, opened);
    repetitions = levels(in, leaf.repetition(), header.number(4, 3));
    definitions = levels(in, leaf.definition(), header.number(3, 3));
    values = Values.of((int) header.number(2, "its encoding"), in, leaf.kind(), leftInPage, dictionary);
  }

  private static Hybrid levels(Input in, int most, long encoding) {
    if (most == 0) {
      return new Hybrid(in, 0);
    }
    if (encoding != 3) {
      throw in.wrong("has levels in an encoding that was given up in 2013; write the file anew");
    }
    return levels(in.part(in.checked("the length of levels", in.i32(), in.remaining())), most);
  }

  private static Hybrid levels(Input in, int most) {
    return new Hybrid(in, 32 - Integer.numberOfLeadingZeros(most));
  }

  private void dataV2(Thrift header, Input page, int opened) {
    begin(page, header);
    int before = page.remaining();
    repetitions = levels(page.part(page.checked("the length of levels", header.number(6, 0), before)), leaf.repetition());
    definitions = levels(page.part(page.checked("the length of levels", header.number(5, 0), page.remaining())), leaf.definition());
    int levels = before - page.remaining();
    Input in = page.remaining() == 0 || !header.yes(7, true) ? page : Codec.open(codec, page, opened - levels);
    values = Values.of((int) header.number(4, "its encoding"), in, leaf.kind(), leftInPage, dictionary);
  }
}
