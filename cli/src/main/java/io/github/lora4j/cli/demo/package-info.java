/**
 * {@code lora4j demo}: fetches a model and the sources of libraries as Maven artifacts, reads pairs of a Javadoc sentence and the method it
 * describes, trains an adapter on them, and compares it with BM25 and the base model on a library that was held out.
 */
package io.github.lora4j.cli.demo;
