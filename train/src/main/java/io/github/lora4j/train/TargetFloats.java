package io.github.lora4j.train;

import io.github.lora4j.train.data.Target;

/** Targets as the models' task classes still take them. */
public final class TargetFloats {

  private TargetFloats() {}

  /** The numbers of a target. */
  public static float[] of(Target target) {
    return switch (target) {
      case Target.OneClass c -> new float[] {c.id()};
      case Target.Classes c -> {
        float[] f = new float[c.apply().length];
        for (int i = 0; i < f.length; i++) {
          f[i] = c.apply()[i] ? 1 : 0;
        }
        yield f;
      }
      case Target.Numbers n -> n.values();
      case Target.TokenLabels t -> {
        float[] f = new float[t.ids().length];
        for (int i = 0; i < f.length; i++) {
          f[i] = t.ids()[i];
        }
        yield f;
      }
      case Target.Span s -> new float[] {s.first(), s.last(), s.tokens()};
      case Target.None n -> new float[0];
      case Target.Pair p -> new float[0];
    };
  }
}
