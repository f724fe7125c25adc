package io.github.lora4j.graph;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The ops of a program: coarse, few, each with the kernel of the same name in {@link io.github.lora4j.vector.Kernels}, where the
 * formula stands. Fields say what is read and written. An op whose output is a {@link Value.Role#GRADIENT} or
 * {@link Value.Role#STATE} slot adds to it; other outputs are overwritten.
 */
public sealed interface Op permits Op.Basic, TrainingOp, AdapterOp, DecoderOp, LayoutOp {

  /** Values read. */
  List<Value> inputs();

  /** Values written, or added to where they are gradients or state. */
  List<Value> outputs();

  /** Inputs whose memory an output of the same shape may take over, if nothing reads them later. */
  default List<Value> inPlace() {
    return List.of();
  }

  /** Multiply-add arithmetic at full capacity, as floating-point operations; elementwise work is not counted. */
  default long flops() {
    return 0;
  }

  /** The ops that models are made of and their gradients; families of further ops lie in files of their own. */
  sealed interface Basic extends Op { }

  /** Values and present optional values in order. */
  static List<Value> list(Object... values) {
    List<Value> list = new ArrayList<>();
    for (Object value : values) {
      switch (value) {
        case Value v -> list.add(v);
        case Optional<?> o -> o.ifPresent(v -> list.add((Value) v));
        default -> throw new IllegalArgumentException(String.valueOf(value));
      }
    }
    return List.copyOf(list);
  }

  /** 2 · rows · a · b: the operations of a matrix product. */
  static long product(Value rows, int a, int b) {
    return 2L * rows.shape().rows() * a * b;
  }

  /** y = alpha·x·wᵀ + bias + addend; x [rows, in], w [out, in]. */
  record Linear(Value x, Value w, Optional<Value> bias, Optional<Value> addend, double alpha, Value y) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, w, bias, addend);
    }

    @Override
    public List<Value> outputs() {
      return list(y);
    }

    @Override
    public List<Value> inPlace() {
      return list(addend);
    }

    @Override
    public long flops() {
      return product(x, w.shape().rows(), w.shape().cols());
    }
  }

  /** dx = alpha·dy·w + addend. */
  record LinearInputGrad(Value dy, Value w, Optional<Value> addend, double alpha, Value dx) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, w, addend);
    }

    @Override
    public List<Value> outputs() {
      return list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return list(addend);
    }

    @Override
    public long flops() {
      return product(dy, w.shape().rows(), w.shape().cols());
    }
  }

  /** dw += alpha·dyᵀ·x. */
  record LinearWeightGrad(Value dy, Value x, double alpha, Value dw) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, x);
    }

    @Override
    public List<Value> outputs() {
      return list(dw);
    }

    @Override
    public long flops() {
      return product(dy, dw.shape().rows(), dw.shape().cols());
    }
  }

  /** sums += Σ over rows of x. */
  record ColumnSum(Value x, Value sums) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x);
    }

    @Override
    public List<Value> outputs() {
      return list(sums);
    }
  }

  /**
   * y[i] = table[ids[i]] + addend[i]; an id of −1 gives zeros.
   *
   * @param inverse for a table that is an activation, whose rows are used at most once: the row of y that reads each row of the
   *     table, or −1. Needed where a gradient flows to the table.
   */
  record Gather(Value table, Value ids, Optional<Value> inverse, Optional<Value> addend, Value y) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(table, ids, inverse, addend);
    }

    @Override
    public List<Value> outputs() {
      return list(y);
    }

    @Override
    public List<Value> inPlace() {
      return list(addend);
    }
  }

  /** The inverse of an id list with repetitions, built by the host: see {@link io.github.lora4j.vector.Kernels#scatterAdd}. */
  record ScatterIndex(Value unique, Value starts, Value order) {}

  /** table[unique[u]] += Σ dy[order[j]]. */
  record ScatterAdd(Value dy, ScatterIndex index, Value table) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, index.unique, index.starts, index.order);
    }

    @Override
    public List<Value> outputs() {
      return list(table);
    }
  }

  /** y = layer norm of x; stats keeps (mean, rstd). */
  record LayerNorm(Value x, Value gamma, Value beta, double eps, Value y, Value stats) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, gamma, beta);
    }

    @Override
    public List<Value> outputs() {
      return list(y, stats);
    }

    @Override
    public List<Value> inPlace() {
      return list(x);
    }
  }

  /** dx of a layer norm, plus addend. */
  record LayerNormGrad(Value dy, Value x, Value stats, Value gamma, Optional<Value> addend, Value dx) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, x, stats, gamma, addend);
    }

    @Override
    public List<Value> outputs() {
      return list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return list(addend, dy);
    }
  }

  /** dgamma += Σ dy·x̂; dbeta += Σ dy. */
  record LayerNormParamGrad(Value dy, Value x, Value stats, Optional<Value> dgamma, Optional<Value> dbeta) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, x, stats);
    }

    @Override
    public List<Value> outputs() {
      return list(dgamma, dbeta);
    }
  }

  /** out = x + y. */
  record Add(Value x, Value y, Value out) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, y);
    }

    @Override
    public List<Value> outputs() {
      return list(out);
    }

    @Override
    public List<Value> inPlace() {
      return list(x, y);
    }
  }

  /** out = x · y, element by element. */
  record Multiply(Value x, Value y, Value out) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, y);
    }

    @Override
    public List<Value> outputs() {
      return list(out);
    }

    @Override
    public List<Value> inPlace() {
      return list(x, y);
    }
  }

  /** out = alpha · x. */
  record Scale(Value x, double alpha, Value out) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x);
    }

    @Override
    public List<Value> outputs() {
      return list(out);
    }

    @Override
    public List<Value> inPlace() {
      return list(x);
    }
  }

  /** y = f(x). */
  record Activate(Activation f, Value x, Value y) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x);
    }

    @Override
    public List<Value> outputs() {
      return list(y);
    }

    @Override
    public List<Value> inPlace() {
      return list(x);
    }
  }

  /** dx = dy · f'(x). */
  record ActivateGrad(Activation f, Value x, Value dy, Value dx) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, dy);
    }

    @Override
    public List<Value> outputs() {
      return list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return list(dy, x);
    }
  }

  /**
   * Attention over segments; q and out on one axis, k and v on another or the same. Segments share neither query nor key rows;
   * query rows of no segment give zeros, and rows that are neither queries nor keys of any have zero gradients.
   *
   * @param segments I32 [segments, 5] = (query start, query length, key start, key length, position offset)
   * @param maxLength the most keys of a segment
   */
  record Attention(AttentionSpec spec, Value q, Value k, Value v, Value segments, int maxLength, Value out, Value lse) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(q, k, v, segments);
    }

    @Override
    public List<Value> outputs() {
      return list(out, lse);
    }

    @Override
    public long flops() {
      return 4L * q.shape().rows() * Math.min(maxLength, k.shape().rows()) * q.shape().cols();
    }
  }

  /** Gradients of {@link Attention}; each of dq, dk, dv only where something needs it. The output is not read, so nothing keeps it. */
  record AttentionGrad(Attention forward, Value dout, Optional<Value> dq, Optional<Value> dk, Optional<Value> dv) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(forward.q, forward.k, forward.v, forward.segments, forward.lse, dout);
    }

    @Override
    public List<Value> outputs() {
      return list(dq, dk, dv);
    }

    @Override
    public long flops() {
      return forward.flops() / 2 * (2 + list(dq, dk, dv).size());
    }
  }

  /** y[i] = mean of the rows of x in range i; ranges I32 [rows of y, 2] = (start, length). */
  record RangeMean(Value x, Value ranges, Value y) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, ranges);
    }

    @Override
    public List<Value> outputs() {
      return list(y);
    }
  }

  /** dx = dy / length, spread over each range, plus addend. Ranges do not overlap; rows outside all of them get the addend alone. */
  record RangeMeanGrad(Value dy, Value ranges, Optional<Value> addend, Value dx) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, ranges, addend);
    }

    @Override
    public List<Value> outputs() {
      return list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return list(addend);
    }
  }

  /** y = x / max(‖x‖, eps), row by row. */
  record L2Normalize(Value x, double eps, Value y, Value norms) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x);
    }

    @Override
    public List<Value> outputs() {
      return list(y, norms);
    }

    @Override
    public List<Value> inPlace() {
      return list(x);
    }
  }

  /** dx of {@link L2Normalize} for rows longer than its eps, which is there for rows of zeros. */
  record L2NormalizeGrad(Value dy, Value y, Value norms, Value dx) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(dy, y, norms);
    }

    @Override
    public List<Value> outputs() {
      return list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return list(dy);
    }
  }

  /**
   * Inverted dropout; its own gradient.
   *
   * @param site a stable hash of the site's name
   */
  record Dropout(Value x, Value rowKeys, Value random, int site, double p, Value out) implements Basic {
    @Override
    public List<Value> inputs() {
      return list(x, rowKeys, random);
    }

    @Override
    public List<Value> outputs() {
      return list(out);
    }

    @Override
    public List<Value> inPlace() {
      return list(x);
    }
  }
}
