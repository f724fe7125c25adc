package io.github.lora4j.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What cannot be right is refused while recording, with the site, what was expected and what was given. */
class RecordingErrorsTest {

  private final ProgramBuilder b = new ProgramBuilder();
  private final RowAxis tokens = b.axis("tokens", 8);
  private final Graph g = b.entry("step");
  private final Value x = b.input("x", Shape.of(tokens, 5));

  private static void refused(Executable recording, String... parts) {
    String message = assertThrows(ConfigException.class, recording).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "expected \"" + part + "\" in: " + message);
    }
  }

  @Test
  void shapeErrorsNameTheSiteItsRegionAndBothShapes() {
    Value w = b.frozen("layers.3.query.weight", Shape.of(7, 6));
    refused(() -> g.region("layer 3", () -> g.linear(x, w)),
        "linear(layers.3.query.weight) in layer 3", "weight is [7, 6] but input is [tokens, 5]");
    Value fits = b.frozen("w", Shape.of(7, 5));
    refused(() -> g.linear(x, fits, b.frozen("bias", Shape.vector(5))), "linear(bias)", "[1, 5]", "[tokens, 7]");
    refused(() -> g.linearOnto(x, fits, x, 1), "linear addend(w)", "expected [tokens, 7] but got [tokens, 5]");
    refused(() -> g.add(x, b.input("y", Shape.of(tokens, 4))), "add(x)", "[tokens, 4]");
    refused(() -> g.multiply(x, b.input("z", Shape.of(8, 5))), "multiply(x)", "[8, 5]");
    refused(() -> g.layerNorm(x, b.frozen("gamma", Shape.vector(4)), b.frozen("beta", Shape.vector(5)), 1e-5), "layerNorm(gamma)");
    refused(() -> g.embedding(x, x), "gather(x)", "ids must be integers");
    Value ids = b.table("ids", Shape.of(3, 1));
    refused(() -> g.gather(x, ids, ids), "gather(x)", "the inverse must be integers");
    Value segments = b.table("segments", Shape.of(2, 5));
    refused(() -> g.attention(new AttentionSpec(2, 2, 3, 1, false), x, x, x, segments, 8), "attention(x)", "2 heads of 3 need 6 columns");
    refused(() -> g.attention(new AttentionSpec(1, 1, 5, 1, false), x, x, x, ids, 8), "attention(x)", "[segments, 5]");
    refused(() -> g.loss(Loss.CROSS_ENTROPY, x, b.input("floats", Shape.of(tokens, 1))), "loss(floats)", "CROSS_ENTROPY");
    refused(() -> g.rangeMean(x, ids), "rangeMean(x)", "[3, 1]");
    refused(() -> g.inBatchNegatives(x, b.input("other", Shape.of(tokens, 6)), 1), "inBatchNegatives(x)");
    refused(() -> g.addSum(x, b.input("sum", Shape.vector(1))), "addSum(sum)", "state [1, 1]");
  }

  @Test
  void dropoutWantsKeysForItsRowsAndAProbability() {
    Value keys = b.table("keys", Shape.of(tokens, 2));
    Value random = b.table("random", Shape.vector(3));
    refused(() -> g.dropout(x, keys, random, "layers.0.dropout", 1), "dropout(layers.0.dropout)", "[0, 1)");
    refused(() -> g.dropout(x, b.table("few", Shape.of(4, 2)), random, "site", 0.1), "dropout(site)", "[tokens, 2]", "[4, 2]");
    refused(() -> g.dropout(x, keys, keys, "site", 0.1), "dropout(site)", "[1, 3]");
    assertSame(x, g.dropout(x, keys, random, "site", 0), "nothing is recorded for a probability of 0");
  }

  @Test
  void aSlotIsTheSameUnderOneNameAndMustAgreeWithItself() {
    assertSame(x, b.input("x", Shape.of(tokens, 5)));
    refused(() -> b.input("x", Shape.of(tokens, 6)), "slot x", "[tokens, 5]", "[tokens, 6]");
    refused(() -> b.frozen("x", Shape.of(tokens, 5)), "INPUT", "FROZEN");
    refused(() -> b.table("x", Shape.of(tokens, 5)), "F32", "I32");
    b.trainable("w", Shape.of(2, 2), 0);
    refused(() -> b.trainable("w", Shape.of(2, 2), 1), "trainable w is in parameter group 0", "group 1");
    refused(() -> b.frozen("w", Shape.of(2, 2)), "TRAINABLE");
    refused(() -> b.axis("tokens", 9), "row axis tokens", "capacity 8", "9");
    refused(() -> b.axis("none", 0), "row axis none", "0");
    refused(() -> b.input("far", Shape.of(new RowAxis("elsewhere", 3), 1)), "slot far", "elsewhere");
    refused(() -> b.entry("step"), "entry step");
  }

  @Test
  void valuesStayInTheirEntry() {
    Value y = g.scale(x, 2);
    Graph other = b.entry("other");
    refused(() -> other.scale(y, 2), "x.scaled", "another entry");
    refused(() -> other.output("y", y), "another entry");
  }

  @Test
  void anEntryIsDifferentiatedOnceFromOneLoss() {
    Value labels = b.input("labels", Shape.of(tokens, 5));
    Value first = g.loss(Loss.MSE, x, labels);
    refused(() -> g.backward(first), "nothing trains");
    Graph two = b.entry("two");
    Value w = b.trainable("w", Shape.of(5, 5), 0);
    Value y = two.linear(x, w);
    refused(() -> two.backward(y), "backward(two)", "only a value [rows, 1] that this entry computes", "w.y[tokens, 5]");
    Value loss = two.loss(Loss.MSE, y, labels);
    two.backward(loss);
    refused(() -> two.backward(loss), "backward(two)", "already");
    Graph three = b.entry("three");
    Value z = three.linear(x, w);
    three.loss(Loss.MSE, z, labels);
    Value last = three.loss(Loss.MSE, z, labels);
    refused(() -> three.backward(last), "does not reach the loss");
  }

  @Test
  void gradientsThatCannotFlowAreRefused() {
    Value w = b.trainable("w", Shape.of(5, 5), 0);
    Value ids = b.table("ids", Shape.of(3, 1));
    Value labels = b.input("labels", Shape.of(3, 5));
    Value picked = g.embedding(g.linear(x, w), ids);
    Value loss = g.loss(Loss.MSE, picked, labels);
    refused(() -> g.backward(loss), "the ids need an inverse");
    Graph unused = b.entry("unused");
    Value used = unused.linear(x, w);
    unused.scale(used, 2);
    Value usedLoss = unused.loss(Loss.MSE, used, b.input("all", Shape.of(tokens, 5)));
    refused(() -> unused.backward(usedLoss), "does not reach the loss");
    Graph direct = b.entry("direct");
    Value product = direct.multiply(w, b.frozen("mask", Shape.of(5, 5)));
    Value weightLoss = direct.loss(Loss.MSE, direct.linear(x, product), b.input("all", Shape.of(tokens, 5)));
    refused(() -> direct.backward(weightLoss), "linear(w*)", "no gradient flows to a computed weight");
  }

  @Test
  void aTableThatTrainsHasItsIdsInverted() {
    Value ids = b.table("ids", Shape.of(tokens, 1));
    Value loss = g.loss(Loss.MSE, g.embedding(b.trainable("table", Shape.of(9, 5), 0), ids), x);
    g.backward(loss);
    assertTrue(b.find("ids.unique").isPresent() && b.find("ids.starts").isPresent() && b.find("ids.order").isPresent());
    assertSame(b.find("ids.unique").orElseThrow(), b.scatterIndex(ids).unique(), "declared once");
  }

  @Test
  void anOptimizerNeedsHyperparametersForItsGroups() {
    OptimizerSpec spec = new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.0, 0.1), 1);
    Value one = b.state("sum", Shape.vector(1));
    Value report = b.state("report", Shape.vector(3));
    refused(() -> g.optimizerStep(spec, b.input("hyper", Shape.vector(3)), one, one, report), "optimizerStep(hyper)", "2 parameter groups",
        "[1, 4]", "[1, 3]");
    refused(() -> g.optimizerStep(spec, b.input("hyper4", Shape.vector(4)), one, one, one), "optimizerStep(sum)", "[1, 3]");
    refused(() -> new OptimizerSpec(OptimizerSpec.Kind.SGD, 1, 0, 0, List.of(), 0), "betas");
  }

  @Test
  void hashesOfSitesNeverChange() {
    assertEquals(0x811C9DC5, Graph.siteHash(""));
    assertEquals(0xE40C292C, Graph.siteHash("a"));
    assertEquals(0xBF9CF968, Graph.siteHash("foobar"));
  }
}
