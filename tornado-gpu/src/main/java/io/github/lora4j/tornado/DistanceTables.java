package io.github.lora4j.tornado;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.tornado.ProductLowering.Matrices;
import io.github.lora4j.tornado.ProductLowering.Right;
import io.github.lora4j.tornado.ProductLowering.Strided;

/**
 * Vectors by distance on a device: their products with all queries, and with all keys, are made before attention, a matrix [rows, heads·distances]
 * each, of which attention picks what it needs. The gradients of scores go to matrices of the same form, and from there by products to queries,
 * keys and vectors. Places are those of the first row's number for distance 0, −1 where there are none.
 *
 * @param distances rows of the vectors; 0: there are none
 */
record DistanceTables(int distances, int queryTerms, int keyTerms, int queryGrads, int keyGrads) {

  /** Makes the products; scratch of the op that is being lowered. */
  static DistanceTables terms(AttentionOp.Attention o, GpuTasks to) {
    if (!o.by().vectors()) {
      return new DistanceTables(0, -1, -1, -1, -1);
    }
    int distances = o.by().keys().or(() -> o.by().queries()).orElseThrow().shape().rows();
    int middle = distances / 2;
    return new DistanceTables(distances, o.by().keys().map(b -> products(o, o.q(), b, to) + middle).orElse(-1),
        o.by().queries().map(b -> products(o, o.k(), b, to) + middle).orElse(-1), -1, -1);
  }

  private static int products(AttentionOp.Attention o, Value rows, Value vectors, GpuTasks to) {
    int distances = vectors.shape().rows();
    int width = rows.shape().cols();
    int heads = o.spec().heads();
    int size = o.spec().headDim();
    int at = to.layout().scratch((long) rows.shape().rows() * heads * distances);
    for (int h = 0; h < heads; h++) {
      ProductLowering.product(to, Matrices.of(new Strided(to.count(rows), to.at(rows) + h * size, width, 1),
          right(to.layout().count(distances), to.at(vectors) + h * size, 1, width), to.layout().count(size), o.spec().scale(), false,
          at + h * distances, heads * distances));
    }
    return at;
  }

  /** The same terms with room for gradients. */
  DistanceTables gradients(AttentionOp.Attention o, boolean ofQueries, boolean ofKeys, GpuTasks to) {
    return new DistanceTables(distances, queryTerms, keyTerms, ofQueries ? cleared(o, o.q(), to) : -1, ofKeys ? cleared(o, o.k(), to) : -1);
  }

  private int cleared(AttentionOp.Attention o, Value rows, GpuTasks to) {
    int columns = o.spec().heads() * distances;
    int at = to.layout().scratch((long) rows.shape().rows() * columns);
    to.flat(Kernel.COPY, rows, columns, (n, c) -> new Descriptors.Copy(n, c, -1, at));
    return at + distances / 2;
  }

  /** Adds what queries get from the vectors that they were multiplied by. */
  void addToQueries(AttentionOp.Attention o, Value dq, GpuTasks to) {
    o.by().keys().ifPresent(vectors -> addTo(o, queryGrads, vectors, dq, to));
  }

  /** Adds what keys get. */
  void addToKeys(AttentionOp.Attention o, Value dk, GpuTasks to) {
    o.by().queries().ifPresent(vectors -> addTo(o, keyGrads, vectors, dk, to));
  }

  private void addTo(AttentionOp.Attention o, int grads, Value vectors, Value d, GpuTasks to) {
    int width = d.shape().cols();
    int size = o.spec().headDim();
    for (int h = 0; h < o.spec().heads(); h++) {
      ProductLowering.product(to, Matrices.of(new Strided(to.count(d), first(grads, h), o.spec().heads() * distances, 1),
          right(to.layout().count(size), to.at(vectors) + h * size, width, 1), to.layout().count(distances), 1, true, to.at(d) + h * size, width));
    }
  }

  /** Writes the gradient of the vectors that queries were multiplied by. */
  void ofKeys(AttentionOp.Attention o, Value dVectors, GpuTasks to) {
    of(o, queryGrads, o.q(), dVectors, to);
  }

  /** Writes the gradient of those that keys were. */
  void ofQueries(AttentionOp.Attention o, Value dVectors, GpuTasks to) {
    of(o, keyGrads, o.k(), dVectors, to);
  }

  private void of(AttentionOp.Attention o, int grads, Value rows, Value dVectors, GpuTasks to) {
    int width = rows.shape().cols();
    int size = o.spec().headDim();
    for (int h = 0; h < o.spec().heads(); h++) {
      ProductLowering.product(to, Matrices.of(new Strided(to.layout().count(distances), first(grads, h), 1, o.spec().heads() * distances),
          right(to.layout().count(size), to.at(rows) + h * size, width, 1), to.count(rows), 1, false, to.at(dVectors) + h * size, width));
    }
  }

  private int first(int grads, int head) {
    return grads - distances / 2 + head * distances;
  }

  private static Right right(int count, int at, int alongK, int stride) {
    return new Right(count, Layout.Weight.inMemory(at), alongK, stride, 0);
  }
}
