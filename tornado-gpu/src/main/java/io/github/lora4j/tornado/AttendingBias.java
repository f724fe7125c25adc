package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.HeadBias;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The gradient of attention's bias, a thread for each distance and head, which goes through all query rows in order. It does the scores again
 * for every pair, with no tiles: few train a bias.
 */
final class AttendingBias {

  private AttendingBias() {}

  /** See {@link HeadBias}. */
  static void gradient(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int heads = t.get(d + HeadBias.HEADS);
      int head = i % heads;
      int distance = i / heads - t.get(d + HeadBias.CENTER);
      int queries = n.get(t.get(d + HeadBias.QUERIES));
      float sum = 0f;
      for (int query = 0; query < queries; query++) {
        int key = n.get(t.get(d + HeadBias.DIAGONAL) + query) + distance;
        if (key >= n.get(t.get(d + HeadBias.LOW) + query) && key < n.get(t.get(d + HeadBias.HIGH) + query)) {
          int place = query * heads + head;
          float terms = Attending.terms(t.get(d + HeadBias.QUERY_TERMS), t.get(d + HeadBias.KEY_TERMS), t.get(d + HeadBias.DISTANCES), query, key,
              distance, head, heads, m);
          float score = Attending.capped(m.get(t.get(d + HeadBias.SCALE)) * dot(HeadBias.Q, HeadBias.K, place, key, head, d, t, m) + terms,
              t.get(d + HeadBias.CAP), m) + m.get(t.get(d + HeadBias.BIAS) + distance * heads + head);
          float p = TornadoMath.exp(score - m.get(t.get(d + HeadBias.LSE) + place));
          sum += p * (dot(HeadBias.DOUT, HeadBias.V, place, key, head, d, t, m) - m.get(t.get(d + HeadBias.DELTA) + place));
        }
      }
      m.set(t.get(d + HeadBias.OUT) + i, sum);
    }
  }

  private static float dot(int left, int right, int place, int key, int head, int d, IntArray t, FloatArray m) {
    int size = t.get(d + HeadBias.SIZE);
    int kvHeads = t.get(d + HeadBias.KV_HEADS);
    int a = t.get(d + left) + place * size;
    int b = t.get(d + right) + (key * kvHeads + head * kvHeads / t.get(d + HeadBias.HEADS)) * size;
    float sum = 0f;
    for (int j = 0; j < size; j++) {
      sum += m.get(a + j) * m.get(b + j);
    }
    return sum;
  }
}
