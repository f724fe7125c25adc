package io.github.lora4j.adalora;

import io.github.lora4j.adalora.AdaLoraAdapter.Site;
import io.github.lora4j.adalora.BudgetSchedule.Convention;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.TrainingException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The schedule of one run. After each update: importance of this step's gradients, as long as the budget falls; then, at the steps the
 * schedule names, new masks. Singular values that were masked keep their factors, whose training may bring them back at the next choice.
 */
final class AdaLoraSteps implements StepHook {

  private final AdaLoraAdapter adapter;
  private final BudgetSchedule schedule;
  private final UnaryOperator<Map<String, float[]>> judge;
  private final Map<String, boolean[]> kept = new LinkedHashMap<>();
  private int step;

  AdaLoraSteps(AdaLoraAdapter adapter, BudgetSchedule schedule) {
    this(adapter, schedule, UnaryOperator.identity());
  }

  /** With importance judged otherwise, for experiments. */
  AdaLoraSteps(AdaLoraAdapter adapter, BudgetSchedule schedule, UnaryOperator<Map<String, float[]>> judge) {
    this.adapter = adapter;
    this.schedule = schedule;
    this.judge = judge;
    boolean ever = false;
    for (int done = 1; done <= schedule.total() && !ever; done++) {
      ever = schedule.chooses(number(done));
    }
    if (!ever) {
      throw new ConfigException(("adalora: no step of the run's %d allocates ranks, so they would never move: tinit %d, tfinal %d, deltaT %d; "
          + "lower deltaT or train longer").formatted(schedule.total(), schedule.tinit(), schedule.tfinal(), schedule.deltaT()));
    }
    adapter.sites().forEach((module, site) -> {
      boolean[] all = new boolean[site.rank()];
      java.util.Arrays.fill(all, true);
      kept.put(module, all);
    });
  }

  /** The authors count steps from 0, PEFT's examples from 1. */
  private int number(int done) {
    return schedule.convention() == Convention.AUTHORS ? done - 1 : done;
  }

  @Override
  public List<String> afterUpdate(Executable executable, int done) {
    step = number(done);
    int end = schedule.total() - schedule.tfinal();
    if (step < end) {
      executable.run(AdaLoraAdapter.IMPORTANCE);
    }
    if (!schedule.chooses(step)) {
      return List.of();
    }
    boolean settled = schedule.convention() == Convention.PEFT && step > end;
    if (!settled) {
      Map<String, float[]> scores = judge.apply(scores(executable));
      float largest = 0;
      for (float[] s : scores.values()) {
        for (float score : s) {
          largest = Math.max(largest, score);
        }
      }
      if (largest == 0) {
        return List.of(("adalora: every importance is 0 at step %d, so no singular value was pruned; either no gradient reaches the adapted "
            + "modules, or B and A have not moved yet").formatted(done));
      }
      kept.putAll(RankAllocator.allocate(scores, schedule.budget(step)));
    }
    adapter.sites().values().forEach(site -> {
      boolean[] bits = Objects.requireNonNull(kept.get(site.module()), site.module());
      float[] mask = new float[bits.length];
      for (int i = 0; i < bits.length; i++) {
        mask[i] = bits[i] ? 1 : 0;
      }
      executable.write(slot(executable.program(), site.mask()), mask, mask.length);
    });
    executable.run(AdaLoraAdapter.MASK);
    return List.of();
  }

  private Map<String, float[]> scores(Executable executable) {
    Map<String, float[]> scores = new LinkedHashMap<>();
    for (Site site : adapter.sites().values()) {
      scores.put(site.module(), executable.floats(slot(executable.program(), site.scores())));
    }
    return scores;
  }

  private static Value slot(Program program, String name) {
    return program.slot(name).orElseThrow(() -> new IllegalStateException(name + " was not recorded"));
  }

  @Override
  public List<Value> state(Program program) {
    List<Value> slots = new ArrayList<>();
    for (Site site : adapter.sites().values()) {
      slots.add(slot(program, site.scores()));
      for (AdapterParameter p : List.of(site.a(), site.e(), site.b())) {
        slots.add(slot(program, p.slot() + ".exp_avg_ipt"));
        slots.add(slot(program, p.slot() + ".exp_avg_unc"));
      }
    }
    return slots;
  }

  @Override
  public Map<String, String> hostState() {
    Map<String, String> state = new LinkedHashMap<>();
    kept.forEach((module, bits) -> state.put(module, RankAllocator.text(bits)));
    return state;
  }

  @Override
  public void restore(Map<String, String> hostState) {
    if (!hostState.keySet().equals(kept.keySet())) {
      throw new ConfigException("the checkpoint holds AdaLoRA ranks of other modules: %s, expected %s".formatted(hostState.keySet(), kept.keySet()));
    }
    hostState.forEach((module, bits) -> kept.put(module, RankAllocator.bits(bits)));
  }

  @Override
  public Optional<Ranks> ranks(Executable executable) {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    kept.forEach((module, bits) -> ranks.put(module, RankAllocator.count(bits)));
    double penalty = executable.program().slot(AdaLoraAdapter.ORTHOGONALITY).map(slot -> (double) executable.floats(slot)[0]).orElse(0.0);
    return Optional.of(new Ranks(schedule.budget(step), ranks, penalty));
  }

  @Override
  public LoadedAdapter finish(AdapterValues values) {
    if (kept.values().stream().allMatch(bits -> RankAllocator.count(bits) == bits.length)) {
      throw new TrainingException("adalora: no rank ever moved: every importance was 0 whenever ranks were allocated; is anything "
          + "frozen that should train?");
    }
    Map<String, List<Boolean>> pattern = new LinkedHashMap<>();
    kept.forEach((module, bits) -> pattern.put(module, RankAllocator.list(bits)));
    AdaLoraConfig config = adapter.config().withRankPattern(pattern, schedule);
    return AdaLoraExport.resized(adapter, new AdaLoraAdapter(config, adapter.lora()), values);
  }
}
