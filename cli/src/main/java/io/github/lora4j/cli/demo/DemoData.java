package io.github.lora4j.cli.demo;

import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the demo trains on and what it is tried on.
 *
 * @param train pairs to learn from; none asks a question of {@code heldOut}
 * @param test the pairs whose queries are scored: at most {@value #TEST_LIMIT} of {@code heldOut}
 * @param heldOut every pair that training never sees; all its signatures are searched, by scored and by typed queries
 */
record DemoData(List<Pair> train, List<Pair> test, List<Pair> heldOut) {

  static final int TEST_LIMIT = 1000;
  /** One class in this many is held out of a user's own library. */
  static final int HOLD_OUT = 10;

  /** Trains on some libraries and holds another one out whole. */
  public static DemoData libraries(List<JavadocPairs> train, JavadocPairs heldOut) {
    return of(train.stream().flatMap(library -> library.pairs().stream()).toList(), heldOut.pairs());
  }

  /**
   * Holds a tenth of the source files of the user's own libraries out, chosen by a hash of the path, so that the choice
   * stays when the library grows.
   *
   * @throws FormatException when that leaves nothing on one side
   */
  public static DemoData ownSources(List<JavadocPairs> libraries) {
    List<Pair> train = new ArrayList<>();
    List<Pair> heldOut = new ArrayList<>();
    for (JavadocPairs library : libraries) {
      for (Pair pair : library.pairs()) {
        (hash(pair.file()) % HOLD_OUT == 0 ? heldOut : train).add(pair);
      }
    }
    DemoData data = of(train, JavadocPairs.unique(heldOut));
    if (data.train.isEmpty() || data.test.isEmpty()) {
      throw new FormatException(libraries.stream().map(library -> library.jar().toString()).toList() + ": too small to learn from: "
          + data.train.size() + " methods to train on and " + data.test.size()
          + " to test on after holding out one class in " + HOLD_OUT + "; give more or larger -sources.jar files");
    }
    return data;
  }

  private static DemoData of(List<Pair> train, List<Pair> heldOut) {
    Set<String> asked = new HashSet<>(heldOut.stream().map(pair -> JavadocPairs.key(pair.query())).toList());
    List<Pair> unseen = train.stream().filter(pair -> !asked.contains(JavadocPairs.key(pair.query()))).toList();
    List<Pair> test = heldOut.stream().sorted(Comparator.<Pair>comparingInt(pair -> hash(pair.signature()))
        .thenComparing(Pair::signature)).limit(TEST_LIMIT).toList();
    return new DemoData(JavadocPairs.unique(unseen), test, List.copyOf(heldOut));
  }

  /** A spread, never negative hash that is the same everywhere (the finalizer of MurmurHash3 over String.hashCode). */
  static int hash(String text) {
    int h = text.hashCode();
    h = (h ^ h >>> 16) * 0x85ebca6b;
    h = (h ^ h >>> 13) * 0xc2b2ae35;
    return (h ^ h >>> 16) & 0x7fffffff;
  }

  /** Reads jars, several at a time; the order of the result is that of the jars. */
  static List<JavadocPairs> read(List<Path> jars) {
    return jars.parallelStream().map(JavadocPairs::read).toList();
  }

  /** What is searched: the signatures of all held-out pairs. */
  public List<String> signatures() {
    return heldOut.stream().map(Pair::signature).toList();
  }
}
