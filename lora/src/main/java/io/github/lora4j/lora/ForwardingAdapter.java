package io.github.lora4j.lora;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.lora.parameters.ParameterGroup;
import io.github.lora4j.lora.parameters.WeightChange;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * An adapter around another, which it forwards everything to: whoever extends it overrides what it changes and nothing else. An adapter
 * around another that implements {@link Adapter} itself would have the defaults, not the other's answers, wherever it says nothing.
 */
public abstract class ForwardingAdapter implements Adapter {

  private final Adapter of;

  /** Around this adapter. */
  protected ForwardingAdapter(Adapter of) {
    this.of = of;
  }

  /** The adapter that it is around. */
  public final Adapter adapter() {
    return of;
  }

  @Override
  public List<AdapterParameter> parameters() {
    return of.parameters();
  }

  @Override
  public List<String> notes() {
    return of.notes();
  }

  @Override
  public void module(ModuleInfo module) {
    of.module(module);
  }

  @Override
  public void alias(String parameter, String source) {
    of.alias(parameter, source);
  }

  @Override
  public void order(String module, List<String> children) {
    of.order(module, children);
  }

  @Override
  public AttentionSite attention(Sites recording, AttentionSite site) {
    return of.attention(recording, site);
  }

  @Override
  public Value linearInput(Sites recording, String module, Value x) {
    return of.linearInput(recording, module, x);
  }

  @Override
  public Value linear(Sites recording, LinearSite site, Value y) {
    return of.linear(recording, site, y);
  }

  @Override
  public Value convolution(Sites recording, ConvolutionSite site, Value y) {
    return of.convolution(recording, site, y);
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite site, Value y) {
    return of.embedding(recording, site, y);
  }

  @Override
  public Value blockOutput(Sites recording, String module, Value y) {
    return of.blockOutput(recording, module, y);
  }

  @Override
  public boolean untied(String module) {
    return of.untied(module);
  }

  @Override
  public boolean frozen(String parameter) {
    return of.frozen(parameter);
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    return of.trainableGroup(parameter);
  }

  @Override
  public VirtualTokens virtualTokens() {
    return of.virtualTokens();
  }

  @Override
  public void recordPrepare(ProgramBuilder program) {
    of.recordPrepare(program);
  }

  @Override
  public List<ParameterGroup> groups() {
    return of.groups();
  }

  @Override
  public void recordBeforeUpdate(Graph apply, Value count) {
    of.recordBeforeUpdate(apply, count);
  }

  @Override
  public boolean recordAfterUpdate(ProgramBuilder program, Value report) {
    return of.recordAfterUpdate(program, report);
  }

  @Override
  public Optional<StepHook> hook(int steps) {
    return of.hook(steps);
  }

  @Override
  public Map<String, BaseNorm> baseNorms() {
    return of.baseNorms();
  }

  @Override
  public Map<String, BaseRows> baseRows() {
    return of.baseRows();
  }

  @Override
  public Map<String, float[]> constants(AdapterValues values) {
    return of.constants(values);
  }

  @Override
  public Map<String, BaseStart> baseStarts() {
    return of.baseStarts();
  }

  @Override
  public long refresh(Executable executable, long written) {
    return of.refresh(executable, written);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return of.peftConfig();
  }

  @Override
  public String basePrefix() {
    return of.basePrefix();
  }

  @Override
  public List<StoredCopy> storedCopies() {
    return of.storedCopies();
  }

  @Override
  public Optional<LoadedAdapter> stored(AdapterValues values) {
    return of.stored(values);
  }

  @Override
  public Optional<LoadedAdapter> runnable(AdapterValues values) {
    return of.runnable(values);
  }

  @Override
  public LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start) {
    return of.onUntouchedBase(values, start);
  }

  @Override
  public Map<String, WeightChange> weightChanges(AdapterValues values) {
    return of.weightChanges(values);
  }

  @Override
  public Set<String> sharedChanges() {
    return of.sharedChanges();
  }

  @Override
  public LoadedAdapter mergeable(AdapterValues values) {
    return of.mergeable(values);
  }

  @Override
  public LoadedAdapter toLora(AdapterValues values) {
    return of.toLora(values);
  }
}
