package io.github.lora4j.vector.internal.blocks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the products of four runs of rows of blocks with a prepared row: {@link #sources}. They are flat, because the compiler inlines no method
 * of ours where code has become so long, and vectors that are handed to a method that is not inlined become objects. Run {@code main} in the module's
 * directory after a change here.
 */
final class RowsGenerator {

  static final Path DIRECTORY = Path.of("src/main/java/io/github/lora4j/vector/internal/blocks");

  private static final int RUNS = RowDecoder.ABREAST;

  /**
   * One format.
   *
   * @param what the format, for people
   * @param bytes of a step
   * @param vectors prepared for a step
   * @param floats of them that its lines meet: x0, x1, ...
   * @param blocks that a step covers; with several, the last step of a row goes back to what is a whole one
   * @param constants declared before the loops
   * @param head what is done for each run first; # is the run's number
   * @param lines done for each run then
   */
  private record Kernel(String what, int bytes, int vectors, int floats, int blocks, List<String> constants, List<String> head, List<String> lines) {

    /** Whether a nibble chooses its value. */
    boolean table() {
      return lines.stream().anyMatch(line -> line.contains("codes"));
    }

    /** Whether lines are done for each half of a block: the code of a whole one would be so long that the compiler keeps little in registers. */
    boolean halves() {
      return floats < vectors;
    }
  }

  /** Two sums of a step, since one alone would wait for itself. */
  private static final String[] SUMS = {"o#", "e#"};

  private RowsGenerator() {}

  public static void main(String[] args) throws IOException {
    for (var source : sources().entrySet()) {
      Files.writeString(DIRECTORY.resolve(source.getKey() + ".java"), source.getValue());
    }
  }

  /** Text by class name. */
  static Map<String, String> sources() {
    Map<String, String> all = new TreeMap<>();
    kernels().forEach((name, kernel) -> all.put(name, source(name, kernel)));
    return all;
  }

  private static Map<String, Kernel> kernels() {
    Map<String, Kernel> all = new TreeMap<>();
    all.put("Q80Rows", q80());
    all.put("Q40Rows", nibbles18("Q4_0", false));
    all.put("Iq4NlRows", nibbles18("IQ4_NL", true));
    all.put("Nf4Rows", nf4());
    all.put("Q4KRows", q4k());
    all.put("Q6KRows", q6k());
    all.put("Q41Rows", q41());
    all.put("Q50Rows", q5(false));
    all.put("Q51Rows", q5(true));
    return all;
  }

  private static Kernel q80() {
    String bytes = "((FloatVector) ByteVector.fromMemorySegment(BYTES, ALL, p# + %d, NATIVE).convertShape(B2F, FLOATS, 0))";
    return new Kernel("Q8_0: a half and 32 bytes", 34, 2, 2, 1, List.of(), List.of(), List.of(
        "FloatVector o# = " + bytes.formatted(2) + ".mul(x0);",
        "o# = " + bytes.formatted(18) + ".fma(x1, o#);",
        "sum# = o#.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(ALL.get(SHORT, p#))), sum#);"));
  }

  /** Four blocks, each four lanes: their nibbles are words 1 to 8, 10 to 17, 19 to 26 and 28 to 35. */
  private static Kernel nibbles18(String name, boolean table) {
    List<String> lines = new ArrayList<>(List.of(
        "ShortVector w# = ShortVector.fromMemorySegment(SHORTS, ALL, p#, NATIVE);",
        "IntVector v# = w#.rearrange(NIBBLES_18).reinterpretAsInts().blend(" + ints("p# + 8") + ", LAST_FOUR);",
        "FloatVector d# = " + half("w#.rearrange(HALVES_18).reinterpretAsInts()") + ";"));
    lines.addAll(table ? chosen() : linear(4, 8));
    lines.add("sum# = o#.add(e#).fma(d#, sum#);");
    int vectors = table ? 8 : 9;
    return new Kernel(name + ": a half and 32 nibbles", 72, vectors, vectors, 4, table ? List.of() : linearConstants(4), List.of(), lines);
  }

  private static Kernel nf4() {
    List<String> lines = new ArrayList<>(List.of(
        "IntVector v# = " + ints("p# + 4") + ".blend(" + ints("p# + 8") + ", UPPER);",
        "FloatVector d# = FloatVector.fromMemorySegment(FLOATS, ALL, p#, NATIVE).rearrange(FLOATS_36);"));
    lines.addAll(chosen());
    lines.add("sum# = o#.add(e#).fma(d#, sum#);");
    return new Kernel("NF4 and FP4: a float and 64 nibbles", 72, 8, 8, 2, List.of(), List.of(), lines);
  }

  /** Four blocks of five words of four bytes: d and m, then nibbles. */
  private static Kernel q41() {
    List<String> lines = new ArrayList<>(List.of(
        "IntVector w# = " + ints("p#") + ";",
        "IntVector v# = w#.rearrange(NIBBLES_20).blend(" + ints("p# + 16") + ", LAST_FOUR);",
        "IntVector m# = w#.rearrange(HALVES_20);",
        "FloatVector d# = " + half("m#.lanewise(LSHL, 16)") + ";"));
    lines.addAll(linear(4, 8));
    lines.add("sum# = " + half("m#") + ".fma(x9, o#.add(e#).fma(d#, sum#));");
    return new Kernel("Q4_1: two halves and 32 nibbles", 80, 10, 10, 4, linearConstants(4), List.of(), lines);
  }

  /** Four blocks: two from the vector that begins with them, two from the one that ends with them. */
  private static Kernel q5(boolean minimum) {
    int bytes = minimum ? 24 : 22;
    String vector = minimum ? "IntVector" : "ShortVector";
    String load = vector + (minimum ? ".fromMemorySegment(INTS" : ".fromMemorySegment(SHORTS") + ", ALL, %s, NATIVE);";
    List<String> lines = new ArrayList<>(List.of(
        vector + " a# = " + load.formatted("p#"),
        vector + " b# = " + load.formatted("p# + " + (4 * bytes - 64)),
        "IntVector v# = " + ofBoth("NIBBLES", bytes, minimum) + ";",
        "IntVector q# = " + ofBoth("FIFTHS", bytes, minimum) + ";",
        "q# = q#.lanewise(LSHR, fifthShift);",
        "IntVector h# = " + ofBoth("HALVES", bytes, minimum) + ";",
        "FloatVector d# = " + half(minimum ? "h#.lanewise(LSHL, 16)" : "h#") + ";",
        "IntVector l# = v#.and(nibbles).or(q#.and(15).mul(spread).and(fifths));",
        "IntVector u# = v#.lanewise(LSHR, 4).and(nibbles).or(q#.lanewise(LSHR, 16).and(15).mul(spread).and(fifths));"));
    for (int i = 0; i < 8; i++) {
      lines.add(step(i % 2 == 0 ? "o#" : "e#", i < 2, linearValue(i < 4 ? "l#" : "u#", 8 * (i % 4), 5), "x" + i, i == 0 ? "x8" : null));
    }
    lines.add(minimum ? "sum# = " + half("h#") + ".fma(x9, o#.add(e#).fma(d#, sum#));" : "sum# = o#.add(e#).fma(d#, sum#);");
    List<String> constants = new ArrayList<>(linearConstants(5));
    constants.addAll(List.of("IntVector nibbles = IntVector.broadcast(INTS, 0x0F0F0F0F);",
        "IntVector spread = IntVector.broadcast(INTS, FOUR_BITS_TO_BYTES);", "IntVector fifths = IntVector.broadcast(INTS, 0x10101010);",
        "IntVector fifthShift = IntVector.fromArray(INTS, FIFTH_SHIFT, 0);"));
    int vectors = minimum ? 10 : 9;
    String what = minimum ? "Q5_1: two halves, 32 bits, 32 nibbles" : "Q5_0: a half, 32 bits, 32 nibbles";
    return new Kernel(what, 4 * bytes, vectors, vectors, 4, constants, List.of(), lines);
  }

  private static String ofBoth(String what, int bytes, boolean ints) {
    String of = "%s#.rearrange(%s_%d_%s)" + (ints ? "" : ".reinterpretAsInts()");
    return of.formatted("a", what, bytes, "A") + ".blend(" + of.formatted("b", what, bytes, "B") + ", UPPER)";
  }

  /** What is done for all eight scales and minima of a block of Q4_K. */
  private static List<String> kScales() {
    return List.of(
        "IntVector b# = (IntVector) ByteVector.fromMemorySegment(BYTES, ALL, p#, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);",
        "IntVector n# = b#.rearrange(K_LOW).lanewise(LSHR, lowShift).and(lowMask).or(b#.rearrange(K_HIGH).and(highMask).lanewise(LSHR, 2));",
        "IntVector m# = IntVector.broadcast(INTS, ALL.get(INT, p#)).lanewise(LSHL, halfShift);",
        "FloatVector s# = " + half("m#") + ".mul((FloatVector) n#.convertShape(I2F, FLOATS, 0));",
        "sum# = s#.fma(minima, sum#);");
  }

  private static Kernel q4k() {
    List<String> constants = new ArrayList<>(linearConstants(4));
    constants.addAll(kConstants());
    List<String> lines = new ArrayList<>(List.of("IntVector v# = " + ints("p# + h * 64L + 16 & ADDRESSES") + ";"));
    for (int high = 0; high < 2; high++) {
      for (int b = 0; b < 4; b++) {
        lines.add(step(SUMS[high], b == 0, linearValue("v#", 8 * b + 4 * high, 4), "x" + (4 * high + b), "x" + (8 + high)));
      }
    }
    lines.add("sum# = o#.fma(s#.rearrange(K_LOWS), e#.fma(s#.rearrange(K_HIGHS), sum#));");
    lines.add("s# = s#.rearrange(NEXT_FOUR);");
    return new Kernel("Q4_K: two halves, eight scales and minima of six bits, 256 nibbles", 144, 21, 10, 1, constants, kScales(), lines);
  }

  private static List<String> kConstants() {
    return List.of("IntVector lowShift = IntVector.fromArray(INTS, K_LOW_SHIFT, 0);", "IntVector lowMask = IntVector.fromArray(INTS, K_LOW_MASK, 0);",
        "IntVector highMask = IntVector.fromArray(INTS, K_HIGH_MASK, 0);", "IntVector halfShift = IntVector.fromArray(INTS, K_HALF_SHIFT, 0);");
  }

  private static Kernel q6k() {
    List<String> constants = new ArrayList<>(linearConstants(6));
    constants.add("IntVector nibbles = IntVector.broadcast(INTS, 0x0F0F0F0F);");
    constants.add("IntVector pairs = IntVector.broadcast(INTS, 0xF0F0F0F0);");
    constants.add("IntVector pairShift = IntVector.fromArray(INTS, PAIR_SHIFT, 0);");
    List<String> head = List.of(
        "FloatVector s# = ((FloatVector) ByteVector.fromMemorySegment(BYTES, ALL, p# + 192, NATIVE).convertShape(B2F, FLOATS, 0))",
        "    .mul(Float.float16ToFloat(ALL.get(SHORT, p# + 208)));",
        "IntVector q# = " + ints("p# + 128") + ";");
    List<String> lines = new ArrayList<>(List.of(
        "IntVector v# = " + ints("p# + h * 64L & ADDRESSES") + ";",
        "IntVector h# = q#.rearrange(EIGHT_TWICE).lanewise(LSHR, pairShift);",
        "IntVector l# = v#.and(nibbles).or(h#.lanewise(LSHL, 4).and(pairs));",
        "IntVector u# = v#.lanewise(LSHR, 4).and(nibbles).or(h#.and(pairs));"));
    for (int high = 0; high < 2; high++) {
      for (int b = 0; b < 4; b++) {
        lines.add(step(SUMS[high], b == 0, linearValue(high == 0 ? "l#" : "u#", 8 * b, 6), "x" + (4 * high + b), "x" + (8 + high)));
      }
    }
    lines.add("sum# = o#.fma(s#.rearrange(FOURS), e#.fma(s#.rearrange(NEXT_FOURS), sum#));");
    lines.add("s# = s#.rearrange(OTHER_FLOATS);");
    lines.add("q# = q#.rearrange(OTHER_INTS);");
    return new Kernel("Q6_K: 256 nibbles, as many pairs of bits, sixteen scales of eight bits, a half", 210, 20, 10, 1, constants, head, lines);
  }

  /** Eight steps, two sums; a nibble chooses its value, since what lies above it in a lane does not matter. */
  private static List<String> chosen() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String value = shifted("v#", -(8 * (i % 4) + i / 4 * 4)) + ".selectFrom(codes).reinterpretAsFloats()";
      lines.add(step(i % 2 == 0 ? "o#" : "e#", i < 2, value, "x" + i, null));
    }
    return lines;
  }

  private static List<String> linear(int bits, int less) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      lines.add(step(i % 2 == 0 ? "o#" : "e#", i < 2, linearValue("v#", 8 * (i % 4) + i / 4 * 4, bits), "x" + i, i == 0 ? "x" + less : null));
    }
    return lines;
  }

  private static String step(String sum, boolean first, String value, String x, String addend) {
    return first ? "FloatVector " + sum + " = " + value + (addend == null ? ".mul(" + x : ".fma(" + x + ", " + addend) + ");"
        : sum + " = " + value + ".fma(" + x + ", " + sum + ");";
  }

  /** Bits from {@code at} on as the first of a mantissa: 1 + n / 2^bits. */
  private static String linearValue(String v, int at, int bits) {
    return shifted(v, 23 - bits - at) + ".and(mantissa).or(one).reinterpretAsFloats()";
  }

  private static List<String> linearConstants(int bits) {
    return List.of("IntVector mantissa = IntVector.broadcast(INTS, 0x%X);".formatted((1 << 23) - (1 << 23 - bits)),
        "IntVector one = IntVector.broadcast(INTS, 0x3F800000);");
  }

  private static String shifted(String v, int left) {
    return left == 0 ? v : "%s.lanewise(%s, %d)".formatted(v, left > 0 ? "LSHL" : "LSHR", Math.abs(left));
  }

  private static String ints(String at) {
    return "IntVector.fromMemorySegment(INTS, ALL, " + at + ", NATIVE)";
  }

  /** The half in the upper part of each lane. */
  private static String half(String v) {
    return v + ".lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE)";
  }

  private static String source(String name, Kernel kernel) {
    StringBuilder body = new StringBuilder();
    kernel.constants.forEach(line -> body.append("    ").append(line).append('\n'));
    body.append("    for (int r = 0; r < count; r++) {\n");
    body.append("      FloatVector sum0 = FloatVector.zero(FLOATS);\n");
    for (int i = 1; i < RUNS; i++) {
      body.append("      FloatVector sum%d = sum0;\n".formatted(i));
    }
    body.append("      long row = w + r * bytes;\n");
    if (kernel.blocks > 1) {
      body.append("      // The last step may go back to be a whole one; what it meets a second time was prepared as 0.\n");
    }
    body.append("      for (int i = 0; i < steps; i++) {\n");
    body.append("        long at = x + i * %dL & ADDRESSES;\n".formatted(64 * kernel.vectors));
    body.append(kernel.blocks == 1 ? "        long p = row + i * %dL;\n".formatted(kernel.bytes)
        : "        long p = row + Math.min(i * %dL, last);\n".formatted(kernel.bytes));
    if (kernel.vectors % 10 == 1) {
      body.append("        FloatVector minima = FloatVector.fromMemorySegment(FLOATS, ALL, at + %d, NATIVE);\n".formatted(64 * (kernel.vectors - 1)));
    }
    for (int i = 0; i < RUNS; i++) {
      body.append("        long p%d = p%s & ADDRESSES;\n".formatted(i, i == 0 ? "" : i == 1 ? " + stride" : " + " + i + " * stride"));
      lines(body, kernel.head, i, "");
    }
    String indent = kernel.halves() ? "  " : "";
    if (kernel.halves()) {
      body.append("        for (int h = 0; h < halves; h++) {\n          long to = at + h * %dL & ADDRESSES;\n".formatted(64 * kernel.floats));
    }
    for (int i = 0; i < kernel.floats; i++) {
      body.append("        %sFloatVector x%d = FloatVector.fromMemorySegment(FLOATS, ALL, %s + %d, NATIVE);\n".formatted(indent, i,
          kernel.halves() ? "to" : "at", 64 * i).replace(" + 0,", ","));
    }
    for (int i = 0; i < RUNS; i++) {
      lines(body, kernel.lines, i, indent);
    }
    if (kernel.halves()) {
      body.append("        }\n");
    }
    body.append("      }\n");
    for (int i = 0; i < RUNS; i++) {
      body.append("      sum%d.intoArray(sums, r * COUNT%s);\n".formatted(i, i == 0 ? "" : i == 1 ? " + SUMS" : " + %d * SUMS".formatted(i)));
    }
    body.append("    }\n");
    String parameters = kernel.blocks == 1 ? "" : ", long last";
    String table = kernel.table() ? ", IntVector codes" : "";
    return header(name, kernel, body.toString()) + """
          static void run(long w, long stride, int count, int steps, %slong bytes%s, long x, float[] sums%s) {
        %s  }
        }
        """.formatted(kernel.halves() ? "int halves, " : "", parameters, table.isEmpty() ? "" : ", float[] map", (kernel.table()
            ? "    IntVector codes = FloatVector.fromArray(FLOATS, map, 0).reinterpretAsInts();\n" : "") + body);
  }

  private static void lines(StringBuilder body, List<String> lines, int run, String indent) {
    lines.forEach(line -> body.append("        ").append(indent).append(line.replace("#", "" + run)).append('\n'));
  }

  private static String header(String name, Kernel kernel, String body) {
    StringBuilder out = new StringBuilder("package io.github.lora4j.vector.internal.blocks;\n\n");
    List<String> imports = new ArrayList<>();
    for (String lane : List.of("BYTES", "COUNT", "FLOATS", "INTS", "NATIVE", "SHORT")) {
      imports.add("io.github.lora4j.vector.internal.blocks.Lane." + lane);
    }
    for (String raw : List.of("ADDRESSES", "ALL", "EIGHT_TWICE", "FIFTHS_22_A", "FIFTHS_22_B", "FIFTHS_24_A",
        "FIFTHS_24_B", "FIFTH_SHIFT", "FLOATS_36", "FOURS", "FOUR_BITS_TO_BYTES", "HALF_BITS", "HALF_SCALE", "HALVES_18", "HALVES_20", "HALVES_22_A",
        "HALVES_22_B", "HALVES_24_A", "HALVES_24_B", "INT", "K_HALF_SHIFT",
        "K_HIGH", "K_HIGHS", "K_HIGH_MASK", "K_LOW", "K_LOWS", "K_LOW_MASK", "K_LOW_SHIFT", "LAST_FOUR", "NEXT_FOUR", "NEXT_FOURS", "NIBBLES_18",
        "NIBBLES_20", "NIBBLES_22_A", "NIBBLES_22_B", "NIBBLES_24_A", "NIBBLES_24_B",
        "OTHER_FLOATS", "OTHER_INTS", "PAIR_SHIFT", "SHORTS", "UPPER")) {
      imports.add("io.github.lora4j.vector.internal.blocks.Raw." + raw);
    }
    imports.add("io.github.lora4j.vector.internal.blocks.RowDecoder.SUMS");
    for (String operator : List.of("ASHR", "B2F", "I2F", "LSHL", "LSHR", "ZERO_EXTEND_B2I")) {
      imports.add("jdk.incubator.vector.VectorOperators." + operator);
    }
    imports.stream().filter(i -> used(body, i)).forEach(i -> out.append("import static ").append(i).append(";\n"));
    out.append('\n');
    List.of("ByteVector", "FloatVector", "IntVector", "ShortVector").stream()
        .filter(type -> used(body, type) || kernel.table() && type.equals("IntVector"))
        .forEach(type -> out.append("import jdk.incubator.vector.%s;\n".formatted(type)));
    return out.append("""

        /** %s. Generated by RowsGenerator. */
        final class %s {

          private %s() {}

          /**
           * Four runs of {@code count} rows of {@code bytes} bytes, {@code stride} apart, from address {@code w} on, times what was prepared at
           * address {@code x}. A row is done in {@code steps} of %d bytes%s.
           */
        """.formatted(kernel.what, name, name, kernel.bytes, kernel.halves() ? ", each in two {@code halves}"
            : kernel.blocks == 1 ? "" : ", of which the last begins {@code last} bytes in")).toString();
  }

  private static boolean used(String body, String imported) {
    return body.matches("(?s).*\\b" + imported.substring(imported.lastIndexOf('.') + 1) + "\\b.*");
  }
}
