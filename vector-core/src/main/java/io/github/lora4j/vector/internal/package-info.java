/**
 * The Vector API's form of the kernels, one class for each group of {@link io.github.lora4j.vector.Kernels}: static methods on native segments, on
 * rows or elements from one index to another, which allocate nothing. Their contracts are written there; comments here say why the loops are as they
 * are.
 */
package io.github.lora4j.vector.internal;
