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

  /**
   * One format.
   *
   * @param what the format, for people
   * @param runs done side by side: four, or two if the code is so long that the compiler takes seconds
   * @param bytes of a step
   * @param vectors prepared for a step
   * @param blocks that a step covers, and their bytes; with several, the last step of a row goes back to what is a whole one
   * @param constants declared before the loops
   * @param head what is done for each run first; # is the run's number
   * @param parts then, one after the other, so that the floats of one part only are in registers
   */
  private record Kernel(String what, int runs, int bytes, int vectors, int blocks, boolean table, List<String> constants, List<String> head,
      List<Part> parts) {}

  /** Prepared vectors {@code from} to {@code to}, called x0, x1, ...; lines for each run. */
  private record Part(int from, int to, List<String> lines) {}

  /** Where one run is done at a time, two sums: one alone would wait for itself. */
  private static final String[] SUMS = {"sum#", "other"};

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
    return all;
  }

  private static Kernel q80() {
    String bytes = "((FloatVector) ByteVector.fromMemorySegment(BYTES, ALL, p# + %d, NATIVE).convertShape(B2F, FLOATS, 0))";
    return new Kernel("Q8_0: a half and 32 bytes", 4, 34, 2, 1, false, List.of(), List.of(), List.of(new Part(0, 2, List.of(
        "FloatVector o# = " + bytes.formatted(2) + ".mul(x0);",
        "o# = " + bytes.formatted(18) + ".fma(x1, o#);",
        "sum# = o#.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(ALL.get(SHORT, p#))), sum#);"))));
  }

  /** Four blocks, each four lanes: their nibbles are words 1 to 8, 10 to 17, 19 to 26 and 28 to 35. */
  private static Kernel nibbles18(String name, boolean table) {
    List<String> lines = new ArrayList<>(List.of(
        "ShortVector w# = ShortVector.fromMemorySegment(SHORTS, ALL, p#, NATIVE);",
        "IntVector v# = w#.rearrange(NIBBLES_18).reinterpretAsInts().blend(" + ints("p# + 8") + ", LAST_FOUR);",
        "FloatVector d# = " + half("w#.rearrange(HALVES_18).reinterpretAsInts()") + ";"));
    lines.addAll(table ? chosen() : linear(4, 8));
    lines.add("sum# = o#.add(e#).fma(d#, sum#);");
    return new Kernel(name + ": a half and 32 nibbles", 2, 72, table ? 8 : 9, 4, table, table ? List.of() : linearConstants(4), List.of(),
        List.of(new Part(0, table ? 8 : 9, lines)));
  }

  private static Kernel nf4() {
    List<String> lines = new ArrayList<>(List.of(
        "IntVector v# = " + ints("p# + 4") + ".blend(" + ints("p# + 8") + ", UPPER);",
        "FloatVector d# = FloatVector.fromMemorySegment(FLOATS, ALL, p#, NATIVE).rearrange(FLOATS_36);"));
    lines.addAll(chosen());
    lines.add("sum# = o#.add(e#).fma(d#, sum#);");
    return new Kernel("NF4 and FP4: a float and 64 nibbles", 2, 72, 8, 2, true, List.of(), List.of(), List.of(new Part(0, 8, lines)));
  }

  /** What is done for all eight scales and minima of a block of Q4_K or Q5_K. */
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
    List<Part> parts = new ArrayList<>();
    for (int half = 0; half < 2; half++) {
      List<String> lines = new ArrayList<>(List.of("IntVector v#h = ".replace("h", "" + half) + ints("p# + " + (16 + 64 * half)) + ";"));
      for (int high = 0; high < 2; high++) {
        String sum = "o#" + half + high;
        for (int b = 0; b < 4; b++) {
          lines.add(step(sum, b == 0, linearValue("v#" + half, 8 * b + 4 * high, 4), "x" + (4 * high + b), "x" + (8 + high)));
        }
        lines.add("%s = %s.fma(s#.rearrange(K_%d%d), %s);".formatted(SUMS[high], sum, half, high, SUMS[high]));
      }
      parts.add(new Part(10 * half, 10 * half + 10, lines));
    }
    return new Kernel("Q4_K: two halves, eight scales and minima of six bits, 256 nibbles", 1, 144, 21, 1, false, constants, kScales(), parts);
  }

  private static List<String> kConstants() {
    return List.of("IntVector lowShift = IntVector.fromArray(INTS, K_LOW_SHIFT, 0);", "IntVector lowMask = IntVector.fromArray(INTS, K_LOW_MASK, 0);",
        "IntVector highMask = IntVector.fromArray(INTS, K_HIGH_MASK, 0);", "IntVector halfShift = IntVector.fromArray(INTS, K_HALF_SHIFT, 0);");
  }

  private static Kernel q6k() {
    List<String> constants = new ArrayList<>(linearConstants(6));
    constants.add("IntVector pairShift = IntVector.fromArray(INTS, PAIR_SHIFT, 0);");
    List<String> head = List.of(
        "FloatVector s# = ((FloatVector) ByteVector.fromMemorySegment(BYTES, ALL, p# + 192, NATIVE).convertShape(B2F, FLOATS, 0))",
        "    .mul(Float.float16ToFloat(ALL.get(SHORT, p# + 208)));",
        "IntVector q# = " + ints("p# + 128") + ";");
    List<Part> parts = new ArrayList<>();
    for (int half = 0; half < 2; half++) {
      List<String> lines = new ArrayList<>(List.of(
          "IntVector v#%d = %s;".formatted(half, ints("p# + " + 64 * half)),
          "IntVector h#%d = q#.rearrange(HALF_%d).lanewise(LSHR, pairShift);".formatted(half, half)));
      for (int high = 0; high < 2; high++) {
        String sum = "o#" + half + high;
        String six = "w#" + half + high;
        lines.add(high == 0 ? "IntVector %s = v#%d.and(0x0F0F0F0F).or(h#%d.lanewise(LSHL, 4).and(0xF0F0F0F0));".formatted(six, half, half)
            : "IntVector %s = v#%d.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h#%d.and(0xF0F0F0F0));".formatted(six, half, half));
        for (int b = 0; b < 4; b++) {
          lines.add(step(sum, b == 0, linearValue(six, 8 * b, 6), "x" + (4 * high + b), "x" + (8 + high)));
        }
        lines.add("%s = %s.fma(s#.rearrange(K6_%d%d), %s);".formatted(SUMS[high], sum, half, high, SUMS[high]));
      }
      parts.add(new Part(10 * half, 10 * half + 10, lines));
    }
    return new Kernel("Q6_K: 256 nibbles, as many pairs of bits, sixteen scales of eight bits, a half", 1, 210, 20, 1, false, constants, head, parts);
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
    boolean all = kernel.runs == RowDecoder.ABREAST;
    StringBuilder body = new StringBuilder();
    kernel.constants.forEach(line -> body.append("    ").append(line).append('\n'));
    int passes = RowDecoder.ABREAST / kernel.runs;
    String run = "(r & %d) * %s".formatted(passes - 1, kernel.runs == 1 ? "" : kernel.runs + " * ");
    int shift = Integer.numberOfTrailingZeros(passes);
    body.append("    for (int r = 0; r < count%s; r++) {\n".formatted(all ? "" : " * " + passes));
    body.append("      FloatVector sum0 = FloatVector.zero(FLOATS);\n");
    for (int i = 1; i < kernel.runs; i++) {
      body.append("      FloatVector sum%d = sum0;\n".formatted(i));
    }
    if (kernel.runs == 1) {
      body.append("      FloatVector other = sum0;\n");
    }
    body.append(all ? "      long row = w + r * bytes;\n" : "      long row = w + (r >> %d) * bytes + %sstride;\n".formatted(shift, run));
    if (kernel.blocks > 1) {
      body.append("      // The last step may go back to be a whole one; what it meets a second time was prepared as 0.\n");
    }
    body.append("      for (int i = 0; i < steps; i++) {\n");
    body.append("        long at = x + i * %dL & ADDRESSES;\n".formatted(64 * kernel.vectors));
    body.append(kernel.blocks == 1 ? "        long p = row + i * %dL;\n".formatted(kernel.bytes)
        : "        long p = row + Math.min(i * %dL, last);\n".formatted(kernel.bytes));
    if (kernel.vectors % 10 == 1 && kernel.vectors > 9) {
      body.append("        FloatVector minima = FloatVector.fromMemorySegment(FLOATS, ALL, at + %d, NATIVE);\n".formatted(64 * (kernel.vectors - 1)));
    }
    for (int i = 0; i < kernel.runs; i++) {
      body.append("        long p%d = p%s & ADDRESSES;\n".formatted(i, i == 0 ? "" : i == 1 ? " + stride" : " + " + i + " * stride"));
      lines(body, kernel.head, i);
    }
    for (int part = 0; part < kernel.parts.size(); part++) {
      Part p = kernel.parts.get(part);
      for (int i = p.from; i < p.to; i++) {
        body.append("        %sx%d = FloatVector.fromMemorySegment(FLOATS, ALL, at + %d, NATIVE);\n".formatted(part == 0 ? "FloatVector " : "",
            i - p.from, 64 * i).replace("at + 0,", "at,"));
      }
      for (int i = 0; i < kernel.runs; i++) {
        lines(body, p.lines, i);
      }
    }
    body.append("      }\n");
    if (!all) {
      body.append("      int to = (r >> %d) * COUNT + %sSUMS;\n".formatted(shift, run));
    }
    for (int i = 0; i < kernel.runs; i++) {
      body.append("      sum%d%s.intoArray(sums, %s%s);\n".formatted(i, kernel.runs == 1 ? ".add(other)" : "", all ? "r * COUNT" : "to",
          i == 0 ? "" : i == 1 ? " + SUMS" : " + %d * SUMS".formatted(i)));
    }
    body.append("    }\n");
    String parameters = kernel.blocks == 1 ? "" : ", long last";
    String table = kernel.table ? ", IntVector codes" : "";
    return header(name, kernel, body.toString()) + """
          static void run(long w, long stride, int count, int steps, long bytes%s, long x, float[] sums%s) {
        %s  }
        }
        """.formatted(parameters, table.isEmpty() ? "" : ", float[] map", (kernel.table
            ? "    IntVector codes = FloatVector.fromArray(FLOATS, map, 0).reinterpretAsInts();\n" : "") + body);
  }

  private static void lines(StringBuilder body, List<String> lines, int run) {
    lines.forEach(line -> body.append("        ").append(line.replace("#", "" + run)).append('\n'));
  }

  private static String header(String name, Kernel kernel, String body) {
    StringBuilder out = new StringBuilder("package io.github.lora4j.vector.internal.blocks;\n\n");
    List<String> imports = new ArrayList<>();
    for (String lane : List.of("BYTES", "COUNT", "FLOATS", "INTS", "NATIVE", "SHORT")) {
      imports.add("io.github.lora4j.vector.internal.blocks.Lane." + lane);
    }
    for (String raw : List.of("ADDRESSES", "ALL", "FLOATS_36", "HALF_0", "HALF_1", "HALF_BITS", "HALF_SCALE", "HALVES_18", "INT", "K6_00", "K6_01",
        "K6_10", "K6_11", "K_00", "K_01", "K_10", "K_11", "K_HALF_SHIFT", "K_HIGH", "K_HIGH_MASK", "K_LOW", "K_LOW_MASK", "K_LOW_SHIFT", "LAST_FOUR",
        "NIBBLES_18", "PAIR_SHIFT", "SHORTS", "UPPER")) {
      imports.add("io.github.lora4j.vector.internal.blocks.Raw." + raw);
    }
    imports.add("io.github.lora4j.vector.internal.blocks.RowDecoder.SUMS");
    for (String operator : List.of("ASHR", "B2F", "I2F", "LSHL", "LSHR", "ZERO_EXTEND_B2I")) {
      imports.add("jdk.incubator.vector.VectorOperators." + operator);
    }
    imports.stream().filter(i -> used(body, i)).forEach(i -> out.append("import static ").append(i).append(";\n"));
    out.append('\n');
    List.of("ByteVector", "FloatVector", "IntVector", "ShortVector").stream()
        .filter(type -> used(body, type) || kernel.table && type.equals("IntVector"))
        .forEach(type -> out.append("import jdk.incubator.vector.%s;\n".formatted(type)));
    return out.append("""

        /** %s. Generated by RowsGenerator. */
        final class %s {

          private %s() {}

          /**
           * Four runs of {@code count} rows of {@code bytes} bytes, {@code stride} apart, from address {@code w} on, times what was prepared at
           * address {@code x}. A row is done in {@code steps} of %d bytes%s.
           */
        """.formatted(kernel.what, name, name, kernel.bytes, kernel.blocks == 1 ? "" : ", of which the last begins {@code last} bytes in"))
        .toString();
  }

  private static boolean used(String body, String imported) {
    return body.matches("(?s).*\\b" + imported.substring(imported.lastIndexOf('.') + 1) + "\\b.*");
  }
}
