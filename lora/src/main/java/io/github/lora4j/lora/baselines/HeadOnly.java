package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.ForwardingAdapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.StepHook;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What an adapter trained of the base model itself, a head as a rule, without what it adds to it: what an adapter is compared with. */
public final class HeadOnly extends ForwardingAdapter {

  /** That part of an adapter. */
  public HeadOnly(Adapter of) {
    super(of);
  }

  @Override
  public List<AdapterParameter> parameters() {
    return adapter().parameters().stream().filter(AdapterParameter::ofBase).toList();
  }

  @Override
  public AttentionSite attention(Sites recording, AttentionSite site) {
    return site;
  }

  @Override
  public Value linearInput(Sites recording, String module, Value x) {
    return x;
  }

  @Override
  public Value linear(Sites recording, LinearSite site, Value y) {
    return y;
  }

  @Override
  public Value convolution(Sites recording, ConvolutionSite site, Value y) {
    return y;
  }

  @Override
  public Value embedding(Sites recording, EmbeddingSite site, Value y) {
    return y;
  }

  @Override
  public Value blockOutput(Sites recording, String module, Value y) {
    return y;
  }

  @Override
  public VirtualTokens virtualTokens() {
    return VirtualTokens.NONE;
  }

  @Override
  public void recordPrepare(ProgramBuilder program) { }

  @Override
  public void recordBeforeUpdate(Graph apply, Value count) { }

  @Override
  public boolean recordAfterUpdate(ProgramBuilder program, Value report) {
    return false;
  }

  @Override
  public Optional<StepHook> hook(int steps) {
    return Optional.empty();
  }

  @Override
  public Map<String, BaseNorm> baseNorms() {
    return Map.of();
  }

  @Override
  public Map<String, BaseRows> baseRows() {
    return Map.of();
  }

  @Override
  public Map<String, float[]> constants(AdapterValues values) {
    return Map.of();
  }

  @Override
  public Map<String, BaseStart> baseStarts() {
    return Map.of();
  }

  @Override
  public long refresh(Executable executable, long written) {
    return written;
  }

  @Override
  public Map<String, Object> peftConfig() {
    throw new ConfigException("a head alone is part of an adapter, not one to be saved: save the adapter");
  }

  @Override
  public List<StoredCopy> storedCopies() {
    return List.of();
  }

  @Override
  public Optional<LoadedAdapter> stored(AdapterValues values) {
    return Optional.empty();
  }

  @Override
  public Optional<LoadedAdapter> runnable(AdapterValues values) {
    return Optional.empty();
  }

  @Override
  public LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start) {
    return new LoadedAdapter(this, values.view(parameters()));
  }

  @Override
  public Map<String, WeightChange> weightChanges(AdapterValues values) {
    return Map.of();
  }

  @Override
  public LoadedAdapter mergeable(AdapterValues values) {
    return new LoadedAdapter(this, values.copy(parameters()));
  }

  @Override
  public LoadedAdapter toLora(AdapterValues values) {
    throw new ConfigException("a head alone has no form as plain LoRA");
  }
}
