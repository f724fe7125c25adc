package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Kernels that copy between the host's staging arrays and the arenas. Each reads of every arena what is always there, for a graph keeps on
 * the device only what its kernels use.
 */
final class Copies {

  private Copies() {}

  /** Leaves everything as it is. */
  static void nothing(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    int i = c.globalIdx;
    if (i < cursor.get(1)) {
      m.set(i, m.get(i) + w.get(i) + t.get(i + place.get(0)) + n.get(i));
    }
  }

  /** The arena of this ordinal, cursor[1] elements from cursor[0] on, from the staging arrays. */
  static void up(KernelContext c, IntArray cursor, FloatArray floats, IntArray ints, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    int i = c.globalIdx;
    if (i < cursor.get(1)) {
      int at = cursor.get(0) + i;
      int which = cursor.get(2);
      if (which == 0) {
        t.set(at, ints.get(i));
      } else if (which == 1) {
        m.set(at, floats.get(i));
      } else if (which == 2) {
        w.set(at, floats.get(i));
      } else {
        m.set(at, n.get(i));
      }
    }
  }

  /**
   * To the staging array, cursor[1] elements of memory from cursor[0] on, and behind them, at cursor[3], the number cursor[4], by which the
   * host knows that this kernel has run and that its copy has come: TornadoVM only prints what a driver refuses.
   */
  static void down(KernelContext c, IntArray cursor, FloatArray floats, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    int i = c.globalIdx;
    if (i < cursor.get(1)) {
      float value = m.get(cursor.get(0) + i);
      if (cursor.get(2) != 0) {
        value = w.get(i) + t.get(i) + n.get(i);
      }
      floats.set(i, value);
    }
    if (i == 0) {
      floats.set(cursor.get(3), cursor.get(4));
    }
  }
}
