package io.github.lora4j.train.sums;

import io.github.lora4j.train.sums.GradientExchange.Part;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The order in which the micro-batches of a step are summed: a binary counter. Two sums over neighbouring blocks of 2^l micro-batches,
 * the left one starting at a multiple of 2^(l+1), join to one; what is left at the end joins from the right. Which additions are made
 * follows from the number of micro-batches alone, so whoever computes a block, the total has the same bits.
 */
public final class GradientTree {

  private GradientTree() {}

  /** Whether two parts are neighbours that join to the next level. */
  static boolean join(Part left, Part right) {
    return join(left.level(), left.index(), right.level(), right.index());
  }

  static boolean join(int leftLevel, int leftIndex, int rightLevel, int rightIndex) {
    return leftLevel == rightLevel && leftIndex % 2 == 0 && leftIndex + 1 == rightIndex;
  }

  /**
   * Sums parts; their memory is overwritten.
   *
   * @param parts of all micro-batches of a step, in their order
   * @param type of their elements: F32 or F64
   * @param total takes the sum; its level and index mean nothing
   */
  public static void total(List<Part> parts, DType type, Part total) {
    Part[] stack = new Part[parts.size()];
    int depth = 0;
    for (Part next : parts) {
      Part right = next;
      while (depth > 0 && join(stack[depth - 1], right)) {
        Part left = stack[--depth];
        add(left, right, type);
        right = new Part(left.level() + 1, left.index() / 2, right.gradients(), right.sums());
      }
      stack[depth++] = right;
    }
    for (int i = depth - 2; i >= 0; i--) {
      add(stack[i], stack[depth - 1], type);
    }
    total.gradients().copyFrom(stack[depth - 1].gradients());
    total.sums().copyFrom(stack[depth - 1].sums());
  }

  /** right += left: sums of two floats do not depend on their order. */
  static void add(Part left, Part right, DType type) {
    add(left.gradients(), right.gradients(), type);
    add(left.sums(), right.sums(), type);
  }

  /** to += from. */
  static void add(MemorySegment from, MemorySegment to, DType type) {
    if (type == DType.F64) {
      for (long i = 0; i < to.byteSize() / Double.BYTES; i++) {
        to.setAtIndex(ValueLayout.JAVA_DOUBLE, i, to.getAtIndex(ValueLayout.JAVA_DOUBLE, i) + from.getAtIndex(ValueLayout.JAVA_DOUBLE, i));
      }
      return;
    }
    for (long i = 0; i < to.byteSize() / Float.BYTES; i++) {
      to.setAtIndex(ValueLayout.JAVA_FLOAT, i, to.getAtIndex(ValueLayout.JAVA_FLOAT, i) + from.getAtIndex(ValueLayout.JAVA_FLOAT, i));
    }
  }
}
