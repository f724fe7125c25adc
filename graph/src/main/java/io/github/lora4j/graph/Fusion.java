package io.github.lora4j.graph;

/** Which ops may run together with the one before them, while what it wrote is in cache. */
public final class Fusion {

  private Fusion() {}

  /** Whether {@code next} is an activation, or its gradient, of what a product with a frozen weight gives. */
  public static boolean fuses(Op op, Op next) {
    return switch (op) {
      case Op.Linear o -> o.w().role() == Value.Role.FROZEN && next instanceof Op.Activate a && a.x().equals(o.y());
      case Op.LinearInputGrad o -> o.w().role() == Value.Role.FROZEN && next instanceof Op.ActivateGrad a && a.dy().equals(o.dx());
      default -> false;
    };
  }
}
