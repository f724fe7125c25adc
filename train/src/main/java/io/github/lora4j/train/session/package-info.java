/**
 * A task, its base model and an adapter, compiled and loaded: {@link io.github.lora4j.train.session.Session} runs batches of data through them, to
 * train, evaluate or predict.
 */
package io.github.lora4j.train.session;
