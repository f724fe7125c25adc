/**
 * The same matrix products and training steps by other libraries of the JVM (DJL, ND4J, EJML, Jlama), measured beside lora4j's in one process
 * and checked against a plain reference.
 */
package io.github.lora4j.bench.peers;
