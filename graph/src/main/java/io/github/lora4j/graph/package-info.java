/**
 * Programs: values and ops ({@link io.github.lora4j.graph.Op}), recorded by {@link io.github.lora4j.graph.Graph}, differentiated, planned, and run by
 * a {@link io.github.lora4j.graph.Backend}. Nothing here knows a device, a model or an adapter; the hooks that models offer adapters are
 * {@link io.github.lora4j.graph.SiteHooks}. An op says what holds of it everywhere, a {@link io.github.lora4j.graph.Binder} how one backend runs it.
 */
package io.github.lora4j.graph;
