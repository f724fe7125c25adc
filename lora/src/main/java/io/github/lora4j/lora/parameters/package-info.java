/**
 * The parameters an adapter trains: their shapes, names in files, first values and groups of the optimizer; and the values themselves, in memory
 * outside the heap. What a first value takes from base weights (norms, rows, changes) is declared here too.
 */
package io.github.lora4j.lora.parameters;
