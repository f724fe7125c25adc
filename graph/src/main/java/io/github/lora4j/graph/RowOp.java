package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Ops that pick rows or sum ranges of them; see {@link Op}. */
public sealed interface RowOp extends Op {

  /**
   * y[i] = table[ids[i]] + addend[i]; an id of −1 gives zeros.
   *
   * @param inverse for a table that is an activation, whose rows are used at most once: the row of y that reads each row of the
   *     table, or −1. Needed where a gradient flows to the table.
   * @param byFrequency whether the gradient of a table that trains is the mean over the rows that read an entry, not their sum: torch's
   *     {@code scale_grad_by_freq}
   */
  record Gather(Value table, Value ids, Optional<Value> inverse, Optional<Value> addend, boolean byFrequency, Value y) implements RowOp {
    @Override
    public List<Value> inputs() {
      return Op.list(table, ids, inverse, addend);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(addend);
    }

    @Override
    public void check(OpCheck check) {
      check.that(ids.integer() && ids.shape().cols() == 1, "gather", table.name(), "ids must be integers [rows, 1], got %s %s", ids.type(),
          ids.shape());
      inverse.ifPresent(i -> check.that(i.integer() && i.shape().cols() == 1 && i.shape().sameRows(table.shape()), "gather", table.name(),
          "the inverse must be integers with a row for each of %s, got %s", table.shape(), i.shape()));
      addend.ifPresent(a -> check.same("gather addend", table.name(), a.shape(), y.shape()));
    }

    @Override
    public void gradient(Gradients g) {
      Value dy = g.grad(y);
      if (table.role() == Value.Role.TRAINABLE) {
        g.record(new ScatterAdd(dy, g.scatterIndex(ids), byFrequency, g.slot(table)));
      } else if (g.needs(table)) {
        Value back = inverse.orElseThrow(() -> new ConfigException("gather(%s): a gradient flows to the table, so the ids need an inverse"
            .formatted(table.name())));
        g.extend(table, (more, d) -> new Gather(dy, back, Optional.of(ids), more, false, d));
      }
      addend.ifPresent(a -> g.passOn(a, dy));
    }

    @Override
    public List<Followed> followed() {
      return List.of(new Followed(ids, table.shape().rows(), Set.of(-1), "ids of " + table.name()));
    }
  }

  /** The inverse of an id list with repetitions, built by the host: see {@link io.github.lora4j.vector.Kernels#scatterAdd}. */
  record ScatterIndex(Value unique, Value starts, Value order) {}

  /**
   * table[unique[u]] += Σ dy[order[j]], or their mean.
   *
   * @param mean whether sums are divided by the number of their rows
   */
  record ScatterAdd(Value dy, ScatterIndex index, boolean mean, Value table) implements RowOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, index.unique, index.starts, index.order);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(table);
    }
  }

  /**
   * state[rows[i]] = x[i]: new rows of a cache, each written once in a run. Rows that are not named stay; no gradient flows through.
   *
   * @param rows I32 [rows of x, 1]
   */
  record AppendRows(Value x, Value rows, Value state) implements RowOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(x, rows);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(state);
    }

    @Override
    public void check(OpCheck check) {
      check.that(rows.integer() && rows.shape().equals(x.shape().withCols(1)), "appendRows", state.name(), "rows must be integers %s, got %s %s",
          x.shape().withCols(1), rows.type(), rows.shape());
      check.that(state.role() == Value.Role.STATE && state.shape().cols() == x.shape().cols(), "appendRows", state.name(),
          "rows are appended to a state of %d columns, got %s %s", x.shape().cols(), state.role(), state.shape());
    }

    @Override
    public List<Followed> followed() {
      return List.of(new Followed(rows, state.shape().rows(), Set.of(), "rows of " + state.name()));
    }
  }

  /**
   * y[i] = sum of the rows of x in range i, or their mean; ranges I32 [rows of y, 2] = (start, length). No rows give zeros.
   *
   * @param mean whether sums are divided by the length
   */
  record RangeSum(Value x, Value ranges, boolean mean, Value y) implements RowOp {
    @Override
    public List<Value> inputs() {
      return Op.list(x, ranges);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(y);
    }

    @Override
    public void check(OpCheck check) {
      check.table(mean ? "rangeMean" : "rangeSum", x.name(), "ranges", ranges, 2);
    }

    @Override
    public void gradient(Gradients g) {
      g.extend(x, (addend, d) -> new RangeSumGrad(g.grad(y), ranges, mean, addend, d));
    }
  }

  /**
   * dx = dy, or dy / length, spread over each range, plus addend. Ranges do not overlap; rows outside all of them get the addend alone.
   */
  record RangeSumGrad(Value dy, Value ranges, boolean mean, Optional<Value> addend, Value dx) implements RowOp, Op.NoGradient {
    @Override
    public List<Value> inputs() {
      return Op.list(dy, ranges, addend);
    }

    @Override
    public List<Value> outputs() {
      return Op.list(dx);
    }

    @Override
    public List<Value> inPlace() {
      return Op.list(addend);
    }
  }
}
