package io.github.lora4j.generate.sampling;

/** Processors that say what is left to draw from. Each leaves at least one token. */
final class Filters {

  private Filters() {}

  /** scores / t. */
  static LogitsProcessor temperature(double t) {
    float divisor = (float) t;
    return scores -> {
      float[] values = scores.values();
      for (int i = 0; i < values.length; i++) {
        values[i] /= divisor;
      }
    };
  }

  /** The k tokens with the highest scores, and all that tie with the last of them. */
  static LogitsProcessor topK(int k) {
    return scores -> {
      float[] values = scores.values();
      if (k >= values.length) {
        return;
      }
      Ranking ranking = ranked(scores);
      int least = 0;
      for (int i = 0; i < k; i++) {
        least = ranking.next();
      }
      float limit = values[least];
      for (int i = 0; i < values.length; i++) {
        if (values[i] < limit) {
          values[i] = Scores.IMPOSSIBLE;
        }
      }
    };
  }

  /** The fewest likely tokens whose probabilities reach p together (Holtzman et al. 2020). */
  static LogitsProcessor topP(double p) {
    return scores -> {
      double[] probabilities = scores.probabilities();
      Ranking ranking = ranked(scores);
      double mass = probabilities[ranking.next()];
      while (mass < p && ranking.size() > 0) {
        mass += probabilities[ranking.next()];
      }
      for (int i = 0; i < ranking.size(); i++) {
        scores.forbid(ranking.left(i));
      }
    };
  }

  /** Tokens at least p times as likely as the likeliest. */
  static LogitsProcessor minP(double p) {
    return scores -> {
      double[] probabilities = scores.probabilities();
      forbidBelow(scores, probabilities, p * probabilities[scores.best()]);
    };
  }

  /** Tokens at least this likely. */
  static LogitsProcessor epsilon(double epsilon) {
    return scores -> forbidBelow(scores, scores.probabilities(), epsilon);
  }

  /** Tokens more likely than min(η, √η·exp(−entropy)) (Hewitt et al. 2022). */
  static LogitsProcessor eta(double eta) {
    return scores -> {
      double[] probabilities = scores.probabilities();
      forbidBelow(scores, probabilities, Math.min(eta, Math.sqrt(eta) * Math.exp(-entropy(probabilities))));
    };
  }

  /** The fewest tokens whose information is nearest to the entropy and whose probabilities reach the mass together (Meister et al. 2022). */
  static LogitsProcessor typical(double mass) {
    return scores -> {
      double[] probabilities = scores.probabilities();
      double entropy = entropy(probabilities);
      Ranking ranking = scores.ranking();
      ranking.clear();
      float[] values = scores.values();
      for (int i = 0; i < values.length; i++) {
        if (values[i] != Scores.IMPOSSIBLE) {
          ranking.add(i, -distance(probabilities[i], entropy));
        }
      }
      ranking.ready();
      int last = ranking.next();
      double sum = probabilities[last];
      while (sum < mass && ranking.size() > 0) {
        last = ranking.next();
        sum += probabilities[last];
      }
      float limit = distance(probabilities[last], entropy);
      for (int i = 0; i < values.length; i++) {
        if (distance(probabilities[i], entropy) > limit) {
          values[i] = Scores.IMPOSSIBLE;
        }
      }
    };
  }

  /** Scores as log-probabilities. */
  static void renormalize(Scores scores) {
    float[] values = scores.values();
    double max = scores.max();
    double sum = 0;
    for (float value : values) {
      sum += Math.exp(value - max);
    }
    double shift = max + Math.log(sum);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] - shift);
    }
  }

  private static float distance(double probability, double entropy) {
    return (float) Math.abs(-Math.log(probability) - entropy);
  }

  private static double entropy(double[] probabilities) {
    double entropy = 0;
    for (double p : probabilities) {
      if (p > 0) {
        entropy -= p * Math.log(p);
      }
    }
    return entropy;
  }

  private static void forbidBelow(Scores scores, double[] probabilities, double limit) {
    float[] values = scores.values();
    float max = scores.max();
    for (int i = 0; i < values.length; i++) {
      if (probabilities[i] < limit && values[i] < max) {
        values[i] = Scores.IMPOSSIBLE;
      }
    }
  }

  private static Ranking ranked(Scores scores) {
    Ranking ranking = scores.ranking();
    ranking.clear();
    float[] values = scores.values();
    for (int i = 0; i < values.length; i++) {
      ranking.add(i, values[i]);
    }
    ranking.ready();
    return ranking;
  }
}
